#include "core/base/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/proc.h"

struct answer {
    int r;
    struct err e;
};

static bool switch_is(const char *file, char value)
{
    autotext struct text t = {0};

    return file_read(AT_FDCWD, file, 64, &t, NULL) == 0 && t.s[0] == value;
}

int userns_explain(int code, struct err *e)
{
    if (switch_is("/proc/sys/kernel/unprivileged_userns_clone", '0'))
        return err_set(e, code,
                       "this host forbids user namespaces to users (cure, as root: sysctl "
                       "kernel.unprivileged_userns_clone=1)");
    if (code == ENOSPC || code == EUSERS)
        return err_set(e, code,
                       "the limit of user namespaces is reached or 0 (cure, as root: sysctl "
                       "user.max_user_namespaces=15000)");
    if (switch_is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'))
        return err_set(e, code,
                       "AppArmor forbids user namespaces to programs without a profile (cure, "
                       "as root: sysctl kernel.apparmor_restrict_unprivileged_userns=0)");
    errno = code;
    return err_sys(e, "cannot make a user namespace");
}

struct work {
    const struct idmap *map; /* NULL: no namespaces of its own */
    int (*first)(void *, struct err *);
    int (*fn)(void *, struct err *);
    void *arg;
};

/* Where nobody is user 0 (keep-id with one user only), the namespace's capabilities do. */
static int become_root(const struct idmap *map, struct err *e)
{
    unsigned outside;

    if (idmap_outside(&map->gid, 0, &outside) == 0 && setresgid(0, 0, 0) < 0)
        return err_sys(e, "cannot become root in the user namespace");
    if (idmap_outside(&map->uid, 0, &outside) == 0 && setresuid(0, 0, 0) < 0)
        return err_sys(e, "cannot become root in the user namespace");
    /* Changing the user clears it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return 0;
}

static _Noreturn void child(int sock, const struct work *w)
{
    struct answer a = {0};
    char go;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(sock, &go, 1) != 1)
        _exit(1);
    if (w->map && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        a.r = err_sys(&a.e, "cannot make the mounts private");
    if (a.r == 0 && w->first)
        a.r = w->first(w->arg, &a.e);
    if (a.r == 0 && w->map)
        a.r = become_root(w->map, &a.e);
    if (a.r == 0)
        a.r = w->fn(w->arg, &a.e);
    if (write(sock, &a, sizeof a) < 0) {
        /* The parent is gone. */
    }
    _exit(0);
}

static int start(const struct work *w, struct userns_child *ret, struct err *e)
{
    unsigned long flags = w->map ? CLONE_NEWUSER | CLONE_NEWNS : 0;
    int pair[2], r;
    long pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "cannot make a socket pair");
    pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
    if (pid < 0) {
        r = errno;
        close(pair[0]);
        close(pair[1]);
        errno = r;
        return w->map ? userns_explain(r, e) : err_sys(e, "cannot make a process");
    }
    if (pid == 0) {
        close(pair[0]);
        child(pair[1], w);
    }
    close(pair[1]);
    r = w->map ? idmap_apply(w->map, (pid_t)pid, e) : 0;
    if (r == 0 && write(pair[0], "", 1) != 1)
        r = err_sys(e, "cannot start the child in the user namespace");
    if (r < 0) {
        close(pair[0]);
        kill((pid_t)pid, SIGKILL);
        (void)proc_wait((pid_t)pid, &(int){0}, NULL);
        return r;
    }
    *ret = (struct userns_child){.pid = (pid_t)pid, .result_fd = pair[0]};
    return 0;
}

int userns_start_first(const struct idmap *map, int (*first)(void *arg, struct err *e),
                       int (*fn)(void *arg, struct err *e), void *arg, struct userns_child *ret,
                       struct err *e)
{
    return start(&(struct work){.map = map, .first = first, .fn = fn, .arg = arg}, ret, e);
}

int userns_start(const struct idmap *map, int (*fn)(void *arg, struct err *e), void *arg,
                 struct userns_child *ret, struct err *e)
{
    return userns_start_first(map, NULL, fn, arg, ret, e);
}

int userns_fork(int (*fn)(void *arg, struct err *e), void *arg, struct userns_child *ret,
                struct err *e)
{
    return start(&(struct work){.fn = fn, .arg = arg}, ret, e);
}

int userns_finish(struct userns_child *c, struct err *e)
{
    struct answer a = {0};
    ssize_t n;
    int status = 0, r;

    do
        n = recv(c->result_fd, &a, sizeof a, 0);
    while (n < 0 && errno == EINTR);
    close(c->result_fd);
    c->result_fd = -1;
    r = proc_wait(c->pid, &status, e);
    if (r < 0)
        return r;
    if (n != (ssize_t)sizeof a && WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE)
        return err_set(e, EPIPE, "cannot write: nobody reads the output any more");
    if (n != (ssize_t)sizeof a)
        return err_set(e, EPIPE, "the child in the user namespace ended early (%s %d)",
                       WIFSIGNALED(status) ? "signal" : "status",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (a.r < 0 && e)
        *e = a.e;
    return a.r;
}

int userns_run(const struct idmap *map, int (*fn)(void *arg, struct err *e), void *arg,
               struct err *e)
{
    struct userns_child c;
    int r = userns_start(map, fn, arg, &c, e);

    return r < 0 ? r : userns_finish(&c, e);
}

int userns_exec(const struct idmap *map, int (*fn)(void *arg, struct err *e), void *arg,
                struct err *e)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old_int, old_quit;
    struct userns_child c;
    struct answer a;
    ssize_t n;
    int status = 0, r = userns_start(map, fn, arg, &c, e);

    if (r < 0)
        return r;
    sigaction(SIGINT, &ignore, &old_int);
    sigaction(SIGQUIT, &ignore, &old_quit);
    /* End of file: the socket is close-on-exec, so the program runs. */
    do
        n = recv(c.result_fd, &a, sizeof a, 0);
    while (n < 0 && errno == EINTR);
    close(c.result_fd);
    r = proc_wait(c.pid, &status, e);
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGQUIT, &old_quit, NULL);
    if (r < 0)
        return r;
    if (n != (ssize_t)sizeof a)
        return proc_status(status);
    if (e)
        *e = a.e;
    return a.r;
}
