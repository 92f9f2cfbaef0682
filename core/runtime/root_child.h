/* root_child - the root file system of a container, mounted by the child itself: system calls only.
 *
 * Its folders are opened first, while we are still the caller: root inside may be another user
 * (--userns nomap, keep-id), and a file server may not know it. But they are opened by us, not by
 * the parent: the kernel mounts only what is of our own mount namespace. */
#ifndef RCTR_ROOT_CHILD_H
#define RCTR_ROOT_CHILD_H

#include "core/runtime/child_plan.h"

/* Open what the root consists of, in the places CHILD_FD_…, as the user that we are. 0 or -errno.
 */
int root_child_open(const struct child_root *r);

/* Mount the opened root on p->root.at and return a descriptor of it, or -errno. For fuse, the
 * device is handed to the parent through p->sync_fd (BARRIER_FUSE) before. */
int root_child_mount(const struct child_plan *p);

#endif
