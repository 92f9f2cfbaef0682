#include "storage/registry/list_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/jsonx.h"
#include "storage/ref.h"

/* ---- names ---- */

/* They become parts of names and addresses, and go to terminals. */
static int check_name(bool tag, const char *name, struct err *e)
{
    autofree char *full = text_format("registry.invalid/%s%s", tag ? "x:" : "", name);
    struct ref ref;

    if (!full)
        return err_memory(e);
    if (ref_parse(full, &ref, NULL) < 0 || strcmp(tag ? ref.tag : ref.repo, name) != 0)
        return err_set(e, EPROTO, "the registry's list holds '%.100s', which is no name of a %s",
                       name, tag ? "tag" : "repository");
    return 0;
}

static int parse(const char *bytes, size_t n, json_t **ret, struct err *e)
{
    int r = jsonx_parse(bytes ? bytes : "", n, ret, e);

    return r == 0 && !json_is_object(*ret)
               ? err_set(e, EINVAL, "the registry's list is no JSON object")
               : r;
}

int list_read_names(const char *bytes, size_t n, const char *key, struct strv *ret, struct err *e)
{
    autojson json_t *document = NULL;
    size_t i = ret->n;
    int r = parse(bytes, n, &document, e);

    if (r == 0)
        r = jsonx_strings(document, key, ret, e);
    for (; i < ret->n && r == 0; i++)
        r = check_name(strcmp(key, "tags") == 0, ret->v[i], e);
    return r;
}

/* ---- what a search finds ---- */

/* Line ends and whatever else moves a terminal become blanks, in UTF-8 also C1. */
static void tame(char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s, next = (unsigned char)s[1];

        if (c == 0xc2 && next >= 0x80 && next < 0xa0)
            s[0] = s[1] = ' ';
        else if (c < 0x20 || c == 0x7f)
            *s = ' ';
    }
}

int list_read_add(struct list_result *l, const char *registry, const char *name,
                  const char *description, struct err *e)
{
    struct list_found *v = realloc(l->v, (l->n + 1) * sizeof *v);

    if (!v)
        return err_memory(e);
    l->v = v;
    v += l->n;
    *v = (struct list_found){.name = text_format("%s/%s", registry, name),
                             .description = strdup(description)};
    l->n++; /* what is half made is freed with the list */
    return v->name && v->description ? 0 : err_memory(e);
}

static int add_result(struct list_result *l, const char *registry, const json_t *o, struct err *e)
{
    const char *name = NULL, *description = NULL;
    json_int_t stars = 0;
    bool official = false, automated = false;
    autofree char *full = NULL;
    int n = jsonx_string(o, "name", &name, e);

    if (n == 0)
        n = jsonx_string(o, "description", &description, e);
    if (n == 0)
        n = jsonx_integer(o, "star_count", &stars, e);
    if (n == 0)
        n = jsonx_bool(o, "is_official", &official, e);
    if (n == 0)
        n = jsonx_bool(o, "is_automated", &automated, e);
    if (n < 0 || !name)
        return n;
    n = check_name(false, name, e);
    if (n < 0)
        return n;
    if (strcmp(registry, "docker.io") == 0 && !strchr(name, '/')) {
        full = text_format("library/%s", name);
        if (!full)
            return err_memory(e);
    }
    n = list_read_add(l, registry, full ? full : name, description ? description : "", e);
    if (n == 0) {
        tame(l->v[l->n - 1].description);
        l->v[l->n - 1].stars = stars;
        l->v[l->n - 1].official = official;
        l->v[l->n - 1].automated = automated;
    }
    return n;
}

int list_read_found(const char *bytes, size_t count, const char *registry, size_t max,
                    struct list_result *ret, struct err *e)
{
    autojson json_t *document = NULL;
    json_t *results = NULL;
    const json_t *o;
    size_t i;
    int n = parse(bytes, count, &document, e);

    if (n == 0)
        n = jsonx_array(document, "results", &results, e);
    json_array_foreach(results, i, o)
    {
        if (n < 0 || ret->n >= max)
            break;
        n = add_result(ret, registry, o, e);
    }
    return err_wrap(e, n, "what registry '%s' found", registry);
}

void list_read_free(struct list_result *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].name);
        free(l->v[i].description);
    }
    free(l->v);
    *l = (struct list_result){0};
}
