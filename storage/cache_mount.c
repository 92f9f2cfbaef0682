/* Theory of operation. The lock lies in the folder that it guards. Who removes the folder holds the
 * lock alone and renames the folder away; who waited for the lock meanwhile looks whether the name
 * still stands for the folder that it has locked, and begins anew when it does not. A folder is
 * filled under another name and renamed to data, so that what is there is whole. */
#include "storage/cache_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/path.h"

static const char folder_name[] = "cache/mounts";

/* ---- one folder ---- */

struct opening {
    const struct store *store;
    const struct cache_mount_ask *ask;
    int all_fd; /* cache/mounts */
    const char *name;
    int fd, lock_fd; /* the folder */
};

static bool is_still_there(const struct opening *o)
{
    struct stat a, b;

    return fstat(o->fd, &a) == 0 && fstatat(o->all_fd, o->name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void close_one(struct opening *o)
{
    if (o->lock_fd >= 0)
        close(take_fd(&o->lock_fd));
    if (o->fd >= 0)
        close(take_fd(&o->fd));
}

/* As file_lock, where waiting can be given up. */
static int wait_for(const struct opening *o, int how, int *ret, struct err *e)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    bool waits = !(how & LOCK_NB) && o->ask && o->ask->give_up;
    int r;

    if (!waits)
        return file_lock(o->fd, "lock", how, ret, e);
    while ((r = file_lock(o->fd, "lock", how | LOCK_NB, ret, e)) == -EWOULDBLOCK) {
        if (o->ask->give_up(o->ask->arg))
            return err_set(e, EINTR, "interrupted");
        (void)nanosleep(&pause, NULL);
    }
    return r;
}

/* -EWOULDBLOCK with LOCK_NB. */
static int lock_one(struct opening *o, int how, struct err *e)
{
    int r;

    for (;;) {
        r = file_folder(o->all_fd, o->name, 0700, &o->fd, e);
        if (r == 0)
            r = wait_for(o, how, &o->lock_fd, e);
        if (r == 0 && is_still_there(o))
            return 0;
        close_one(o);
        if (r < 0 && r != -ENOENT) /* it was removed between the two */
            return r;
    }
}

/* The folder has to be filled: nobody else does it meanwhile. */
static int fill(struct opening *o, struct err *e)
{
    autofree char *path = text_format("%s/%s/%s/new", o->store->path, folder_name, o->name);
    int r = path ? store_remove_tree(o->fd, "new", e) : err_memory(e);

    if (r == 0 && (mkdirat(o->fd, "new", 0755) < 0 || fchmodat(o->fd, "new", 0755, 0) < 0))
        r = err_sys(e, "cannot make a folder");
    if (r == 0 && o->ask->fill)
        r = o->ask->fill(o->ask->arg, path, e);
    if (r == 0 && renameat(o->fd, "new", o->fd, "data") < 0)
        r = err_sys(e, "cannot rename a folder");
    if (r < 0)
        (void)store_remove_tree(o->fd, "new", NULL); /* else the next one does */
    return r;
}

static int has_data(const struct opening *o)
{
    return faccessat(o->fd, "data", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* `how` as flock's. */
static int open_one(struct opening *o, int how, struct err *e)
{
    int r;

    for (;;) {
        r = lock_one(o, how, e);
        if (r < 0 || has_data(o))
            return r;
        if ((how & ~LOCK_NB) == LOCK_SH) {
            close_one(o);
            r = lock_one(o, LOCK_EX | (how & LOCK_NB), e);
        }
        if (r == 0 && !has_data(o))
            r = fill(o, e);
        if (r < 0 || (how & ~LOCK_NB) == LOCK_EX)
            return r;
        close_one(o);
    }
}

/* ---- open and close ---- */

static int make_name(const struct cache_mount_ask *ask, unsigned copy,
                     char ret[CACHE_MOUNT_NAME_MAX], struct err *e)
{
    autotext struct text t = {0};
    struct digest d;
    int r;

    text_addf(&t, "%zu %s\n%s", strlen(ask->id), ask->id, ask->begin);
    r = text_check(&t, e);
    if (r == 0)
        r = hash_bytes(t.s, t.n, &d, e);
    if (r == 0)
        snprintf(ret, CACHE_MOUNT_NAME_MAX, "%.64s-%u", d.hex, copy);
    return r;
}

static int open_copy(struct opening *o, unsigned copy, int how, struct cache_mount *ret,
                     struct err *e)
{
    int r = make_name(o->ask, copy, ret->name, e);

    o->name = ret->name;
    return r < 0 ? r : open_one(o, how, e);
}

static int note_use(const struct opening *o, struct err *e)
{
    autofree char *about = text_format("%s\n", o->ask->id);

    return about ? file_replace(o->fd, "about", about, strlen(about), 0600, false, e)
                 : err_memory(e);
}

int cache_mount_open(const struct store *s, const struct cache_mount_ask *ask,
                     struct cache_mount *ret, struct err *e)
{
    struct opening o = {.store = s, .ask = ask, .all_fd = -1, .fd = -1, .lock_fd = -1};
    struct cache_mount c = {.lock_fd = -1};
    int r = strlen(ask->id) > CACHE_MOUNT_ID_MAX
                ? err_set(e, ENAMETOOLONG, "the id of the cache is too long")
                : store_folder(s, folder_name, &o.all_fd, e);

    if (r == 0 && ask->sharing != CACHE_MOUNT_PRIVATE)
        r = open_copy(&o, 0, ask->sharing == CACHE_MOUNT_LOCKED ? LOCK_EX : LOCK_SH, &c, e);
    else if (r == 0) {
        r = -EWOULDBLOCK;
        for (unsigned i = 0; i < CACHE_MOUNT_COPIES_MAX && r == -EWOULDBLOCK; i++)
            r = open_copy(&o, i, LOCK_EX | LOCK_NB, &c, e);
    }
    if (r == 0)
        r = note_use(&o, e);
    if (r == 0) {
        c.path = text_format("%s/%s/%s/data", s->path, folder_name, c.name);
        c.lock_fd = take_fd(&o.lock_fd);
        r = c.path ? 0 : err_memory(e);
    }
    close_one(&o);
    if (o.all_fd >= 0)
        close(o.all_fd);
    if (r < 0)
        cache_mount_close(&c);
    else
        *ret = c;
    return err_wrap(e, r, "cache '%.100s'", ask->id);
}

/* Unlocked, not only closed: a child that was forked meanwhile may have a copy of the descriptor.
 */
void cache_mount_close(struct cache_mount *c)
{
    if (c->lock_fd >= 0) {
        (void)flock(c->lock_fd, LOCK_UN);
        close(take_fd(&c->lock_fd));
    }
    free(c->path);
    c->path = NULL;
}

/* ---- all of them ---- */

static int tell(const struct store *s, int all_fd, const char *name,
                int (*fn)(void *arg, const struct cache_mount_item *item, struct err *e), void *arg,
                struct err *e)
{
    autofd int fd = openat(all_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autotext struct text id = {0};
    autofree char *path = text_format("%s/%s/%s/data", s->path, folder_name, name);
    struct cache_mount_item item = {.name = name, .path = path};
    struct stat st;

    if (fd < 0 || file_read(fd, "about", CACHE_MOUNT_ID_MAX + 2, &id, NULL) < 0)
        text_add(&id, ""); /* killed while it was made, or it goes at this moment */
    if (!path || text_check(&id, e) < 0)
        return err_memory(e);
    id.s[strcspn(id.s, "\n")] = 0;
    item.id = id.s;
    if (fd >= 0 && (fstatat(fd, "about", &st, AT_SYMLINK_NOFOLLOW) == 0 || fstat(fd, &st) == 0))
        item.used_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
    return fd < 0 ? 0 : fn(arg, &item, e);
}

int cache_mount_each(const struct store *s,
                     int (*fn)(void *arg, const struct cache_mount_item *item, struct err *e),
                     void *arg, struct err *e)
{
    autofd int all_fd = -1;
    autostrv struct strv names = {0};
    int r = store_folder(s, folder_name, &all_fd, e);

    if (r == 0)
        r = path_list(all_fd, &names, e);
    for (size_t i = 0; i < names.n && r == 0; i++)
        r = tell(s, all_fd, names.v[i], fn, arg, e);
    return r;
}

int cache_mount_remove(const struct store *s, const char *name, struct err *e)
{
    struct opening o = {.store = s, .all_fd = -1, .name = name, .fd = -1, .lock_fd = -1};
    int r = strchr(name, '/') ? err_set(e, EINVAL, "'%s' is no cache", name)
                              : store_folder(s, folder_name, &o.all_fd, e);

    if (r == 0 && faccessat(o.all_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        r = err_sys(e, "cache '%s'", name);
    if (r == 0)
        r = lock_one(&o, LOCK_EX | LOCK_NB, e);
    if (r == -EWOULDBLOCK)
        r = err_set(e, EBUSY, "cache '%s' is in use", name);
    if (r == 0)
        r = store_discard(s, o.all_fd, name, e);
    close_one(&o);
    if (o.all_fd >= 0)
        close(o.all_fd);
    return r;
}
