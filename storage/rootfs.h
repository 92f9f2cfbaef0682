/* rootfs - how a container's root file system is put together from layers.
 *
 * Here it is only planned (plain data, printable); the mounts are made inside the container's own
 * mount namespace by core/runtime. Drivers: native overlay (kernel 5.11+ in a user namespace),
 * fuse-overlayfs, copy. */
#ifndef RCTR_ROOTFS_H
#define RCTR_ROOTFS_H

#include "core/base/idmap.h"
#include "storage/image.h"
#include "storage/store.h"

enum rootfs_driver { ROOTFS_OVERLAY, ROOTFS_FUSE, ROOTFS_COPY, ROOTFS_FOLDER /* --rootfs DIR */ };

struct rootfs {
    enum rootfs_driver driver;
    int *lower_fds; /* owned O_PATH fds, top first (overlay, fuse); of the planner's mount
                       namespace, so overlayfs refuses them (EINVAL): mount by `lowers` */
    size_t lower_count;
    int root_fd;           /* copy and folder: the tree itself; else -1 */
    char *path;            /* copy and folder: its absolute path, owned; else NULL */
    int upper_fd, work_fd; /* overlay and fuse; else -1 */
    char *upper, *work;    /* absolute paths, owned */
    char **lowers;         /* absolute paths, owned, top first */
    char *fuse_program;    /* absolute path of fuse-overlayfs */
    bool is_volatile;      /* --rm: the kernel need not fsync */
};

const char *rootfs_driver_name(enum rootfs_driver d);

/* Which driver this host and store can use, and why, from a probe whose answer is kept in the
 * store's cache by kernel release, boot id and file system (so that a start costs two small reads).
 * $RCTR_STORAGE_DRIVER forces one; a forced one that cannot work is -ENOTSUP with the reason.
 * `ret_why` (>= 200 bytes) may be NULL. */
int rootfs_choose(struct store *s, enum rootfs_driver *ret, char *ret_why, size_t why_size,
                  struct err *e);

/* A container's upper/ is the root folder that programs see: it gets the mode and owner of the top
 * layer's. A layer that an image names twice is taken once, at its highest place (overlayfs refuses
 * a folder twice, and the lower one shows nothing).
 *
 * Plan (and for copy: make) the root of container folder `dir_fd` (path `dir`), in which upper/,
 * work/ or root/ are made. `map` is the container's map, `base` the store's. `driver` NULL: the
 * best one; of a container that has run it is the one it was made with, since each driver writes
 * its upper/ in its own way (-ENOTSUP where that one works no more). */
int rootfs_plan(struct store *s, const struct image *image, int dir_fd, const char *dir,
                const struct idmap *base, const struct idmap *map, const char *driver,
                bool is_volatile, struct rootfs *ret, struct err *e);
/* --rootfs DIR: a folder of the user's, used as it is. */
int rootfs_plan_folder(const char *path, struct rootfs *ret, struct err *e);
void rootfs_free(struct rootfs *r);

#endif
