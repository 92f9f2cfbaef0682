/* cache_mount - the folders that RUN --mount=type=cache keeps from build to build.
 *
 *   cache/mounts/NAME/data    what programs see
 *   cache/mounts/NAME/about   "ID\n"; its time is that of the last use
 *   cache/mounts/NAME/lock    held by flock while a step uses it: shared or alone
 *
 * NAME is the digest of the id and of what the folder began with, and a number: private ones have
 * several. The id is never a part of a path. */
#ifndef RCTR_CACHE_MOUNT_H
#define RCTR_CACHE_MOUNT_H

#include <stdbool.h>

#include "storage/store.h"

enum cache_mount_sharing { CACHE_MOUNT_SHARED, CACHE_MOUNT_PRIVATE, CACHE_MOUNT_LOCKED };

enum { CACHE_MOUNT_NAME_MAX = 80, CACHE_MOUNT_ID_MAX = 4096, CACHE_MOUNT_COPIES_MAX = 1000 };

struct cache_mount {
    char name[CACHE_MOUNT_NAME_MAX];
    char *path;  /* owned: of data */
    int lock_fd; /* owned */
};

struct cache_mount_ask {
    const char *id;
    const char *begin; /* what it began with, as text; "" an empty folder */
    enum cache_mount_sharing sharing;
    /* Fill a new one: `path` is an empty folder of the caller's, mode 0755. */
    int (*fill)(void *arg, const char *path, struct err *e);
    /* Asked while it waits for its turn; NULL: never. */
    bool (*give_up)(void *arg);
    void *arg;
};

/* Find or make it, and hold it. Waits for its turn: LOCKED for all others, SHARED and PRIVATE only
 * for one that has it locked (PRIVATE takes another copy then). -EINTR: it was given up. */
int cache_mount_open(const struct store *s, const struct cache_mount_ask *ask,
                     struct cache_mount *ret, struct err *e);
void cache_mount_close(struct cache_mount *c);

struct cache_mount_item {
    const char *name, *id;
    char *path; /* of data */
    long long used_ns;
};
/* All of them, in the order of their names; stops at a negative result. */
int cache_mount_each(const struct store *s,
                     int (*fn)(void *arg, const struct cache_mount_item *item, struct err *e),
                     void *arg, struct err *e);
/* -EBUSY: a step uses it. -ENOENT. */
int cache_mount_remove(const struct store *s, const char *name, struct err *e);

#endif
