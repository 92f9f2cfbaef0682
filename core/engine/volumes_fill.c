/* volumes_fill - a new volume gets what the image has at its place; declared in volumes.h.
 *
 * Theory of operation. The copy is made by root of the container's user namespace, who sees the
 * image as the container will, into volumes/NAME/copy; when it is whole and durable it is renamed
 * over the empty data folder, and then meta.json says that nothing is to be copied any more. A copy
 * that was killed is thrown away by the next container. Whoever fills a volume holds its lock.
 *
 * Another container that has the volume already (it said nocopy) may be running on the data folder,
 * which must then stay the same one: the copy goes right into it, and `copying` in meta.json says
 * so until it is whole. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/userns.h"
#include "core/base/walk.h"
#include "core/engine/volumes.h"
#include "core/runtime/inside.h"
#include "core/runtime/user.h"
#include "storage/tree.h"
#include "storage/volume_use.h"

enum {
    FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    PLACE = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
};

/* One volume or bind that wants work. */
struct item {
    const struct volume_opt *opt;
    struct volume meta; /* owned; of a volume that is filled */
    bool fill;          /* else only opt->chown */
    bool in_place;
    bool resumed;  /* in place, after one that was killed */
    int dir, lock; /* owned: volumes/NAME and its lock; -1 */
    int to;        /* owned, O_PATH: what to work on; the caller may have no right to read it */
};

struct fill {
    const struct store *s;
    const struct record *r;
    const struct spec *spec;
    const struct rootfs *root;
    const struct idmap *base;
    struct item *v;
    size_t n;
};

/* ---- which ---- */

/* Only what needs no look into the image's files. */
static bool is_root(const char *user)
{
    return !*user || strcmp(user, "0") == 0 || strcmp(user, "0:0") == 0;
}

static bool caller_is_inside(const struct idmap *map)
{
    unsigned inside;

    return idmap_inside(&map->uid, geteuid(), &inside) == 0;
}

/* Does the image have nothing at `path` for certain? Layers are folders of ours: where all of them
 * lack it, and no link is on the way, the whole of them lacks it. */
static bool image_lacks(const struct rootfs *root, const char *path)
{
    bool lacks = true;

    for (size_t i = 0; lacks && i < root->lower_count + (root->root_fd >= 0); i++) {
        int from = i < root->lower_count ? root->lower_fds[i] : root->root_fd;
        int fd = walk_open(from, path, O_PATH | O_NOFOLLOW, 0, WALK_NO_LINKS);

        if (fd >= 0)
            close(fd);
        lacks = fd == -ENOENT || fd == -ENOTDIR;
    }
    return lacks;
}

static bool is_empty(int folder)
{
    int fd = openat(folder, ".", FOLDER);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *ent;
    bool empty = d != NULL;

    if (!d && fd >= 0)
        close(fd);
    while (empty && (ent = readdir(d)))
        empty = strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0;
    if (d)
        closedir(d);
    return empty;
}

/* Others whose record names the volume. */
static int count_others(const struct fill *f, const char *name, size_t *ret, struct err *e)
{
    autovolume_use struct volume_use u = {0};
    int r = volume_use_load(f->s, &u, e);

    *ret = 0;
    for (size_t i = 0; r == 0 && i < u.volumes.n; i++)
        *ret += strcmp(u.volumes.v[i], name) == 0 && strcmp(u.containers.v[i], f->r->id) != 0;
    return r;
}

static int settled(const struct fill *f, struct item *i, struct err *e)
{
    i->fill = false;
    i->meta.needs_copy_up = i->meta.copying = false;
    return volume_save(f->s, &i->meta, !i->meta.anonymous, e);
}

/* The place where the copy is made. One that somebody has put something in is not filled: seen
 * here, by root of the container, or at last by the rename. */
static int stage(const struct fill *f, struct item *i, struct err *e)
{
    size_t others = 0;
    int r = count_others(f, i->meta.name, &others, e);

    if (r < 0)
        return r;
    i->in_place = others > 0 || i->opt->nocopy || i->meta.copying;
    i->resumed = i->meta.copying;
    if (i->in_place && !i->opt->nocopy && !i->meta.copying) {
        i->meta.copying = true;
        r = volume_save(f->s, &i->meta, !i->meta.anonymous, e);
    }
    if (r == 0 && !i->in_place) {
        r = store_remove_tree(i->dir, "copy", e);
        if (r == 0 && (mkdirat(i->dir, "copy", 0755) < 0 ||
                       fchmodat(i->dir, "copy", 0755, 0) < 0)) /* whatever the umask */
            r = err_sys(e, "cannot make a folder");
    }
    if (r < 0)
        return r;
    i->to = openat(i->dir, i->in_place ? "data" : "copy", PLACE);
    return i->to < 0 ? err_sys(e, "cannot open its folder") : 0;
}

/* Is there anything to do with a volume that says it is new? Under its lock, so meta is read again.
 */
static int look(struct fill *f, struct item *i, struct err *e)
{
    const char *name = i->opt->volume;
    autofd int data = -1;
    int r = volume_lock_one(f->s, name, &i->lock, e);

    volume_free(&i->meta);
    if (r == 0)
        r = volume_load(f->s, name, &i->meta, e);
    if (r == 0)
        r = volume_folder(f->s, name, &i->dir, e);
    if (r < 0)
        return r;
    i->fill = i->meta.needs_copy_up;
    if (!i->fill)
        return 0;
    data = openat(i->dir, "data", FOLDER);
    if (data < 0 && errno != EACCES)
        return err_sys(e, "volume \"%s\": cannot open its data folder", name);
    if (data >= 0 && !i->meta.copying && !is_empty(data))
        return settled(f, i, e);
    if (is_root(f->spec->user) && caller_is_inside(&f->spec->map) &&
        image_lacks(f->root, i->opt->destination))
        return i->opt->nocopy ? (i->fill = false, 0) : settled(f, i, e);
    return err_wrap(e, stage(f, i, e), "volume \"%s\"", name);
}

/* ---- as root of the container ---- */

static int give_all(int dir, unsigned uid, unsigned gid, dev_t dev, struct err *e)
{
    DIR *d = fdopendir(dir);
    const struct dirent *ent;
    int r = 0;

    if (!d) {
        r = err_sys(e, "cannot list a folder");
        close(dir);
        return r;
    }
    while (r == 0 && (ent = readdir(d))) {
        struct stat st;

        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
            continue;
        if (fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            r = errno == ENOENT ? 0 : err_sys(e, "cannot look at '%s'", ent->d_name);
            continue;
        }
        if (st.st_dev != dev)
            continue;
        if ((st.st_uid != uid || st.st_gid != gid) &&
            fchownat(dirfd(d), ent->d_name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
            r = err_sys(e, "cannot change the owner of '%s'", ent->d_name);
        if (r == 0 && S_ISDIR(st.st_mode)) {
            int below = openat(dirfd(d), ent->d_name, FOLDER);

            if (below >= 0)
                r = give_all(below, uid, gid, dev, e);
            else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
                r = err_sys(e, "cannot open '%s'", ent->d_name);
        }
    }
    closedir(d);
    return r;
}

static int give(const struct item *i, const struct user *u, struct err *e)
{
    struct stat st;
    int copy;

    if (fstat(i->to, &st) < 0)
        return err_sys(e, "cannot look at %s", i->opt->source);
    if (fchownat(i->to, "", u->uid, u->gid, AT_EMPTY_PATH) < 0)
        return err_sys(e, "option U: cannot change the owner of %s", i->opt->source);
    if (!S_ISDIR(st.st_mode))
        return 0;
    copy = openat(i->to, ".", FOLDER);
    if (copy < 0)
        return err_sys(e, "option U: cannot open %s", i->opt->source);
    return err_wrap(e, give_all(copy, u->uid, u->gid, st.st_dev, e), "option U: %s",
                    i->opt->source);
}

/* The image's folder, or -1. */
static int copy_from_image(int root, const struct item *i, int to, int *ret_from, struct err *e)
{
    struct tree_rules rules = {.merge = i->in_place};
    int from = walk_open(root, i->opt->destination, O_RDONLY | O_DIRECTORY, 0, WALK_IN_ROOT);
    struct stat st;

    *ret_from = from < 0 ? -1 : from;
    if (from < 0)
        return 0; /* nothing is there, or no folder: the mount will tell what it thinks of that */
    if (!i->resumed && !is_empty(to))
        return 0;
    if (!i->opt->nocopy)
        return err_wrap(e, tree_copy(from, to, &rules, e), "cannot fill volume \"%s\"",
                        i->meta.name);
    if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 ||
        fchmod(to, st.st_mode & 07777) < 0)
        return err_sys(e, "volume \"%s\": cannot set its owner", i->meta.name);
    return 0;
}

static int fill_volume(int root, const struct fill *f, const struct item *i, struct err *e)
{
    autofd int to = openat(i->to, ".", FOLDER), from = -1;
    struct user u = {0};
    int r = to < 0 ? err_sys(e, "volume \"%s\": cannot open its folder", i->meta.name)
                   : copy_from_image(root, i, to, &from, e);

    /* A user who is not known is told by the start. */
    if (r == 0 && from < 0 && user_resolve(root, f->spec->user, NULL, &u, NULL) == 0 &&
        fchown(to, u.uid, u.gid) < 0)
        r = err_sys(e, "volume \"%s\": cannot set its owner", i->meta.name);
    user_free(&u);
    if (r == 0 && !i->meta.anonymous && syncfs(to) < 0)
        r = err_sys(e, "volume \"%s\": cannot make it durable", i->meta.name);
    return r;
}

static int chown_item(int root, const struct fill *f, const struct item *i, struct err *e)
{
    struct user u = {0};
    int r = user_resolve(root, f->spec->user, NULL, &u, e);

    if (r == 0)
        r = give(i, &u, e);
    user_free(&u);
    return r;
}

static int fill_one(int root, const struct fill *f, const struct item *i, struct err *e)
{
    int r = i->fill ? fill_volume(root, f, i, e) : 0;

    return r == 0 && i->opt->chown ? chown_item(root, f, i, e) : r;
}

static int work_inside(int root_fd, void *arg, struct err *e)
{
    const struct fill *f = arg;
    int r = 0;

    for (size_t i = 0; r == 0 && i < f->n; i++)
        if (f->v[i].to >= 0)
            r = fill_one(root_fd, f, &f->v[i], e);
    return r;
}

/* Where the caller is nobody inside, root of the container could not write into a folder of his. */
static int hand_over(void *arg, struct err *e)
{
    const struct fill *f = arg;
    unsigned outside, uid, gid;

    if (idmap_outside(&f->spec->map.uid, 0, &outside) < 0 ||
        idmap_inside(&f->base->uid, outside, &uid) < 0 ||
        idmap_outside(&f->spec->map.gid, 0, &outside) < 0 ||
        idmap_inside(&f->base->gid, outside, &gid) < 0)
        return err_set(e, EINVAL, "the container's root has no counterpart in the caller's range");
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].fill && fchownat(f->v[i].to, "", uid, gid, AT_EMPTY_PATH) < 0)
            return err_sys(e, "cannot give volume \"%s\" to the container", f->v[i].meta.name);
    return 0;
}

/* ---- the whole ---- */

static int put_in_place(const struct fill *f, struct item *i, struct err *e)
{
    if (i->in_place && i->opt->nocopy)
        return 0; /* it has its owner, and may be filled by another container */
    if (!i->in_place && renameat(i->dir, "copy", i->dir, "data") < 0) {
        if (errno != ENOTEMPTY && errno != EEXIST)
            return err_sys(e, "volume \"%s\": cannot put its content in place", i->meta.name);
        (void)store_remove_tree(i->dir, "copy", NULL); /* somebody has filled it: let that be */
    }
    return settled(f, i, e);
}

static int work(struct fill *f, struct err *e)
{
    const struct inside_job job = {
        .rootfs = f->root, .map = &f->spec->map, .read_only = true, .root_only = true};
    bool any = false, fill = false;
    int r = 0;

    for (size_t i = 0; i < f->n; i++) {
        any = any || f->v[i].to >= 0;
        fill = fill || f->v[i].fill;
    }
    if (fill && !caller_is_inside(&f->spec->map))
        r = userns_run(f->base, hand_over, f, e);
    if (r == 0 && any)
        r = inside_run(&job, work_inside, f, e);
    for (size_t i = 0; r == 0 && i < f->n; i++)
        if (f->v[i].fill)
            r = put_in_place(f, &f->v[i], e);
    return r;
}

/* By name, so that two containers that fill the same volumes do not wait for each other. */
static int compare(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    return strcmp(x->opt->volume ? x->opt->volume : "", y->opt->volume ? y->opt->volume : "");
}

static bool is_new(const struct store *s, const struct volume_opt *v)
{
    autovolume struct volume meta = {0};

    return v->kind == VOLUME_OPT_VOLUME && volume_load(s, v->volume, &meta, NULL) == 0 &&
           meta.needs_copy_up && !json_object_get(meta.options, "device");
}

/* Each volume once, at the first of its places. */
static int choose(struct fill *f, struct err *e)
{
    const struct spec *s = f->spec;

    f->v = s->volume_count ? calloc(s->volume_count, sizeof *f->v) : NULL;
    if (s->volume_count && !f->v)
        return err_memory(e);
    for (size_t i = 0; i < s->volume_count; i++) {
        const struct volume_opt *o = &s->volumes[i];
        bool fill = is_new(f->s, o);

        for (size_t k = 0; fill && k < i; k++)
            fill = !s->volumes[k].volume || strcmp(s->volumes[k].volume, o->volume) != 0;
        if (fill || (o->chown && o->kind != VOLUME_OPT_TMPFS))
            f->v[f->n++] = (struct item){.opt = o, .fill = fill, .dir = -1, .lock = -1, .to = -1};
    }
    if (f->n > 1)
        qsort(f->v, f->n, sizeof *f->v, compare);
    return 0;
}

int volumes_fill(const struct store *s, const struct record *r, const struct spec *spec,
                 const struct rootfs *root, const struct idmap *base, struct err *e)
{
    struct fill f = {.s = s, .r = r, .spec = spec, .root = root, .base = base};
    int code = choose(&f, e);

    for (size_t i = 0; code == 0 && i < f.n; i++) {
        struct item *one = &f.v[i];

        if (one->fill)
            code = look(&f, one, e);
        if (code == 0 && one->to < 0 && one->opt->chown) {
            one->to = open(one->opt->source, O_PATH | O_CLOEXEC);
            if (one->to < 0)
                code = err_sys(e, "option U: cannot open %s", one->opt->source);
        }
    }
    if (code == 0 && f.n)
        code = work(&f, e);
    for (size_t i = 0; i < f.n; i++) {
        int *const fds[] = {&f.v[i].dir, &f.v[i].lock, &f.v[i].to};

        for (size_t k = 0; k < ARRAY_SIZE(fds); k++)
            if (*fds[k] >= 0)
                close(*fds[k]);
        volume_free(&f.v[i].meta);
    }
    free(f.v);
    return code;
}
