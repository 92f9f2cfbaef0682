#include "storage/registry/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/registry/toml.h"

enum { FILE_MAX = 1 << 20, OWN_MAX = REF_TEXT_MAX };

static void free_registry(struct conf_registry *r)
{
    for (size_t i = 0; i < r->mirror_count; i++)
        free(r->mirrors[i].location);
    free(r->mirrors);
    free(r->prefix);
    free(r->location);
    *r = (struct conf_registry){0};
}

void conf_free(struct conf *c)
{
    for (size_t i = 0; i < c->registry_count; i++)
        free_registry(&c->registries[i]);
    free(c->registries);
    strv_free(&c->search);
    strv_free(&c->alias_from);
    strv_free(&c->alias_to);
    *c = (struct conf){0};
}

/* ---- files ---- */

static int copy_text(const json_t *o, const char *key, char **ret, struct err *e)
{
    const char *s = NULL;
    int r = jsonx_string(o, key, &s, e);

    if (r < 0)
        return r;
    if (s && strlen(s) >= REF_PART_MAX)
        return err_set(e, EINVAL, "\"%s\" is too long", key);
    if (s && *s)
        *ret = strdup(s);
    return s && *s && !*ret ? err_memory(e) : 0;
}

static int take_mirror(const json_t *o, bool by_digest, struct conf_mirror *ret, struct err *e)
{
    const char *from = NULL;
    int r = copy_text(o, "location", &ret->location, e);

    if (r == 0)
        r = jsonx_bool(o, "insecure", &ret->insecure, e);
    if (r == 0)
        r = jsonx_string(o, "pull-from-mirror", &from, e);
    if (r < 0)
        return r;
    if (!ret->location)
        return err_set(e, EINVAL, "a mirror has no \"location\"");
    ret->digest_only = by_digest || (from && strcmp(from, "digest-only") == 0);
    ret->tag_only = from && strcmp(from, "tag-only") == 0;
    return 0;
}

static int take_mirrors(const json_t *o, struct conf_registry *ret, struct err *e)
{
    json_t *list = NULL;
    bool by_digest = false;
    int r = jsonx_array(o, "mirror", &list, e);

    if (r == 0)
        r = jsonx_bool(o, "mirror-by-digest-only", &by_digest, e);
    if (r < 0 || !list)
        return r;
    ret->mirrors = calloc(json_array_size(list) + 1, sizeof *ret->mirrors);
    if (!ret->mirrors)
        return err_memory(e);
    for (size_t i = 0; i < json_array_size(list) && r == 0; i++) {
        const json_t *item = json_array_get(list, i);

        ret->mirror_count = i + 1;
        r = json_is_object(item) ? take_mirror(item, by_digest, &ret->mirrors[i], e)
                                 : err_set(e, EINVAL, "\"mirror\" is not a list of tables");
    }
    return r;
}

static int take_registry(const json_t *o, struct conf_registry *ret, struct err *e)
{
    int r = copy_text(o, "prefix", &ret->prefix, e);

    if (r == 0)
        r = copy_text(o, "location", &ret->location, e);
    if (r == 0)
        r = jsonx_bool(o, "insecure", &ret->insecure, e);
    if (r == 0)
        r = jsonx_bool(o, "blocked", &ret->blocked, e);
    if (r == 0)
        r = take_mirrors(o, ret, e);
    if (r < 0)
        return r;
    if (!ret->prefix && !ret->location)
        return err_set(e, EINVAL, "a [[registry]] has neither \"prefix\" nor \"location\"");
    if (!ret->prefix) {
        ret->prefix = strdup(ret->location);
        return ret->prefix ? 0 : err_memory(e);
    }
    return 0;
}

/* A later table for the same prefix replaces the earlier one. */
static int add_registry(struct conf *c, const json_t *o, struct err *e)
{
    struct conf_registry fresh = {0}, *grown;
    int r = json_is_object(o) ? take_registry(o, &fresh, e)
                              : err_set(e, EINVAL, "\"registry\" is not a list of tables");

    if (r < 0) {
        free_registry(&fresh);
        return r;
    }
    for (size_t i = 0; i < c->registry_count; i++) {
        if (strcmp(c->registries[i].prefix, fresh.prefix) != 0)
            continue;
        free_registry(&c->registries[i]);
        c->registries[i] = fresh;
        return 0;
    }
    grown = reallocarray(c->registries, c->registry_count + 1, sizeof *grown);
    if (!grown) {
        free_registry(&fresh);
        return err_memory(e);
    }
    c->registries = grown;
    c->registries[c->registry_count++] = fresh;
    return 0;
}

static int take_aliases(struct conf *c, const json_t *root, struct err *e)
{
    json_t *aliases = NULL, *value;
    const char *name;
    int r = jsonx_object(root, "aliases", &aliases, e);

    if (r < 0)
        return r;
    json_object_foreach(aliases, name, value)
    {
        if (!json_is_string(value))
            return err_set(e, EINVAL, "the alias \"%s\" is not a string", name);
        r = strv_add(&c->alias_from, name, e);
        if (r == 0)
            r = strv_add(&c->alias_to, json_string_value(value), e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int take_search(struct conf *c, const json_t *root, struct err *e)
{
    if (!json_object_get(root, "unqualified-search-registries"))
        return 0;
    strv_free(&c->search);
    c->search = (struct strv){0};
    return jsonx_strings(root, "unqualified-search-registries", &c->search, e);
}

static int take_file(struct conf *c, const json_t *root, struct err *e)
{
    json_t *list = NULL;
    int r = take_search(c, root, e);

    if (json_object_get(root, "registries"))
        return err_set(e, EINVAL,
                       "it is of version 1 ([registries.search]): use version 2, "
                       "containers-registries.conf(5)");
    if (r == 0)
        r = take_aliases(c, root, e);
    if (r == 0)
        r = jsonx_array(root, "registry", &list, e);
    for (size_t i = 0; i < json_array_size(list) && r == 0; i++)
        r = add_registry(c, json_array_get(list, i), e);
    return r;
}

int conf_parse(struct conf *c, const char *text, const char *name, struct err *e)
{
    autojson json_t *root = NULL;
    int r = toml_parse(text, &root, e);

    if (r == 0)
        r = take_file(c, root, e);
    return err_wrap(e, r, "'%s'", name);
}

/* 1: read; 0: there is none. */
static int load_file(struct conf *c, const char *path, struct err *e)
{
    autotext struct text t = {0};
    struct err why = {0};
    int r = file_read(AT_FDCWD, path, FILE_MAX, &t, &why);

    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    if (r < 0) {
        if (e)
            *e = why;
        return r;
    }
    r = text_check(&t, e);
    if (r == 0)
        r = conf_parse(c, t.s, path, e);
    return r < 0 ? r : 1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int load_folder(struct conf *c, const char *path, struct err *e)
{
    autostrv struct strv names = {0};
    const struct dirent *d;
    DIR *dir = opendir(path);
    int r = 0;

    while (dir && r == 0 && (d = readdir(dir)))
        if (text_ends(d->d_name, ".conf"))
            r = strv_addf(&names, e, "%s/%s", path, d->d_name);
    if (dir)
        closedir(dir);
    if (names.n)
        qsort(names.v, names.n, sizeof *names.v, by_name);
    for (size_t i = 0; i < names.n && r >= 0; i++)
        r = load_file(c, names.v[i], e);
    return r;
}

static int load_usual(struct conf *c, struct err *e)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    autofree char *mine = config && *config ? text_format("%s/containers/registries.conf", config)
                          : home ? text_format("%s/.config/containers/registries.conf", home)
                                 : NULL;
    autofree char *mine_d = mine ? text_format("%s.d", mine) : NULL;
    int r = mine ? load_file(c, mine, e) : 0;

    if (r == 0)
        r = load_file(c, "/etc/containers/registries.conf", e);
    if (r >= 0)
        r = load_folder(c, "/etc/containers/registries.conf.d", e);
    if (r >= 0 && mine_d)
        r = load_folder(c, mine_d, e);
    return r;
}

int conf_load(struct conf *ret, struct err *e)
{
    const char *env = getenv("CONTAINERS_REGISTRIES_CONF");
    struct conf c = {0};
    int r;

    if (env && *env) {
        r = load_file(&c, env, e);
        if (r == 0)
            r = err_set(e, ENOENT, "CONTAINERS_REGISTRIES_CONF names '%s', which does not exist",
                        env);
    } else {
        r = load_usual(&c, e);
    }
    if (r < 0) {
        conf_free(&c);
        return err_wrap(e, r, "registries.conf");
    }
    *ret = c;
    return 0;
}

/* ---- short names ---- */

/* What was typed, without tag and digest. */
static const char *typed_name(const struct ref *name)
{
    return text_starts(name->repo, "library/") ? name->repo + strlen("library/") : name->repo;
}

static int candidate(const struct ref *name, const char *full, struct ref *ret, struct err *e)
{
    int r = ref_parse(full, ret, e);

    if (r < 0)
        return err_wrap(e, r, "registries.conf");
    memcpy(ret->tag, name->tag, sizeof ret->tag);
    ret->digest = name->digest;
    ret->short_name = false;
    return 0;
}

int conf_candidates(const struct conf *c, const struct ref *name, struct ref *ret, size_t *ret_n,
                    struct err *e)
{
    int r = 0;

    ret[0] = *name;
    *ret_n = 1;
    if (!name->short_name)
        return 0;
    for (size_t i = c->alias_from.n; i > 0; i--) /* the last one given counts */
        if (strcmp(c->alias_from.v[i - 1], typed_name(name)) == 0)
            return candidate(name, c->alias_to.v[i - 1], ret, e);
    for (size_t i = 0; i < c->search.n && i < CONF_CANDIDATES && r == 0; i++) {
        autofree char *full = text_format("%s/%s", c->search.v[i], typed_name(name));

        r = full ? candidate(name, full, &ret[i], e) : err_memory(e);
        *ret_n = i + 1;
    }
    return r;
}

/* ---- endpoints ---- */

/* How much of `name` ("host/path") the prefix covers; 0: nothing. */
static size_t match(const char *prefix, const char *name)
{
    size_t n = strlen(prefix), host = strcspn(name, "/");

    if (text_starts(prefix, "*.")) {
        n--; /* without the star */
        return host > n && strncmp(name + host - n, prefix + 1, n) == 0 ? host : 0;
    }
    if (strncmp(name, prefix, n) != 0 || (name[n] && name[n] != '/'))
        return 0;
    return n;
}

static int set_endpoint(struct conf_endpoint *ret, const char *location, const char *rest,
                        struct err *e)
{
    size_t host = strcspn(location, "/");
    const char *path = location + host;
    int n;

    if (host == 0 || host >= sizeof ret->host)
        return err_set(e, EINVAL, "registries.conf: the location '%s' is not well formed",
                       location);
    snprintf(ret->host, sizeof ret->host, "%.*s", (int)host, location);
    n = snprintf(ret->repo, sizeof ret->repo, "%s%s", path, rest);
    if (n < 2 || (size_t)n >= sizeof ret->repo || ret->repo[0] != '/')
        return err_set(e, EINVAL, "registries.conf: the location '%s' is not well formed",
                       location);
    memmove(ret->repo, ret->repo + 1, strlen(ret->repo));
    if (strcmp(ret->host, "docker.io") == 0)
        snprintf(ret->host, sizeof ret->host, "registry-1.docker.io");
    return 0;
}

static const struct conf_registry *find(const struct conf *c, const char *name, size_t *ret_covered)
{
    const struct conf_registry *best = NULL;
    size_t best_prefix = 0;

    *ret_covered = 0;
    for (size_t i = 0; i < c->registry_count; i++) {
        const struct conf_registry *r = &c->registries[i];
        size_t covered = match(r->prefix, name);

        if (covered && strlen(r->prefix) > best_prefix) {
            best = r;
            best_prefix = strlen(r->prefix);
            *ret_covered = covered;
        }
    }
    return best;
}

static bool mirror_serves(const struct conf_mirror *m, const struct ref *name)
{
    return name->digest.hex[0] ? !m->tag_only : !m->digest_only;
}

int conf_endpoints(const struct conf *c, const struct ref *name,
                   struct conf_endpoint ret[CONF_ENDPOINTS], size_t *ret_n, struct err *e)
{
    char full[REF_TEXT_MAX], own[OWN_MAX];
    const struct conf_registry *found;
    size_t covered, n = 0;
    int r = 0;

    ref_format_repo(name, full);
    found = find(c, full, &covered);
    if (found && found->blocked)
        return err_set(e, EPERM, "registry '%s' is blocked in registries.conf", found->prefix);
    for (size_t i = 0; found && i < found->mirror_count && n < CONF_ENDPOINTS - 1 && r == 0; i++) {
        const struct conf_mirror *m = &found->mirrors[i];

        if (!mirror_serves(m, name))
            continue;
        ret[n] = (struct conf_endpoint){.insecure = m->insecure, .mirror = true};
        r = set_endpoint(&ret[n++], m->location, full + covered, e);
    }
    if (r < 0)
        return r;
    snprintf(own, sizeof own, "%.*s", (int)(found ? covered : strlen(name->registry)), full);
    ret[n] = (struct conf_endpoint){.insecure = found && found->insecure};
    r = set_endpoint(&ret[n], found && found->location ? found->location : own, full + strlen(own),
                     e);
    if (r < 0)
        return r;
    *ret_n = n + 1;
    return 0;
}
