/* program - one life of a container: its processes, its network and its descriptors, from the clone
 * until all of it is gone. */
#ifndef RCTR_PROGRAM_H
#define RCTR_PROGRAM_H

#include "core/base/loop.h"
#include "core/runtime/parent.h"
#include "net/slirp.h"

struct program {
    /* Set by the caller. */
    struct loop *loop;
    const struct spec *spec;
    const struct rootfs *rootfs;
    const int *stdio; /* parent_hooks' */
    /* Its first process is cloned, and waits: `init` may be written down, put into a cgroup. */
    int (*cloned)(void *arg, pid_t init, struct err *e);
    /* All is set up but the program. May run the loop for as long as it likes. */
    int (*ready)(void *arg, struct err *e);
    /* It may have ended: program_has_ended tells. */
    void (*ended)(void *arg);
    void *arg;

    struct parent_running run; /* pid 0: it does not run */
    struct slirp *slirp;
    int exit_fd, exit_handle; /* the pidfd, or a signalfd of SIGCHLD on kernels before 5.3 */
    unsigned long long files; /* the caller's own soft limit; 0: not yet raised */
};

/* `p` is zeroed but for what the caller sets. */
void program_init(struct program *p);
/* On success it runs, and `ended` will be called. On failure nothing is left; e->status as
 * parent_start's. */
int program_start(struct program *p, struct err *e);
/* Also while it is only set up. */
void program_signal(struct program *p, int signo);
/* Its processes have all ended; the first one can still be looked at. */
bool program_has_ended(const struct program *p);
/* Waits. *ret_status as a shell sees it; -ECHILD: it does not run. */
int program_reap(struct program *p, int *ret_status);
/* Of one that is reaped: the file system's server, the descriptors. `hurry`: what it wrote last
 * need not reach the disk. */
void program_end(struct program *p, bool hurry);
/* The network of one that is ended; takes milliseconds. */
void program_end_network(struct program *p);

#endif
