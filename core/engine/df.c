#include "core/engine/df.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/auto.h"
#include "core/base/usage.h"
#include "core/engine/size.h"
#include "storage/image.h"
#include "storage/image_member.h"
#include "storage/layer.h"
#include "storage/refs.h"
#include "storage/volume_use.h"

/* A layer on the disk. */
struct floor {
    struct digest id;
    long long bytes;
    size_t images; /* that stand on it */
    bool in_use;   /* a container stands on it */
};

struct survey {
    const struct store *s;
    struct df *d;
    struct floor *floors;
    size_t floor_count;
    json_t *index;  /* hex of a layer → its place in floors */
    json_t *needed; /* a set: hex of the blobs that are in use */
};

/* ---- layers ---- */

static struct floor *floor_of(struct survey *v, const struct digest *id)
{
    const json_t *at = json_object_get(v->index, id->hex);
    struct layer_meta meta = {0};
    struct floor *all;

    if (at)
        return &v->floors[json_integer_value(at)];
    all = realloc(v->floors, (v->floor_count + 1) * sizeof *all);
    if (!all)
        return NULL;
    v->floors = all;
    if (json_object_set_new(v->index, id->hex, json_integer((json_int_t)v->floor_count)) < 0)
        return NULL;
    (void)layer_meta(v->s, id, &meta, NULL); /* one that is missing takes nothing */
    all += v->floor_count++;
    *all = (struct floor){.id = *id, .bytes = meta.disk_bytes};
    return all;
}

static int need(struct survey *v, const struct digest *blob, struct err *e)
{
    return blob->hex[0] && json_object_set_new(v->needed, blob->hex, json_true()) < 0
               ? err_memory(e)
               : 0;
}

static int need_image(struct survey *v, const struct digest *manifest, struct image *i,
                      struct err *e)
{
    int r = need(v, manifest, e);

    if (r < 0 || image_open(v->s, manifest, i, NULL) < 0)
        return r;
    r = need(v, &i->id, e);
    for (size_t n = 0; r == 0 && n < i->manifest.layer_count; n++)
        r = need(v, &i->manifest.layers[n].digest, e);
    return r;
}

static int see_member(void *arg, const struct image_member *m, struct err *e)
{
    autoimage struct image i = {0};

    return m->here ? need_image(arg, &m->descriptor->digest, &i, e) : 0;
}

static int see_ref(void *arg, const struct ref *name, const struct refs_target *t, struct err *e)
{
    struct survey *v = arg;
    autoimage struct image i = {0};
    int r = need(v, &t->index, e);

    (void)name;
    if (r == 0)
        r = need_image(v, &t->digest, &i, e);
    if (r == 0 && !i.id.hex[0] && image_member_each(v->s, &t->digest, see_member, v, e) == -ENOMEM)
        r = -ENOMEM; /* an index that cannot be read needs no more than itself */
    return r;
}

/* ---- images ---- */

struct each_floor {
    struct survey *v;
    void (*fn)(struct df_image *d, struct floor *f);
    struct df_image *d;
    struct strv seen; /* images of one index share layers */
};

static int see_image(void *arg, const struct image *i, struct err *e)
{
    struct each_floor *x = arg;

    for (size_t n = 0; n < i->config.diff_id_count; n++) {
        const struct digest *d = &i->config.diff_ids[n];
        struct floor *f;

        if (strv_has(&x->seen, d->hex))
            continue;
        f = floor_of(x->v, d);
        if (!f || strv_add(&x->seen, d->hex, e) < 0)
            return err_memory(e);
        x->fn(x->d, f);
    }
    return 0;
}

static int each_floor(struct survey *v, const struct image_entry *entry,
                      void (*fn)(struct df_image *d, struct floor *f), struct df_image *d,
                      struct err *e)
{
    struct each_floor x = {.v = v, .fn = fn, .d = d};
    int r = image_list_each_image(v->s, entry, see_image, &x, e);

    strv_free(&x.seen);
    return r;
}

static void count_image(struct df_image *d, struct floor *f)
{
    (void)d;
    f->images++;
}

static void add_floor(struct df_image *d, struct floor *f)
{
    *(f->images > 1 ? &d->shared : &d->unique) += f->bytes;
    d->size += f->bytes;
}

static int survey_images(struct survey *v, struct err *e)
{
    struct df *d = v->d;
    int r = image_list_load(v->s, &d->list, e);

    d->images = calloc(d->list.n + 1, sizeof *d->images);
    if (!d->images)
        return err_memory(e);
    for (size_t i = 0; r == 0 && i < d->list.n; i++)
        r = each_floor(v, &d->list.v[i], count_image, NULL, e);
    for (size_t i = 0; r == 0 && i < d->list.n; i++)
        r = each_floor(v, &d->list.v[i], add_floor, &d->images[i], e);
    return r;
}

static void sum_images(struct survey *v)
{
    struct df *d = v->d;

    d->of_images.total = d->list.n;
    for (size_t i = 0; i < d->list.n; i++)
        d->of_images.active += d->images[i].containers > 0;
    for (size_t i = 0; i < v->floor_count; i++) {
        d->of_images.size += v->floors[i].bytes;
        if (!v->floors[i].in_use)
            d->of_images.reclaimable += v->floors[i].bytes;
    }
}

/* ---- containers ---- */

static int see_container(void *arg, struct record *r, struct err *e)
{
    struct survey *v = arg;
    struct df *d = v->d;
    struct df_container *all = realloc(d->containers, (d->container_count + 1) * sizeof *all);
    autoimage struct image image = {0};
    struct size size = {0};

    if (!all)
        return err_memory(e);
    d->containers = all;
    if (record_settle(v->s, r, NULL) < 0 || size_of(v->s, r, &size, NULL) < 0)
        return 0; /* it has just been removed */
    for (size_t i = 0; i < r->layers.n; i++) {
        struct digest id;
        struct floor *f;

        if (hash_parse(r->layers.v[i], &id, NULL) < 0)
            continue;
        f = floor_of(v, &id);
        if (!f)
            return err_memory(e);
        f->in_use = true;
    }
    for (size_t i = 0; i < d->list.n; i++)
        d->images[i].containers += image_list_has_id(&d->list.v[i], r->image_id.hex);
    if (r->manifest_digest.hex[0] && need_image(v, &r->manifest_digest, &image, e) < 0)
        return -ENOMEM;
    d->of_containers.total++;
    d->of_containers.size += size.rw_bytes;
    if (record_has_monitor(r->state))
        d->of_containers.active++;
    else
        d->of_containers.reclaimable += size.rw_bytes;
    all[d->container_count].size = size.rw_bytes;
    all[d->container_count++].record = *r;
    *r = (struct record){.dir_fd = -1};
    return 0;
}

/* ---- volumes ---- */

static int survey_volumes(struct survey *v, struct err *e)
{
    autovolume_use struct volume_use use = {0};
    autostrv struct strv names = {0};
    struct df *d = v->d;
    int r = volume_use_load(v->s, &use, e);

    if (r == 0)
        r = volume_names(v->s, &names, e);
    d->volumes = calloc(names.n + 1, sizeof *d->volumes);
    if (!d->volumes)
        return err_memory(e);
    for (size_t i = 0; r == 0 && i < names.n; i++) {
        struct df_volume *to = &d->volumes[d->volume_count++];
        autofree char *path = text_format("volumes/%s/data", names.v[i]);
        struct usage u = {0};

        to->name = strdup(names.v[i]);
        if (!to->name || !path)
            return err_memory(e);
        r = usage_add_all(v->s->fd, path, &u, e);
        to->links = volume_use_count(&use, to->name);
        to->size = u.bytes;
        d->of_volumes.total++;
        d->of_volumes.active += to->links > 0;
        d->of_volumes.size += to->size;
        d->of_volumes.reclaimable += to->links ? 0 : to->size;
    }
    return r;
}

/* ---- blobs ---- */

static void survey_blobs(struct survey *v)
{
    int fd = openat(v->s->fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct df_sum *sum = &v->d->of_blobs;
    const struct dirent *ent;

    if (!dir && fd >= 0)
        close(fd);
    while (dir && (ent = readdir(dir))) {
        struct stat st;

        if (strlen(ent->d_name) != DIGEST_HEX ||
            fstatat(dirfd(dir), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        sum->total++;
        sum->size += st.st_size;
        if (json_object_get(v->needed, ent->d_name))
            sum->active++;
        else
            sum->reclaimable += st.st_size;
    }
    if (dir)
        closedir(dir);
}

int df_load(const struct store *s, struct df *ret, struct err *e)
{
    struct survey v = {.s = s, .d = ret, .index = json_object(), .needed = json_object()};
    int r = v.index && v.needed ? 0 : err_memory(e);

    *ret = (struct df){0};
    if (r == 0)
        r = survey_images(&v, e);
    if (r == 0)
        r = record_each(s, see_container, &v, e);
    if (r == 0)
        r = survey_volumes(&v, e);
    if (r == 0)
        r = refs_each_target(s, see_ref, &v, e);
    if (r == 0) {
        sum_images(&v);
        survey_blobs(&v);
    }
    free(v.floors);
    json_decref(v.index);
    json_decref(v.needed);
    return r;
}

void df_free(struct df *d)
{
    for (size_t i = 0; i < d->container_count; i++)
        record_free(&d->containers[i].record);
    for (size_t i = 0; i < d->volume_count; i++)
        free(d->volumes[i].name);
    free(d->images);
    free(d->containers);
    free(d->volumes);
    image_list_free(&d->list);
    *d = (struct df){0};
}
