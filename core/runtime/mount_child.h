/* mount_child - the file systems of a container, made by the child itself: system calls only. */
#ifndef RCTR_MOUNT_CHILD_H
#define RCTR_MOUNT_CHILD_H

#include "core/runtime/child_plan.h"

/* Open what the root consists of, in the places CHILD_FD_…, as the user that we are. 0 or -errno.
 */
int mount_child_open_root(const struct child_root *r);
/* Open the source of an ACT_BIND likewise: its source_fd, or -errno. */
int mount_child_open_source(const char *path);

/* Mount the opened root on p->root.at and return an O_PATH descriptor of it, or -errno. For
 * fuse, the device is handed to the parent through p->sync_fd (BARRIER_FUSE) before. */
int mount_child_root(const struct child_plan *p);

/* Do one act below the folder `root`. null_fd is the host's /dev/null. 0 or -errno. */
int mount_child_act(int root, int null_fd, const struct child_act *a);

/* Make `root` read-only (--read-only), then enter it and let go of the host's tree. */
int mount_child_pivot(int root, bool read_only);

/* Send one barrier with a descriptor. 0 or -errno. */
int mount_child_send_fd(int sock, enum barrier b, int fd);

#endif
