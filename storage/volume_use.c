#include "storage/volume_use.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/log.h"
#include "storage/event.h"

enum { EXIT_IN_USE = 2 }; /* as podman's */

/* One that has no record yet has not taken volumes yet; one that is being removed needs none. */
int volume_use_load(const struct store *s, struct volume_use *ret, struct err *e)
{
    autovolume_use struct volume_use u = {0};
    autostrv struct strv ids = {0};
    int r = record_ids(s, &ids, e);

    for (size_t i = 0; r == 0 && i < ids.n; i++) {
        autorecord struct record rec = {.dir_fd = -1};
        int n = record_load(s, ids.v[i], &rec, NULL);

        if (n < 0 && n != -ENOENT)
            r = strv_add(&u.unknown, ids.v[i], e);
        for (size_t k = 0; n == 0 && r == 0 && k < rec.volumes.n; k++) {
            r = strv_add(&u.volumes, rec.volumes.v[k], e);
            if (r == 0)
                r = strv_add(&u.containers, ids.v[i], e);
        }
    }
    if (r < 0)
        return r;
    *ret = u;
    u = (struct volume_use){0};
    return 0;
}

void volume_use_free(struct volume_use *u)
{
    strv_free(&u->volumes);
    strv_free(&u->containers);
    strv_free(&u->unknown);
}

size_t volume_use_count(const struct volume_use *u, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < u->volumes.n; i++)
        n += strcmp(u->volumes.v[i], name) == 0;
    return n;
}

static int in_use(struct err *e, const char *name, const char *ids)
{
    int r = err_set(e, EBUSY,
                    "volume %s is being used by the following container(s): %s: volume is being "
                    "used",
                    name, ids);

    if (e)
        e->status = EXIT_IN_USE;
    return r;
}

int volume_use_check(const struct volume_use *u, const char *name, struct err *e)
{
    autotext struct text ids = {0};
    int r;

    for (size_t i = 0; i < u->volumes.n; i++)
        if (strcmp(u->volumes.v[i], name) == 0)
            text_addf(&ids, "%s%s", ids.n ? ", " : "", u->containers.v[i]);
    r = text_check(&ids, e);
    if (r == 0 && ids.n)
        r = in_use(e, name, ids.s);
    if (r == 0 && u->unknown.n) {
        r = err_set(e, EBUSY,
                    "volume %s may be in use: the record of container %.12s cannot be read (cure: "
                    "rctr system check --repair, or force it with -f)",
                    name, u->unknown.v[0]);
        if (e)
            e->status = EXIT_IN_USE;
    }
    return r;
}

/* The caller holds the lock. After the rename nobody finds it; `ret_gone` is for store_bury. */
static int set_aside(const struct store *s, const char *name, char ret_gone[NAME_MAX],
                     struct err *e)
{
    char path[NAME_MAX + 16];

    snprintf(path, sizeof path, "volumes/%s", name);
    return err_wrap(e, store_set_aside(s, s->fd, path, ret_gone, e), "volume %s", name);
}

int volume_use_remove(const struct store *s, const char *name, bool despite, struct err *e)
{
    autovolume_use struct volume_use u = {0};
    char gone[NAME_MAX];
    autofd int lock = -1, dir = -1;
    int r = volume_folder(s, name, &dir, e);

    if (r == 0)
        r = volume_lock(s, LOCK_EX, &lock, e);
    if (r == 0)
        r = volume_use_load(s, &u, e);
    if (despite)
        strv_free(&u.unknown);
    if (r == 0)
        r = volume_use_check(&u, name, e);
    if (r == 0)
        r = set_aside(s, name, gone, e);
    if (r < 0)
        return r;
    event_add(s, &(struct event){.type = "volume", .action = "remove", .id = name});
    close(take_fd(&lock)); /* others need not wait for the unlinks */
    return err_wrap(e, store_bury(s, gone, e), "volume %s", name);
}

static bool is_anonymous(const struct store *s, const char *name)
{
    autovolume struct volume v = {0};

    return volume_load(s, name, &v, NULL) == 0 && v.anonymous;
}

int volume_use_release(const struct store *s, const struct record *r, struct err *e)
{
    int code = 0;

    for (size_t i = 0; i < r->volumes.n; i++) {
        struct err why = {0};
        int n = is_anonymous(s, r->volumes.v[i])
                    ? volume_use_remove(s, r->volumes.v[i], false, &why)
                    : 0;

        /* One that another container has from this one stays with that. */
        if (n < 0 && n != -EBUSY && n != -ENOENT && code == 0) {
            code = n;
            if (e)
                *e = why;
        }
    }
    return code;
}

/* Nothing of it can be missed: it was to go with its container, or has never been given to one. */
static bool is_left_over(const struct store *s, const char *name)
{
    autovolume struct volume v = {0};
    char path[RECORD_ID_HEX + 16];

    if (volume_load(s, name, &v, NULL) < 0 || !v.anonymous || !*v.container ||
        !(v.rm || v.needs_copy_up))
        return false;
    snprintf(path, sizeof path, "containers/%s", v.container);
    return faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

int volume_use_sweep(const struct store *s, struct err *e)
{
    autostrv struct strv names = {0};
    int r = volume_names(s, &names, e);

    for (size_t i = 0; r == 0 && i < names.n; i++) {
        struct err why = {0};
        int n;

        if (!is_left_over(s, names.v[i]))
            continue;
        n = volume_use_remove(s, names.v[i], false, &why);
        if (n < 0 && n != -EBUSY && n != -ENOENT)
            log_info("the volume %s of a container that is gone stays: %s", names.v[i], why.text);
    }
    return r;
}
