/* fd_child - descriptors of the child: as paths, and on their way to the parent. System calls only.
 */
#ifndef RCTR_FD_CHILD_H
#define RCTR_FD_CHILD_H

#include <errno.h>

#include "core/runtime/step.h"

enum { FD_CHILD_PATH_MAX = 32 };

/* "/proc/self/fd/N", which mount(2) of every kernel takes for the descriptor. Returns buf. */
const char *fd_child_path(int fd, char buf[FD_CHILD_PATH_MAX]);

/* Send one barrier with a descriptor. 0 or -errno. */
int fd_child_send(int sock, enum barrier b, int fd);

/* A system call's answer as our own: the value, or -errno. */
static inline int fd_child_result(long r)
{
    return r < 0 ? -errno : (int)r;
}

#endif
