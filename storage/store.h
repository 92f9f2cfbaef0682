/* store - the user's state folder: its layout, version, locks and temporary folders.
 *
 *   version            "1"; a newer one is refused
 *   lock               flock: shared by whoever may add objects, exclusive for prune and repair
 *   blobs/sha256/HEX   manifests, configs, compressed layers
 *   refs/REGISTRY/REPO…/:TAG   "sha256:HEX\n" of a manifest or index (storage/refs)
 *   layers/DIFF-HEX/tree, meta.json   an unpacked layer, whole once it is there
 *   containers/ID/…, names/NAME       (storage/record)
 *   volumes/NAME/data, meta.json      (storage/volume)
 *   cache/
 *   origins/           (storage/origin)
 *   tmp/BOOT.PID.START/        everything a process has in progress
 *   tmp/BOOT.PID.START.lock    held by a flock as long as that process (or a child of it) works
 *
 * An entry of tmp/ without a held lock is garbage and may be deleted by anyone: that is how crashed
 * commands are cleaned up, and removing a tree begins by renaming it to tmp/. A pull looks first
 * for beginnings of blobs that it can go on with (storage/partial).
 *
 * All folders are 0700. $RCTR_STATE, else the template of /etc/rctr/config.yaml (`state:`, with
 * $USER, $UID and $HOME), else $XDG_DATA_HOME/rctr, else ~/.local/share/rctr. */
#ifndef RCTR_STORE_H
#define RCTR_STORE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "core/base/text.h"

enum { STORE_VERSION = 1 };

struct store {
    int fd;     /* the state folder */
    char *path; /* absolute */
    int tmp_fd; /* this process's folder below tmp/, -1 until store_tmp */
    char *tmp_name;
    int tmp_lock_fd;
    int lock_fd; /* -1 until store_lock */
    pid_t tmp_owner;
    bool clear_late; /* store_close clears tmp/ */
};

/* Open, making it when missing; checks owner, mode and version. Takes no lock: reading and starting
 * containers need none. Five system calls when it is there and $RCTR_STATE names it. Old temporary
 * folders of dead processes are removed at the first store_tmp, not here. On failure nothing is
 * held; -EPERM: another user's folder; -EPROTO: a newer version; -EINVAL: not a state folder. */
int store_open(struct store *ret, struct err *e);
/* The same for a given folder. */
int store_open_at(const char *path, struct store *ret, struct err *e);
/* Removes this process's temporary folder when it is empty. */
void store_close(struct store *s);

/* Hold the store's lock until store_close: shared before adding objects, exclusive to remove. The
 * exclusive one waits for other writers, after a note when there are some. */
int store_lock_shared(struct store *s, struct err *e);
int store_lock_exclusive(struct store *s, struct err *e);
/* Let go of it, also for processes that were forked meanwhile. Nothing when it is not held. */
void store_unlock(struct store *s);

/* This process's temporary folder (borrowed fd), made at the first call; then entries of tmp/
 * whose lock is free are cleared away (in the user's namespace where needed); when there are
 * others, store_close looks again. */
int store_tmp(struct store *s, int *ret_fd, struct err *e);
/* The same, but they are cleared away by store_close: for who may still use what is in them. */
int store_tmp_late(struct store *s, int *ret_fd, struct err *e);
/* The folders of other processes below tmp/. When it belonged to a `dead` one its lock is held
 * during the call, and `fn` may take things out of it. Stops at a negative result. */
int store_each_tmp(const struct store *s,
                   int (*fn)(void *arg, int dir_fd, bool dead, struct err *e), void *arg,
                   struct err *e);
/* Clear them away now; *ret_count (may be NULL) is how many there were. What cannot be removed is
 * left and only noted. */
int store_clear_tmp(const struct store *s, size_t *ret_count, struct err *e);

/* A folder of the store by name ("blobs/sha256", "layers"), made when missing. */
int store_folder(const struct store *s, const char *name, int *ret_fd, struct err *e);

/* Remove dir_fd/name and all below it, also what users of the range own (a child in the user
 * namespace does it only where the caller's own hands do not reach). Nothing there is success. */
int store_remove_tree(int dir_fd, const char *name, struct err *e);

/* The same for dir_fd/name inside the store, in two steps: a rename to tmp/, so that it is gone at
 * once and cannot be found half-removed, then the unlinks. -ENOENT when there is nothing. */
int store_discard(const struct store *s, int dir_fd, const char *name, struct err *e);

/* The two steps by themselves, for callers whom somebody waits for: `ret_gone` is the name in tmp/.
 * When the second never happens, the cleaner of tmp/ does it. */
int store_set_aside(const struct store *s, int dir_fd, const char *name, char ret_gone[NAME_MAX],
                    struct err *e);
int store_bury(const struct store *s, const char *gone, struct err *e);

/* Where the socket files go: $XDG_RUNTIME_DIR/rctr, else STATE/run/BOOT-ID; the folder is made and
 * is the caller's own. New string, NULL on failure. */
char *store_runtime_dir(const struct store *s, struct err *e);

static inline void store_auto_(struct store *s)
{
    store_close(s);
}
/* autostore struct store s = STORE_CLOSED; */
#define autostore __attribute__((cleanup(store_auto_)))
#define STORE_CLOSED \
    (struct store) \
    { \
        .fd = -1, .tmp_fd = -1, .tmp_lock_fd = -1, .lock_fd = -1 \
    }

#endif
