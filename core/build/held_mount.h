/* held_mount - a mount that is attached nowhere yet, made beside a step to be moved into it.
 *
 * A child that is root in a user namespace of the user's map mounts it among mounts of its own, and
 * hands it over as a descriptor (open_tree(2), Linux 5.2). Nothing of it is ever seen by the host,
 * and when rctr is killed all of it is gone. A volume_opt takes it with `loose` and the source
 * "/proc/self/fd/N". */
#ifndef RCTR_HELD_MOUNT_H
#define RCTR_HELD_MOUNT_H

#include "core/base/userns.h"
#include "storage/rootfs.h"

struct held_mount {
    int fd;      /* owned: what is at the place */
    int hold_fd; /* -1: nobody has to serve it */
    struct userns_child child;
};
#define HELD_MOUNT_NONE ((struct held_mount){.fd = -1, .hold_fd = -1})

/* What is at `path` in a root file system ("/" all of it), whose links lead nowhere out of it.
 * `writable`: into its upper folder. `path` NULL: the folder itself, to be opened below, not to be
 * mounted. -ENOENT. */
int held_mount_rootfs(const struct rootfs *fs, const struct idmap *map, const char *path,
                      bool writable, struct held_mount *ret, struct err *e);

/* Owner and mode of what is made; a map of one user knows only that one. */
struct held_mount_owner {
    unsigned uid, gid, mode;
};
/* A file in memory, which is on no disk (but perhaps in the swap). `at`: some folder of the host,
 * for a moment covered in a mount namespace of its own. */
int held_mount_file(const struct idmap *map, const char *at, const struct held_mount_owner *owner,
                    const void *bytes, size_t n, struct held_mount *ret, struct err *e);
/* A socket whose connections are passed on to the socket `to` of the host, as the caller. */
int held_mount_socket(const struct idmap *map, const char *at, const struct held_mount_owner *owner,
                      const char *to, struct held_mount *ret, struct err *e);

void held_mount_close(struct held_mount *m);

#endif
