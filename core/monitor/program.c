#include "core/monitor/program.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/proc.h"

enum { FUSE_GRACE_MS = 5000 };

void program_init(struct program *p)
{
    p->run = (struct parent_running){.pidfd = -1, .tty_fd = -1, .stdio = {-1, -1, -1}};
    p->exit_fd = p->exit_handle = -1;
}

/* ---- hooks of parent_start ---- */

static int meanwhile(void *arg, pid_t init, struct err *e)
{
    struct program *p = arg;
    int r = 0;

    p->run.pid = init;
    if (p->spec->net == SPEC_NET_SLIRP)
        r = slirp_load(e);
    return r == 0 && p->cloned ? p->cloned(p->arg, init, e) : r;
}

__attribute__((hot)) static int guest_fill(void *arg, const struct pollfd *own, size_t own_n,
                                           struct pollfd **ret_fds, size_t *ret_n, int *timeout_ms,
                                           struct err *e)
{
    return slirp_fill(arg, own, own_n, ret_fds, ret_n, timeout_ms, e);
}

__attribute__((hot)) static void guest_dispatch(void *arg)
{
    slirp_dispatch(arg);
}

static int take_network(void *arg, int tap_fd, struct err *e)
{
    struct program *p = arg;
    struct loop_guest guest = {.fill = guest_fill, .dispatch = guest_dispatch};
    int r = slirp_new(&p->spec->slirp, tap_fd, &p->slirp, e);

    if (r < 0) {
        close(tap_fd);
        return r;
    }
    guest.arg = p->slirp;
    loop_guest(p->loop, &guest);
    return 0;
}

static int ready(void *arg, struct err *e)
{
    struct program *p = arg;

    return p->ready ? p->ready(p->arg, e) : 0;
}

/* ---- starting ---- */

/* libslirp opens a descriptor for every connection of the container; the next life of the program
 * gets the caller's own limit again. */
static void set_files(struct program *p, bool many)
{
    struct rlimit l;

    if ((!many && !p->files) || getrlimit(RLIMIT_NOFILE, &l) < 0)
        return;
    if (many && !p->files)
        p->files = l.rlim_cur;
    l.rlim_cur = many ? l.rlim_max : p->files;
    (void)setrlimit(RLIMIT_NOFILE, &l);
}

static void on_exit_event(void *arg, short revents)
{
    struct program *p = arg;
    struct signalfd_siginfo told;

    (void)revents;
    if (p->run.pidfd < 0) /* it may speak of another child, too; only waitpid counts */
        (void)!read(p->exit_fd, &told, sizeof told);
    p->ended(p->arg);
}

static int child_signal(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int program_start(struct program *p, struct err *e)
{
    const struct parent_hooks hooks = {.meanwhile = meanwhile,
                                       .network = take_network,
                                       .ready = ready,
                                       .stdio = p->stdio,
                                       .arg = p};
    struct plan *plan = NULL;
    int r = plan_make(p->spec, p->rootfs, &plan, e);

    if (r < 0)
        return r;
    set_files(p, false);
    r = parent_start(plan, &hooks, &p->run, e);
    plan_free(plan);
    if (r < 0) {
        program_init(p);
        program_end_network(p);
        return r;
    }
    if (p->slirp) /* the child has its own limit already: it was cloned before */
        set_files(p, true);
    p->exit_fd = p->run.pidfd >= 0 ? p->run.pidfd : child_signal();
    r = p->exit_handle = loop_add(p->loop, p->exit_fd, POLLIN, on_exit_event, p, e);
    if (r >= 0)
        return 0;
    program_signal(p, SIGKILL);
    (void)program_reap(p, &(int){0});
    program_end(p, true);
    program_end_network(p);
    return r;
}

void program_signal(struct program *p, int signo)
{
    if (p->run.pid > 0)
        (void)proc_signal(p->run.pidfd, p->run.pid, signo);
}

/* ---- the end ---- */

bool program_has_ended(const struct program *p)
{
    siginfo_t info = {0};

    return p->run.pid > 0 &&
           waitid(P_PID, (id_t)p->run.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == p->run.pid;
}

int program_reap(struct program *p, int *ret_status)
{
    int status = 0, r;

    if (p->run.pid <= 0)
        return -ECHILD;
    r = proc_wait(p->run.pid, &status, NULL);
    if (r == 0)
        *ret_status = proc_status(status);
    p->run.pid = 0;
    return r;
}

/* fuse-overlayfs ends by itself when the last mount is gone, after it has written everything. */
static void end_fuse(struct program *p, bool hurry)
{
    autofd int pidfd = -1;
    struct pollfd fd;

    if (p->run.fuse_pid <= 0)
        return;
    pidfd = proc_pidfd(p->run.fuse_pid);
    fd = (struct pollfd){.fd = pidfd, .events = POLLIN};
    if (hurry || pidfd < 0 || poll(&fd, 1, FUSE_GRACE_MS) <= 0)
        (void)proc_signal(pidfd, p->run.fuse_pid, SIGKILL);
    (void)proc_wait(p->run.fuse_pid, &(int){0}, NULL);
    p->run.fuse_pid = 0;
}

void program_end(struct program *p, bool hurry)
{
    if (p->exit_handle >= 0)
        loop_remove(p->loop, p->exit_handle);
    if (p->exit_fd >= 0 && p->exit_fd != p->run.pidfd)
        close(p->exit_fd);
    end_fuse(p, hurry);
    parent_close(&p->run);
    program_init(p);
}

void program_end_network(struct program *p)
{
    loop_guest(p->loop, NULL);
    slirp_free(p->slirp);
    p->slirp = NULL;
}
