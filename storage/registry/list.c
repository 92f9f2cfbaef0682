#include "storage/registry/list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"

enum { PAGE = 1000, PAGE_BYTES = 4 << 20, SEARCH_PAGE = 100 };

static void add_encoded(struct text *t, const char *s)
{
    for (; *s; s++)
        if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
            strchr("-._~", *s))
            text_add_n(t, s, 1);
        else
            text_addf(t, "%%%02X", (unsigned char)*s);
}

/* ---- lists in pages ---- */

/* One page of the array `key` behind `path`, the names after `last`. *ret_new counts those that
 * were not the end of the page before: none means that there is no more. */
static int read_page(struct registry *r, const char *path, const char *key, struct strv *ret,
                     size_t *ret_new, struct err *e)
{
    struct http_answer a = {0};
    struct http_request q = {.method = "GET", .body_max = PAGE_BYTES};
    autotext struct text query = {0};
    autostrv struct strv page = {0};
    struct url u;
    int n;

    text_addf(&query, "?n=%d", (int)PAGE);
    if (ret->n) {
        text_add(&query, "&last=");
        add_encoded(&query, ret->v[ret->n - 1]);
    }
    n = text_check(&query, e);
    if (n == 0)
        n = registry_address(r, &u, e, "%s%s", path, query.s);
    q.url = &u;
    if (n == 0)
        n = registry_do(r, &q, &a, e);
    if (n == 0)
        n = list_read_names(a.body.s, a.body.n, key, &page, e);
    http_answer_free(&a);
    *ret_new = 0;
    for (size_t i = 0; n == 0 && i < page.n; i++) {
        if (ret->n && strcmp(page.v[i], ret->v[ret->n - 1]) == 0)
            continue;
        n = strv_add(ret, page.v[i], e);
        ++*ret_new;
    }
    return n;
}

static void cut(struct strv *l, size_t n)
{
    while (l->n > n) {
        free(l->v[--l->n]);
        l->v[l->n] = NULL;
    }
}

/* Registries cut pages as they like: only an empty one is the end. One that does not know pages
 * sends its first name again. */
static int read_list(struct registry *r, const char *path, const char *key, size_t max,
                     struct strv *ret, struct err *e)
{
    size_t before = 0, added = 0;
    int n;

    do {
        before = ret->n;
        n = read_page(r, path, key, ret, &added, e);
        if (n < 0)
            return n;
        if (before && added && strcmp(ret->v[before], ret->v[0]) == 0) {
            cut(ret, before);
            break;
        }
        if (!max && ret->n > LIST_MAX)
            return err_set(e, EFBIG, "the registry's list has more than %d names", (int)LIST_MAX);
    } while (added && (!max || ret->n < max));
    if (max)
        cut(ret, max);
    return 0;
}

int list_tags(const struct ref *name, const struct registry_options *o, size_t max,
              struct strv *ret, struct err *e)
{
    struct conf_endpoint at[CONF_ENDPOINTS];
    struct conf conf = {0};
    size_t count = 0;
    struct err why = {0};
    int n = conf_load(&conf, &why);

    if (n == 0)
        n = conf_endpoints(&conf, name, at, &count, &why);
    for (size_t i = 0; i < count; i++) {
        autotext struct text path = {0};
        struct registry r = {0};

        text_addf(&path, "%s/tags/list", at[i].repo);
        n = text_check(&path, &why);
        if (n == 0)
            n = registry_open(&at[i], o, &r, &why);
        if (n == 0) {
            n = read_list(&r, path.s, "tags", max, ret, &why);
            registry_close(&r);
        }
        if (n == 0)
            break;
        strv_free(ret);
        *ret = (struct strv){0};
    }
    conf_free(&conf);
    if (n < 0 && e)
        *e = why;
    return n;
}

int list_tags_of(const struct ref *name, const struct registry_options *o, size_t max,
                 struct ref *ret_name, struct strv *ret, struct err *e)
{
    struct ref full[CONF_CANDIDATES];
    struct conf conf = {0};
    size_t count = 0;
    int n = conf_load(&conf, e);

    if (n == 0)
        n = conf_candidates(&conf, name, full, &count, e);
    conf_free(&conf);
    if (n < 0)
        return n;
    n = -ENOENT;
    for (size_t i = 0; i < count && n < 0; i++) {
        n = list_tags(&full[i], o, max, ret, e);
        if (n == 0)
            *ret_name = full[i];
    }
    return n;
}

/* ---- search ---- */

static int search_path(const char *term, size_t max, struct url *u, struct err *e)
{
    autotext struct text path = {0};
    int n;

    text_add(&path, "/v1/search?q=");
    add_encoded(&path, term);
    text_addf(&path, "&n=%zu", max < SEARCH_PAGE ? max : (size_t)SEARCH_PAGE);
    n = text_check(&path, e);
    if (n == 0 && path.n >= sizeof u->rest)
        n = err_set(e, EINVAL, "the search term is too long");
    if (n == 0)
        memcpy(u->rest, path.s, path.n + 1);
    return n;
}

/* Docker Hub answers on another host than the one that has its images, and to anybody. */
static int search_hub(const char *term, const struct registry_options *o, size_t max,
                      struct list_result *ret, struct err *e)
{
    const struct http_options how = {.no_verify = o->tls_verify == 0, .cert_dir = o->cert_dir};
    struct url u;
    struct http_request q = {.method = "GET", .url = &u, .body_max = PAGE_BYTES};
    struct http_answer a = {0};
    struct http *http = NULL;
    int n = url_parse("https://index.docker.io/", &u, e);

    if (n == 0)
        n = search_path(term, max, &u, e);
    if (n == 0)
        n = http_new(&how, &http, e);
    if (n == 0)
        n = err_wrap(e, http_do(http, &q, &a, e), "cannot ask 'index.docker.io'");
    if (n == 0 && a.status / 100 != 2)
        n = err_set(e, a.status == 429 ? EBUSY : EIO,
                    "'index.docker.io' answers the search with status %d", a.status);
    if (n == 0)
        n = list_read_found(a.body.s, a.body.n, "docker.io", max, ret, e);
    http_answer_free(&a);
    http_free(http);
    return n;
}

/* 1: the registry has a search, and this is what it found. */
static int search_v1(struct registry *r, const char *registry, const char *term, size_t max,
                     struct list_result *ret, struct err *e)
{
    struct url u = r->root;
    const struct http_request q = {.method = "GET", .url = &u, .body_max = PAGE_BYTES};
    struct http_answer a = {0};
    int n = search_path(term, max, &u, e);

    if (n < 0)
        return n;
    n = registry_do(r, &q, &a, NULL);
    if (n == 0)
        n = list_read_found(a.body.s, a.body.n, registry, max, ret, e) < 0 ? 0 : 1;
    else
        n = 0;
    http_answer_free(&a);
    if (n == 0)
        list_read_free(ret);
    return n;
}

static int search_catalog(struct registry *r, const char *registry, const char *term, size_t max,
                          struct list_result *ret, struct err *e)
{
    autostrv struct strv names = {0};
    int n = read_list(r, "_catalog", "repositories", 0, &names, e);

    for (size_t i = 0; n == 0 && i < names.n && ret->n < max; i++)
        if (strstr(names.v[i], term))
            n = list_read_add(ret, registry, names.v[i], "", e);
    return err_wrap(e, n, "registry '%s' has no search and gives no list of its repositories",
                    registry);
}

int list_search(const char *registry, const char *term, const struct registry_options *o,
                size_t max, struct list_result *ret, struct err *e)
{
    struct ref name = {.repo = "x"};
    struct conf_endpoint at[CONF_ENDPOINTS];
    struct conf conf = {0};
    struct registry r = {0};
    size_t count = 0;
    int n;

    if (strcmp(registry, "docker.io") == 0)
        return search_hub(term, o, max, ret, e);
    if (strlen(registry) >= sizeof name.registry)
        return err_set(e, EINVAL, "the name of the registry is too long");
    memcpy(name.registry, registry, strlen(registry) + 1);
    n = conf_load(&conf, e);
    if (n == 0)
        n = conf_endpoints(&conf, &name, at, &count, e);
    conf_free(&conf);
    if (n < 0)
        return n;
    at[count - 1].repo[0] = 0; /* the registry itself; its mirrors have less */
    n = registry_open(&at[count - 1], o, &r, e);
    if (n < 0)
        return n;
    n = *term ? search_v1(&r, registry, term, max, ret, e) : 0;
    if (n == 0)
        n = search_catalog(&r, registry, term, max, ret, e);
    registry_close(&r);
    return n < 0 ? n : 0;
}
