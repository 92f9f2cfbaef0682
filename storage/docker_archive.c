#include "storage/docker_archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/jsonx.h"
#include "storage/manifest.h"

/* One part of a path into *to, which stays below its beginning. */
static int walk(struct text *to, const char *part, size_t n)
{
    if (n == 0 || (n == 1 && part[0] == '.'))
        return 0;
    if (n == 2 && memcmp(part, "..", 2) == 0) {
        if (to->n == 0)
            return -EINVAL;
        while (to->n > 0 && to->s[--to->n] != '/')
            ;
        to->s[to->n] = 0;
        return 0;
    }
    text_addf(to, "%s%.*s", to->n ? "/" : "", (int)n, part);
    return 0;
}

/* The folder `from` (n bytes) and then `path`, without "." and "..". */
static int join(const char *from, size_t n, const char *path, char **ret, struct err *e)
{
    autotext struct text t = {0};
    int r = path[0] == '/' || !path[0] ? -EINVAL : 0;

    text_add_n(&t, from, n);
    while (r == 0 && *path) {
        size_t len = strcspn(path, "/");

        r = walk(&t, path, len);
        path += len + (path[len] == '/');
    }
    if (r < 0 || (!t.failed && t.n == 0))
        return err_set(e, EINVAL, "it leads out of the archive");
    *ret = text_take(&t);
    return *ret ? 0 : err_memory(e);
}

int docker_archive_follow(const char *path, const char *link, char **ret, struct err *e)
{
    const char *last = strrchr(path, '/');

    return err_wrap(e, join(path, last ? (size_t)(last - path) : 0, link, ret, e),
                    "the link '%s' to '%s'", path, link);
}

static int add_path(struct strv *l, const char *path, struct err *e)
{
    char *plain = NULL;
    int r = err_wrap(e, join("", 0, path, &plain, e), "'%s'", path);

    return r < 0 ? r : strv_take(l, plain, e);
}

static int parse_image(const json_t *o, struct docker_archive_image *ret, struct err *e)
{
    autostrv struct strv written = {0};
    const char *config = NULL;
    int r = json_is_object(o) ? 0 : err_set(e, EINVAL, "it is no object");

    if (r == 0)
        r = jsonx_string(o, "Config", &config, e);
    if (r == 0 && !config)
        r = err_set(e, EINVAL, "it has no Config");
    if (r == 0)
        r = err_wrap(e, join("", 0, config, &ret->config, e), "Config '%s'", config);
    if (r == 0)
        r = jsonx_strings(o, "RepoTags", &ret->names, e);
    if (r == 0)
        r = jsonx_strings(o, "Layers", &written, e);
    if (r == 0 && written.n > MANIFEST_LAYERS_MAX)
        r = err_set(e, EINVAL, "it has %zu layers, more than %d", written.n,
                    (int)MANIFEST_LAYERS_MAX);
    for (size_t i = 0; r == 0 && i < written.n; i++)
        r = add_path(&ret->layers, written.v[i], e);
    return r;
}

int docker_archive_parse(const char *bytes, size_t n, struct docker_archive *ret, struct err *e)
{
    autojson json_t *list = NULL;
    struct docker_archive a = {0};
    int r = jsonx_parse(bytes, n, &list, e);
    size_t count;

    if (r < 0)
        return r;
    count = json_array_size(list);
    if (!json_is_array(list) || count == 0 || count > DOCKER_ARCHIVE_IMAGES_MAX)
        return err_set(e, EINVAL, "it is not a list of 1 to %d images",
                       (int)DOCKER_ARCHIVE_IMAGES_MAX);
    a.v = calloc(count, sizeof *a.v);
    if (!a.v)
        return err_memory(e);
    while (a.n < count && r == 0) {
        a.n++;
        r = err_wrap(e, parse_image(json_array_get(list, a.n - 1), &a.v[a.n - 1], e),
                     "image %zu of %zu", a.n, count);
    }
    if (r < 0)
        docker_archive_free(&a);
    else
        *ret = a;
    return r;
}

void docker_archive_free(struct docker_archive *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(a->v[i].config);
        strv_free(&a->v[i].layers);
        strv_free(&a->v[i].names);
    }
    free(a->v);
    *a = (struct docker_archive){0};
}
