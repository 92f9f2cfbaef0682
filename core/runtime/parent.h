/* parent - starts what a plan describes, and says in words what went wrong inside. */
#ifndef RCTR_PARENT_H
#define RCTR_PARENT_H

#include "core/runtime/plan.h"

/* What the caller adds while the child is on its way; each may be NULL. */
struct parent_hooks {
    /* The first process is cloned, still with the caller's user id, and waits; the user maps are
     * being written: put it into a group, write it down, load what will be needed. */
    int (*meanwhile)(void *arg, pid_t init, struct err *e);
    /* The container's network device; takes the fd. */
    int (*network)(void *arg, int tap_fd, struct err *e);
    /* All is set up; the program begins after it. May take as long as it likes. */
    int (*ready)(void *arg, struct err *e);
    const int *stdio; /* the program's own three descriptors, borrowed; NULL: pipes */
    void *arg;
};

/* A container's first process, and the descriptors of its caller's side; -1 where there is none. */
struct parent_running {
    pid_t pid;
    int pidfd;
    int tty_fd;     /* the terminal, with spec.tty */
    int stdio[3];   /* write end of stdin, read ends of stdout and stderr, without */
    pid_t fuse_pid; /* the fuse-overlayfs that serves the root, or 0 */
};

/* Clone, map, mount, exec. On success the program runs. On failure nothing is left; e->status is
 * 127 when the program was not found, 126 when it could not be run. */
int parent_start(struct plan *p, const struct parent_hooks *hooks, struct parent_running *ret,
                 struct err *e);
void parent_close(struct parent_running *r); /* closes the descriptors only */

#endif
