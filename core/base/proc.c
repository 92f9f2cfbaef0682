#include "core/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"

enum { HELPER_SAID_MAX = 4096 };

/* Read once: no process lives through a reboot. */
static int boot_id(char ret[40], struct err *e)
{
    static char known[40];
    autotext struct text t = {0};
    int r = known[0] ? 0 : file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 256, &t, e);

    if (r < 0)
        return r;
    if (!known[0])
        snprintf(known, sizeof known, "%.36s", t.s);
    memcpy(ret, known, sizeof known);
    return 0;
}

/* When it began, and whether it is on its way out: a killed process can take a while to die
 * (closing a tap waits for the kernel), and keeps its entry until somebody waits for it. */
static int start_time(pid_t pid, unsigned long long *ret, bool *ret_ending, struct err *e)
{
    enum { PF_EXITING = 0x4 }; /* of field 9, the flags: include/linux/sched.h */
    autotext struct text t = {0};
    unsigned long flags;
    char name[40], state, *p;
    int r;

    snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
    r = file_read(AT_FDCWD, name, 4096, &t, e);
    if (r < 0)
        return r;
    p = strrchr(t.s, ')'); /* the program's name may hold spaces and brackets */
    if (!p ||
        sscanf(p + 1,
               " %c %*d %*d %*d %*d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &state, &flags, ret) != 3)
        return err_set(e, EINVAL, "'%s' has a form that rctr does not know", name);
    *ret_ending = state == 'Z' || state == 'X' || flags & PF_EXITING;
    return 0;
}

static int identify(pid_t pid, struct proc_id *ret, bool *ret_ending, struct err *e)
{
    struct proc_id id = {.pid = pid};
    int r = boot_id(id.boot, e);

    if (r == 0)
        r = start_time(pid, &id.start, ret_ending, e);
    if (r == 0)
        *ret = id;
    return r;
}

int proc_identify(pid_t pid, struct proc_id *ret, struct err *e)
{
    bool ending = false;

    return identify(pid, ret, &ending, e);
}

bool proc_alive(const struct proc_id *id)
{
    struct proc_id now;
    bool ending = false;

    return id->pid > 0 && identify(id->pid, &now, &ending, NULL) == 0 && !ending &&
           now.start == id->start && strcmp(now.boot, id->boot) == 0;
}

int proc_pidfd(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    return fd < 0 ? -errno : fd;
}

int proc_open(const struct proc_id *id, int *ret_pidfd, struct err *e)
{
    autofd int fd = proc_pidfd(id->pid);

    if (fd < 0) {
        errno = -fd;
        return err_sys(e, "process %d", (int)id->pid);
    }
    /* The number may have been given to another before the pidfd was opened: look again. */
    if (!proc_alive(id))
        return err_set(e, ESRCH, "process %d has ended", (int)id->pid);
    *ret_pidfd = take_fd(&fd);
    return 0;
}

int proc_signal(int pidfd, pid_t pid, int signo)
{
    long r;

    if (pidfd == -ESRCH) /* it had ended when it was looked for: the number may be another's now */
        return -ESRCH;
    r = pidfd >= 0 ? syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0) : kill(pid, signo);

    return r < 0 ? -errno : 0;
}

int proc_helper_start(const char *const argv[], struct proc_helper *ret, struct err *e)
{
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", lang[] = "LC_ALL=C";
    char *env[] = {path, lang, NULL};
    posix_spawn_file_actions_t acts;
    posix_spawnattr_t attr;
    sigset_t none;
    int p[2], r;

    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    sigemptyset(&none);
    posix_spawn_file_actions_init(&acts);
    posix_spawn_file_actions_adddup2(&acts, p[1], 2);
    posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&acts, 0, 1);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    r = posix_spawn(&ret->pid, argv[0], &acts, &attr, (char *const *)(const void *)argv, env);
    posix_spawn_file_actions_destroy(&acts);
    posix_spawnattr_destroy(&attr);
    close(p[1]);
    if (r != 0) {
        close(p[0]);
        errno = r;
        return err_sys(e, "cannot run %s", argv[0]);
    }
    ret->err_fd = p[0];
    return 0;
}

/* The beginning of what it says; the rest is read too, or a talkative helper would die of SIGPIPE.
 */
static void listen_to(int fd, struct text *said)
{
    char buf[4096];
    ssize_t n;

    while ((n = read(fd, buf, sizeof buf)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && said->n < HELPER_SAID_MAX)
            text_add_n(said, buf, (size_t)n);
}

int proc_helper_finish(struct proc_helper *h, struct err *e)
{
    autotext struct text said = {0};
    int status, r;

    listen_to(h->err_fd, &said);
    close(h->err_fd);
    h->err_fd = -1;
    r = proc_wait(h->pid, &status, e);
    if (r < 0)
        return r;
    if (status == 0)
        return 0;
    while (said.n && said.s[said.n - 1] == '\n')
        said.s[--said.n] = 0;
    return err_set(e, EIO, "%s (status %d)",
                   said.n && !said.failed ? said.s : "it failed without a word",
                   proc_status(status));
}

int proc_wait(pid_t pid, int *ret_status, struct err *e)
{
    while (waitpid(pid, ret_status, 0) < 0)
        if (errno != EINTR)
            return err_sys(e, "cannot wait for process %d", (int)pid);
    return 0;
}

int proc_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int proc_cpus(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}
