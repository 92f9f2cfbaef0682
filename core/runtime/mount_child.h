/* mount_child - what is mounted into the new root, one act after the other: system calls only. */
#ifndef RCTR_MOUNT_CHILD_H
#define RCTR_MOUNT_CHILD_H

#include "core/runtime/child_plan.h"

/* Open the source of an ACT_BIND, as the user that we are: its source_fd, or -errno. */
int mount_child_open_source(const char *path);

/* Do one act below the folder `root`. null_fd is the host's /dev/null. 0 or -errno. */
int mount_child_act(int root, int null_fd, const struct child_act *a);

/* Make `root` read-only (--read-only), then enter it and let go of the host's tree. */
int mount_child_pivot(int root, bool read_only);

#endif
