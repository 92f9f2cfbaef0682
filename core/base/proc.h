/* proc - processes: who one is, running a helper program, waiting through pidfds. */
#ifndef RCTR_PROC_H
#define RCTR_PROC_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "core/base/text.h"

/* A process that can be told from a later one with the same number, even after a reboot. */
struct proc_id {
    char boot[40]; /* /proc/sys/kernel/random/boot_id */
    pid_t pid;
    unsigned long long start; /* clock ticks after boot, field 22 of /proc/PID/stat */
};
int proc_identify(pid_t pid, struct proc_id *ret, struct err *e);
bool proc_alive(const struct proc_id *id); /* false for one that nobody has waited for yet */
/* -ESRCH when it is gone; else a pidfd that is certainly this process. */
int proc_open(const struct proc_id *id, int *ret_pidfd, struct err *e);

int proc_pidfd(pid_t pid);                        /* pidfd or -errno (-ENOSYS before 5.3) */
int proc_signal(int pidfd, pid_t pid, int signo); /* pidfd when >= 0, else kill(pid) */

/* A helper program with an absolute path, started with an empty environment but PATH and LANG,
 * standard error captured. */
struct proc_helper {
    pid_t pid;
    int err_fd;
};
int proc_helper_start(const char *const argv[], struct proc_helper *ret, struct err *e);
/* Wait; -EIO with the helper's own words when it did not exit with 0. */
int proc_helper_finish(struct proc_helper *h, struct err *e);

/* waitpid through EINTR; *ret_status as waitpid's. */
int proc_wait(pid_t pid, int *ret_status, struct err *e);
/* 0..255 as a shell sees it: the exit status, or 128 + signal. */
int proc_status(int wait_status);

/* Numbers of CPUs this process may use, at least 1. */
int proc_cpus(void);

#endif
