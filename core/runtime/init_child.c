/* Why a PID 1: the kernel gives orphans to process 1 and drops every signal for it that it has no
 * handler for. A program that knows neither leaves zombies and cannot be stopped by SIGTERM. */
#include "core/runtime/init_child.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Collect all that have ended. Ends this process when the program is among them. */
static void reap(pid_t program)
{
    int status = 0, last = -1;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == program)
            last = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (last >= 0)
        _exit(last);
    if (pid < 0 && errno == ECHILD)
        _exit(255);
}

static _Noreturn void serve(pid_t program)
{
    sigset_t all;

    sigfillset(&all);
    for (;;) {
        siginfo_t info;
        int signo;

        reap(program);
        signo = (int)syscall(SYS_rt_sigtimedwait, &all, &info, NULL, 8);
        if (signo > 0 && signo != SIGCHLD && signo != SIGTTIN && signo != SIGTTOU)
            (void)kill(program, signo);
    }
}

/* ps inside must not show the command line of rctr, which may hold secrets. */
static void take_title(const struct child_plan *p)
{
    static const char title[] = "rctr-init";

    for (size_t i = 0; i < p->argument_size; i++)
        p->argument_area[i] = i < sizeof title && i + 1 < p->argument_size ? title[i] : 0;
    (void)prctl(PR_SET_NAME, title, 0, 0, 0);
}

void init_child_split(const struct child_plan *p)
{
    sigset_t all, old;
    long pid;

    /* In a container that runs already, another is process 1: orphans of ours come to us still. */
    if (getpid() != 1)
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &old);
    pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid > 0) {
        close(p->sync_fd);
        (void)syscall(SYS_close_range, 3, ~0U, 0);
        take_title(p);
        serve((pid_t)pid);
    }
    if (pid == 0) {
        (void)setpgid(0, 0);
        if (p->tty) {
            pid_t me = getpid();

            (void)ioctl(0, TIOCSPGRP, &me);
        }
    }
    /* When there was no second process, the program is PID 1 itself: better than none at all. */
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
}
