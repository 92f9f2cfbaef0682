#include "core/engine/prune_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/usage.h"
#include "core/base/when.h"
#include "storage/cache_mount.h"
#include "storage/gc.h"
#include "storage/image_list.h"
#include "storage/layer.h"
#include "storage/record.h"
#include "storage/step_cache.h"

struct step {
    struct digest key, layer;
    char mount[CACHE_MOUNT_NAME_MAX]; /* no step: the folder of a cache mount */
    long long used_ns, bytes;
};

struct survey {
    struct store *s;
    struct step *v; /* owned */
    size_t n;
    struct strv layers; /* that images and containers have */
};

/* type=VALUE as docker has it. */
static bool is_mounts(const char *filter)
{
    return strcmp(filter, "type=exec.cachemount") == 0;
}

static bool is_type(const char *filter)
{
    return is_mounts(filter) || strcmp(filter, "type=regular") == 0;
}

int prune_build_check(const struct opt_list *filter, struct err *e)
{
    for (size_t i = 0; i < filter->n; i++) {
        long long ns;
        int r;

        if (is_type(filter->v[i]))
            continue;
        if (!text_starts(filter->v[i], "until=") && !text_starts(filter->v[i], "unused-for="))
            return err_set(e, EINVAL,
                           "--filter: invalid filter '%s' (until=TIME, unused-for=TIME, "
                           "type=regular, type=exec.cachemount)",
                           filter->v[i]);
        r = when_parse(strchr(filter->v[i], '=') + 1, when_now(), &ns, e);
        if (r < 0)
            return err_wrap(e, r, "--filter");
    }
    return 0;
}

/* ---- what there is ---- */

static int see_step(void *arg, const struct digest *key, const struct step_cache *step,
                    long long used_ns, struct err *e)
{
    struct survey *v = arg;
    struct step *more = reallocarray(v->v, v->n + 1, sizeof *more);
    struct layer_meta meta = {0};

    if (!more)
        return err_memory(e);
    v->v = more;
    if (step->layer.hex[0])
        (void)layer_meta(v->s, &step->layer, &meta, NULL);
    more[v->n++] = (struct step){
        .key = *key, .layer = step->layer, .used_ns = used_ns, .bytes = meta.disk_bytes};
    return 0;
}

static int see_mount(void *arg, const struct cache_mount_item *item, struct err *e)
{
    struct survey *v = arg;
    struct step *more = reallocarray(v->v, v->n + 1, sizeof *more);
    autofree char *path = text_format("cache/mounts/%s", item->name);
    struct usage use = {0};
    int r = more && path ? 0 : err_memory(e);

    if (more)
        v->v = more;
    if (r == 0)
        r = usage_add_all(v->s->fd, path, &use, e);
    if (r < 0)
        return r;
    more[v->n] = (struct step){.used_ns = item->used_ns, .bytes = use.bytes};
    strncat(more[v->n++].mount, item->name, CACHE_MOUNT_NAME_MAX - 1);
    return 0;
}

static int see_image(void *arg, const struct image *i, struct err *e)
{
    struct survey *v = arg;
    int r = 0;

    for (size_t n = 0; n < i->config.diff_id_count && r == 0; n++)
        r = strv_add(&v->layers, i->config.diff_ids[n].hex, e);
    return r;
}

static int see_container(void *arg, struct record *rec, struct err *e)
{
    struct survey *v = arg;
    int r = 0;

    for (size_t i = 0; i < rec->layers.n && r == 0; i++) {
        struct digest d;

        if (hash_parse(rec->layers.v[i], &d, NULL) == 0)
            r = strv_add(&v->layers, d.hex, e);
    }
    return r;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int compare_use(const void *a, const void *b)
{
    const struct step *x = a, *y = b;

    return (x->used_ns > y->used_ns) - (x->used_ns < y->used_ns);
}

static int survey(struct survey *v, struct err *e)
{
    autoimages struct image_list images = {0};
    int r = step_cache_each(v->s, see_step, v, e);

    if (r == 0)
        r = cache_mount_each(v->s, see_mount, v, e);
    if (r == 0)
        r = image_list_load(v->s, &images, e);
    for (size_t i = 0; i < images.n && r == 0; i++)
        r = image_list_each_image(v->s, &images.v[i], see_image, v, e);
    if (r == 0)
        r = record_each(v->s, see_container, v, e);
    if (v->layers.n)
        qsort(v->layers.v, v->layers.n, sizeof *v->layers.v, compare_texts);
    if (v->n)
        qsort(v->v, v->n, sizeof *v->v, compare_use);
    return r;
}

/* ---- what goes ---- */

static bool shared(const struct survey *v, const struct step *s)
{
    const char *hex = s->layer.hex;

    return *hex && v->layers.n &&
           bsearch(&hex, v->layers.v, v->layers.n, sizeof *v->layers.v, compare_texts);
}

static bool fits(const struct prune_build *o, const struct step *s)
{
    for (size_t i = 0; i < o->filter->n; i++) {
        long long ns;

        if (is_type(o->filter->v[i])) {
            if (is_mounts(o->filter->v[i]) != (s->mount[0] != 0))
                return false;
            continue;
        }
        if (when_parse(strchr(o->filter->v[i], '=') + 1, when_now(), &ns, NULL) < 0 ||
            s->used_ns > ns)
            return false;
    }
    return true;
}

static int remove_one(struct store *s, const struct step *step, long long *ret_bytes, struct err *e)
{
    int r;

    if (!step->mount[0])
        return step_cache_remove(s, &step->key, e);
    r = cache_mount_remove(s, step->mount, e);
    if (r == 0)
        *ret_bytes += step->bytes;
    return r;
}

int prune_build_run(struct store *s, const struct prune_build *o, struct strv *ret_keys,
                    long long *ret_bytes, struct err *e)
{
    struct survey v = {.s = s};
    struct gc_result freed = {0};
    long long left = 0;
    int r = prune_build_check(o->filter, e);

    if (r == 0)
        r = survey(&v, e);
    for (size_t i = 0; i < v.n; i++)
        left += shared(&v, &v.v[i]) ? 0 : v.v[i].bytes;
    for (size_t i = 0; i < v.n && r == 0; i++) {
        const struct step *step = &v.v[i];

        if ((!o->all && shared(&v, step)) || !fits(o, step))
            continue;
        if (o->keep_bytes && left <= o->keep_bytes)
            break;
        left -= shared(&v, step) ? 0 : step->bytes;
        r = remove_one(s, step, ret_bytes, e);
        if (r == 0)
            r = strv_add(ret_keys, step->mount[0] ? step->mount : step->key.hex, e);
        else if (r == -EBUSY || r == -ENOENT) /* a build uses it, or has taken it */
            r = 0;
    }
    if (r == 0)
        r = gc_run(s, true, &freed, e);
    *ret_bytes += freed.blob_bytes + freed.layer_bytes;
    free(v.v);
    strv_free(&v.layers);
    return r;
}
