/* store - the user's state folder: its layout, version, locks and temporary folders.
 *
 *   version            "1"; a newer one is refused
 *   lock               flock: shared by whoever may add objects, exclusive for prune and repair
 *   blobs/sha256/HEX   manifests, configs, compressed layers
 *   refs/REGISTRY/REPO…/TAG    "sha256:HEX\n" of a manifest (storage/ref_store)
 *   layers/DIFF-HEX/tree, meta.json   an unpacked layer, whole once it is there
 *   containers/ID/…, names/NAME
 *   cache/, tmp/BOOT.PID.START/   everything in progress, held by a flock on its "lock"
 *
 * All folders are 0700. $RCTR_STATE, else the template of /etc/rctr/config.yaml (`state:`, with
 * $USER, $UID and $HOME), else $XDG_DATA_HOME/rctr, else ~/.local/share/rctr. */
#ifndef RCTR_STORE_H
#define RCTR_STORE_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "core/base/text.h"

struct store {
    int fd;     /* the state folder */
    char *path; /* absolute */
    int tmp_fd; /* this process's folder below tmp/, -1 until store_tmp */
    char *tmp_name;
    int tmp_lock_fd;
    int lock_fd; /* -1 until store_lock */
    pid_t tmp_owner;
};

/* Open, making it when missing; checks owner, mode and version. Takes no lock: reading and starting
 * containers need none. Old temporary folders of dead processes are removed at the first
 * store_tmp, not here. */
int store_open(struct store *ret, struct err *e);
void store_close(struct store *s); /* removes this process's temporary folder when it is empty */

/* Hold the store's lock until store_close: shared before adding objects, exclusive to remove. */
int store_lock_shared(struct store *s, struct err *e);
int store_lock_exclusive(struct store *s, struct err *e);

/* This process's temporary folder (borrowed fd), made at the first call; then folders below tmp/
 * whose lock is free are cleared away (in the user's namespace where needed). */
int store_tmp(struct store *s, int *ret_fd, struct err *e);

/* A folder of the store by name ("blobs/sha256", "layers"), made when missing. */
int store_folder(const struct store *s, const char *name, int *ret_fd, struct err *e);

/* Remove store-relative `name` and all below it, also what users of the range own (a child in the
 * user namespace does it only where the caller's own hands do not reach). */
int store_remove_tree(int dir_fd, const char *name, struct err *e);

/* Where the socket files go: $XDG_RUNTIME_DIR/rctr, else STATE/run/BOOT-ID. New string. */
char *store_runtime_dir(const struct store *s, struct err *e);

#endif
