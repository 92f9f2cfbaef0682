/* walk - open a path below a root folder that cannot be left, with system calls only.
 *
 * Images, layers and containers choose their links; a path of theirs is always resolved against
 * the folder that stands for their "/". The kernel does that (openat2, 5.6+); where openat2 is
 * missing or denied, a loop of openat(O_NOFOLLOW) and readlinkat does the same with fixed buffers.
 * No heap, no stdio: core/runtime's child uses it between clone and exec. */
#ifndef RCTR_WALK_H
#define RCTR_WALK_H

#include <stdbool.h>
#include <sys/types.h>

enum walk_how {
    WALK_IN_ROOT = 0,  /* links are followed as after a chroot: absolute ones begin at root_fd */
    WALK_NO_LINKS = 1, /* any link on the way is -ELOOP */
};

/* As openat(2) with flags and mode; O_CLOEXEC is added. Returns an fd or -errno. */
int walk_open(int root_fd, const char *path, int flags, mode_t mode, enum walk_how how);

/* For the tests: never use openat2. */
void walk_forbid_openat2(bool forbid);

#endif
