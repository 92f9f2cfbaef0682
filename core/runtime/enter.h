/* enter - one more program in a running container.
 *
 * The caller stays outside; the program is in all namespaces of the container, with the container's
 * limits, filter and capabilities as the spec says them. */
#ifndef RCTR_ENTER_H
#define RCTR_ENTER_H

#include "core/base/proc.h"
#include "core/runtime/spec.h"

struct enter_job {
    const struct spec *spec; /* args, env, cwd, user, group_add, caps, filter, limits, map, tty */
    const struct proc_id *init; /* the container's first process */
    const char *cgroup;         /* absolute folder of the container's control group, or NULL */
    int stdio[3];               /* borrowed pipes, which become the user's; -1: /dev/null */
    int signals; /* a signalfd of what is held: SIGHUP, SIGINT, SIGQUIT, SIGTERM end the waiting,
                    others are sent to us again; 0: none */
    unsigned kept_fds;    /* 3, 4, … of the caller that the program gets, too */
    bool detach;          /* the program is left to the container's first process, not to us */
    bool die_with_caller; /* SIGKILL for it when we end */
    bool supervise;       /* a process of ours beside it inherits its orphans: see enter_kill */
};

struct enter_running {
    pid_t pid;     /* a child of the caller that ends with the program's status; 0: detached */
    int pidfd;     /* owned: the same; -1: detached, or the kernel has none */
    pid_t program; /* its own process */
    int program_pidfd;
    int tty_fd; /* owned: the terminal's other side; -1 without */
};
#define ENTER_NOT_RUNNING \
    (struct enter_running) \
    { \
        .pidfd = -1, .program_pidfd = -1, .tty_fd = -1 \
    }

/* On success the program runs. On failure nothing is left; e->status is 127 when the program or
 * its working folder was not found, 126 when it could not be run. -ESRCH: the container has ended.
 * Blocks while the container's file system does not answer. */
int enter_start(const struct enter_job *j, struct enter_running *ret, struct err *e);
void enter_close(struct enter_running *r); /* closes the descriptors only */

void enter_signal(const struct enter_running *r, int signo);

/* Kill a supervised program and everything that came from it, also what has left its session. The
 * caller waits for r->pid afterwards. */
void enter_kill(const struct enter_running *r);

#endif
