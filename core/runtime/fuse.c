#include "core/runtime/fuse.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/base/text.h"

/* For the program that we become. 3 is the device's place there. */
static int keep_open(int fd)
{
    return fcntl(fd, F_DUPFD, 4);
}

_Noreturn void fuse_serve(const struct rootfs *r, bool read_only, int userns, int dev, int err_fd)
{
    autotext struct text options = {0};
    char where[32];
    char *argv[] = {r->fuse_program, NULL, NULL, NULL, where, NULL};
    char f[] = "-f", o[] = "-o", *env[] = {NULL};

    text_add(&options, "lowerdir=");
    if (read_only)
        text_addf(&options, "/proc/self/fd/%d:", keep_open(r->upper_fd));
    for (size_t i = 0; i < r->lower_count; i++)
        text_addf(&options, "%s/proc/self/fd/%d", i ? ":" : "", keep_open(r->lower_fds[i]));
    if (!read_only)
        text_addf(&options, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d",
                  keep_open(r->upper_fd), keep_open(r->work_fd));
    if ((userns >= 0 && setns(userns, CLONE_NEWUSER) < 0) || text_check(&options, NULL) < 0)
        _exit(1);
    (void)!setresgid(0, 0, 0); /* where nobody is user 0, the capabilities do */
    (void)!setresuid(0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setsid();
    dup2(dev, 3);
    fcntl(3, F_SETFD, 0);
    snprintf(where, sizeof where, "/dev/fd/3");
    dup2(err_fd, 1);
    dup2(err_fd, 2);
    argv[1] = f;
    argv[2] = o;
    argv[3] = options.s;
    execve(argv[0], argv, env);
    _exit(127);
}
