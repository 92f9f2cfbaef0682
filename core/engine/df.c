#include "core/engine/df.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/auto.h"
#include "core/engine/df_disk.h"
#include "storage/gc.h"
#include "storage/image.h"
#include "storage/step_cache.h"
#include "storage/volume_use.h"

enum { BLOCK = 512 };

/* A layer on the disk. */
struct floor {
    struct digest id;
    long long bytes;
    size_t images; /* that stand on it */
    bool in_use;   /* a container stands on it */
    bool cached;   /* a step of the build cache has made it */
};

struct survey {
    const struct store *s;
    struct df *d;
    struct df_disk disk;
    struct floor *floors;
    size_t floor_count;
    json_t *index; /* hex of a layer → its place in floors */
};

/* ---- layers ---- */

static struct floor *floor_of(struct survey *v, const struct digest *id)
{
    const json_t *at = json_object_get(v->index, id->hex);
    struct floor *all;

    if (at)
        return &v->floors[json_integer_value(at)];
    all = realloc(v->floors, (v->floor_count + 1) * sizeof *all);
    if (!all)
        return NULL;
    v->floors = all;
    if (json_object_set_new(v->index, id->hex, json_integer((json_int_t)v->floor_count)) < 0)
        return NULL;
    all += v->floor_count++;
    *all = (struct floor){.id = *id, .bytes = df_disk_of(&v->disk.layers, id->hex)};
    return all;
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
    /* Those that nothing stands on any more are counted too. */
    d->of_images.size = d->of_images.reclaimable = df_disk_sum(&v->disk.layers);
    for (size_t i = 0; i < v->floor_count; i++)
        d->of_images.reclaimable -= v->floors[i].in_use ? v->floors[i].bytes : 0;
}

/* ---- containers ---- */

static int see_container(void *arg, struct record *r, struct err *e)
{
    struct survey *v = arg;
    struct df *d = v->d;
    struct df_container *all = realloc(d->containers, (d->container_count + 1) * sizeof *all);
    long long size;

    if (!all)
        return err_memory(e);
    d->containers = all;
    if (record_settle(v->s, r, NULL) < 0)
        return 0; /* it has just been removed */
    size = df_disk_of(&v->disk.containers, r->id);
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
    d->of_containers.total++;
    if (record_has_monitor(r->state)) {
        d->of_containers.active++;
        d->of_containers.reclaimable -= size;
    }
    all[d->container_count].size = size;
    all[d->container_count++].record = *r;
    *r = (struct record){.dir_fd = -1};
    return 0;
}

/* ---- the build cache ---- */

static int see_step(void *arg, const struct digest *key, const struct step_cache *step,
                    long long used_ns, struct err *e)
{
    struct survey *v = arg;
    struct df_sum *sum = &v->d->of_builds;
    struct floor *f;

    (void)key, (void)used_ns;
    sum->total++;
    if (!step->layer.hex[0])
        return 0;
    f = floor_of(v, &step->layer);
    if (!f)
        return err_memory(e);
    if (f->images || f->in_use) {
        sum->active++;
    } else if (!f->cached) {
        f->cached = true;
        sum->size += f->bytes;
        v->d->of_images.size -= f->bytes;
        v->d->of_images.reclaimable -= f->bytes;
    }
    return 0;
}

static int survey_builds(struct survey *v, struct err *e)
{
    struct df_sum *sum = &v->d->of_builds;
    int r = step_cache_each(v->s, see_step, v, e);

    sum->size += v->disk.builds;
    sum->reclaimable = sum->size;
    return r;
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
        to->name = strdup(names.v[i]);
        if (!to->name)
            return err_memory(e);
        to->links = volume_use_count(&use, to->name);
        to->size = df_disk_of(&v->disk.volumes, to->name);
        d->of_volumes.total++;
        d->of_volumes.active += to->links > 0;
        d->of_volumes.reclaimable -= to->links ? to->size : 0;
    }
    return r;
}

/* ---- blobs ---- */

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int survey_blobs(struct survey *v, struct err *e)
{
    int fd = openat(v->s->fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    autostrv struct strv needed = {0};
    struct df_sum *sum = &v->d->of_blobs;
    const struct dirent *ent;
    bool all;

    if (!dir && fd >= 0)
        close(fd);
    r = gc_needed_blobs(v->s, &needed, e);
    all = r == -EBADMSG; /* an image is damaged: prune would remove nothing */
    while (dir && (r == 0 || all) && (ent = readdir(dir))) {
        const char *name = ent->d_name;
        struct stat st;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        sum->total++;
        sum->size += (long long)st.st_blocks * BLOCK;
        if (all || (needed.n && bsearch(&name, needed.v, needed.n, sizeof *needed.v, compare)))
            sum->active++;
        else
            sum->reclaimable += (long long)st.st_blocks * BLOCK;
    }
    if (dir)
        closedir(dir);
    return all ? 0 : r;
}

static void begin_sums(struct survey *v)
{
    struct df *d = v->d;

    d->of_containers.size = d->of_containers.reclaimable = df_disk_sum(&v->disk.containers);
    d->of_volumes.size = d->of_volumes.reclaimable = df_disk_sum(&v->disk.volumes);
    d->of_rest = (struct df_sum){
        .total = v->disk.rest_files, .size = v->disk.rest, .reclaimable = v->disk.leftover};
    d->of_rest.active = d->of_rest.total - v->disk.leftovers;
}

int df_load(const struct store *s, struct df *ret, struct err *e)
{
    struct survey v = {.s = s, .d = ret, .index = json_object()};
    int r = v.index ? 0 : err_memory(e);

    *ret = (struct df){0};
    if (r == 0)
        r = df_disk_load(s, &v.disk, e);
    if (r == 0)
        begin_sums(&v);
    if (r == 0)
        r = survey_images(&v, e);
    if (r == 0)
        r = record_each(s, see_container, &v, e);
    if (r == 0)
        r = survey_volumes(&v, e);
    if (r == 0)
        r = survey_blobs(&v, e);
    if (r == 0)
        sum_images(&v);
    if (r == 0)
        r = survey_builds(&v, e);
    df_disk_free(&v.disk);
    free(v.floors);
    json_decref(v.index);
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
