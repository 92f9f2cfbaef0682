/* Theory of operation.
 *
 * One poll loop. Its sources: the streams (core/monitor/relay.c), the pidfd of the container's
 * first process, a timer, and libslirp as the guest. The end: the pidfd says so, what is still in
 * the pipes is passed on, the record is written (or the container forgotten), and only then the
 * client is told. What nobody waits for comes last: a removed container's files, the tap, traces of
 * commands that were killed. */
#include "core/monitor/monitor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/log.h"
#include "core/base/loop.h"
#include "core/base/proc.h"
#include "core/base/self.h"
#include "core/monitor/relay.h"
#include "core/runtime/parent.h"

enum { FUSE_GRACE_MS = 5000, SWEEP_EVERY_S = 20 };

struct monitor {
    const struct monitor_job *job;
    struct loop *loop;
    struct relay relay;
    struct parent_running run;
    struct slirp *slirp;
    int exit_fd, exit_handle; /* the pidfd, or a signalfd of SIGCHLD on kernels before 5.3 */
    bool exited, timed_out, end_it;
    int status;
};

/* ---- the end ---- */

static long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void on_exit_event(void *arg, short revents)
{
    struct monitor *m = arg;
    struct signalfd_siginfo told;
    int status = 0;

    (void)revents;
    if (m->run.pidfd < 0) /* it may speak of another child, too; only waitpid counts */
        (void)!read(m->exit_fd, &told, sizeof told);
    if (m->exited || waitpid(m->run.pid, &status, m->end_it ? 0 : WNOHANG) != m->run.pid)
        return;
    m->status = proc_status(status);
    m->exited = true;
    loop_want(m->loop, m->exit_handle, -1);
    relay_end(&m->relay);
}

static void pass_signal(void *arg, int signo)
{
    struct monitor *m = arg;

    if (!m->exited)
        (void)proc_signal(m->run.pidfd, m->run.pid, signo);
}

static void stop_loop(void *arg)
{
    struct monitor *m = arg;

    loop_stop(m->loop, 0);
}

static void on_timeout(void *arg)
{
    struct monitor *m = arg;

    m->timed_out = true;
    (void)proc_signal(m->run.pidfd, m->run.pid, SIGKILL);
}

/* fuse-overlayfs ends by itself when the last mount is gone, after it has written everything. */
static void end_fuse(struct monitor *m)
{
    autofd int pidfd = -1;
    struct pollfd p;

    if (m->run.fuse_pid <= 0)
        return;
    pidfd = proc_pidfd(m->run.fuse_pid);
    p = (struct pollfd){.fd = pidfd, .events = POLLIN};
    if (m->job->record->rm || pidfd < 0 || poll(&p, 1, FUSE_GRACE_MS) <= 0)
        (void)proc_signal(pidfd, m->run.fuse_pid, SIGKILL);
    (void)proc_wait(m->run.fuse_pid, &(int){0}, NULL);
}

/* ---- starting ---- */

static int load_network(void *arg, struct err *e)
{
    struct monitor *m = arg;

    return m->job->spec->net == SPEC_NET_SLIRP ? slirp_load(e) : 0;
}

static int guest_fill(void *arg, const struct pollfd *own, size_t own_n, struct pollfd **ret_fds,
                      size_t *ret_n, int *timeout_ms, struct err *e)
{
    return slirp_fill(arg, own, own_n, ret_fds, ret_n, timeout_ms, e);
}

static void guest_dispatch(void *arg)
{
    slirp_dispatch(arg);
}

static int take_network(void *arg, int tap_fd, struct err *e)
{
    struct monitor *m = arg;
    struct loop_guest guest = {.fill = guest_fill, .dispatch = guest_dispatch};
    int r = slirp_new(&m->job->spec->slirp, tap_fd, &m->slirp, e);

    if (r < 0) {
        close(tap_fd);
        return r;
    }
    guest.arg = m->slirp;
    loop_guest(m->loop, &guest);
    return 0;
}

/* libslirp opens a descriptor for every connection of the container. */
static void raise_descriptors(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &l);
    }
}

static int start(struct monitor *m, struct err *e)
{
    const struct parent_hooks hooks = {
        .meanwhile = load_network, .network = take_network, .arg = m};
    struct plan *p = NULL;
    int r = plan_make(m->job->spec, m->job->rootfs, &p, e);

    if (r < 0)
        return r;
    r = parent_start(p, &hooks, &m->run, e);
    plan_free(p);
    if (r < 0)
        return r;
    /* The child has its own limit already: it was cloned before. */
    if (m->slirp)
        raise_descriptors();
    return 0;
}

/* Before the clone, or the signal of a program that ends at once would be lost. */
static void hold_child_signal(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, ret, NULL);
}

static int child_signal(void)
{
    sigset_t set;

    hold_child_signal(&set);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int listen_to_all(struct monitor *m, struct err *e)
{
    int r;

    m->exit_fd = m->run.pidfd >= 0 ? m->run.pidfd : child_signal();
    r = m->exit_handle = loop_add(m->loop, m->exit_fd, POLLIN, on_exit_event, m, e);
    if (r >= 0)
        r = relay_begin(&m->relay, m->run.stdio[0], m->run.stdio[1], m->run.stdio[2], m->run.tty_fd,
                        e);
    m->run.stdio[0] = m->run.stdio[1] = m->run.stdio[2] = -1; /* the relay closes them */
    if (r >= 0 && m->job->policy->timeout_s)
        r = loop_timer(m->loop, m->job->policy->timeout_s * 1000, on_timeout, m, e);
    return r < 0 ? r : 0;
}

static int set_end(void *arg, struct record *r, struct err *e)
{
    const struct monitor *m = arg;

    (void)e;
    r->state = RECORD_EXITED;
    r->exit_code = m->status;
    r->finished_ns = now_ns();
    r->monitor = r->init = r->creator = (struct proc_id){0};
    return 0;
}

/* `ret_gone`: what is left of a container that is removed, for store_bury; else "". */
static void finish(struct monitor *m, struct wire_exit *x, char ret_gone[NAME_MAX])
{
    struct record *rec = m->job->record;
    long long t = log_phase_begin();
    int r;

    if (m->exit_fd != m->run.pidfd)
        close(m->exit_fd);
    end_fuse(m);
    parent_close(&m->run);
    ret_gone[0] = 0;
    r = record_update(m->job->store, rec, set_end, m, &x->why);
    if (r == 0 && rec->rm)
        r = record_set_aside(m->job->store, rec, ret_gone, &x->why);
    if (r >= 0)
        x->why.text[0] = 0;
    x->status = m->status;
    x->timed_out = m->timed_out;
    log_phase_end(t, rec->rm ? "forget container" : "record the end");
}

/* The record may have been settled meanwhile by somebody who found the starter dead. */
static int set_running(void *arg, struct record *r, struct err *e)
{
    const struct monitor *m = arg;
    int code;

    if ((r->state != RECORD_CREATING && r->state != RECORD_STARTING) || !proc_alive(&r->creator))
        return err_set(e, ECANCELED, "whoever started container %s is gone", r->name);
    code = proc_identify(getpid(), &r->monitor, e);
    if (code == 0)
        code = proc_identify(m->run.pid, &r->init, e);
    r->state = RECORD_RUNNING;
    r->started_ns = now_ns();
    if (code == 0 && !r->driver && m->job->record->driver) {
        r->driver = strdup(m->job->record->driver);
        code = r->driver ? 0 : err_memory(e);
    }
    return code;
}

static int save_running(struct monitor *m, struct err *e)
{
    return record_update(m->job->store, m->job->record, set_running, m, e);
}

static int set_failed(void *arg, struct record *r, struct err *e)
{
    const struct err *why = arg;

    (void)e;
    if (r->state != RECORD_STARTING)
        return 1;
    r->state = r->started_ns ? RECORD_EXITED : RECORD_CREATED;
    r->monitor = r->init = r->creator = (struct proc_id){0};
    if (why->status)
        r->exit_code = why->status;
    free(r->error);
    r->error = strdup(why->text);
    return 0;
}

static void fail(struct monitor *m, struct err *e)
{
    struct record *rec = m->job->record;
    struct err lost;

    if (m->run.pid > 0) {
        (void)proc_signal(m->run.pidfd, m->run.pid, SIGKILL);
        (void)proc_wait(m->run.pid, &(int){0}, NULL);
        end_fuse(m);
    }
    /* The first failure is told. */
    if (rec->state == RECORD_CREATING)
        (void)record_remove(m->job->store, rec, &lost);
    else
        (void)record_update(m->job->store, rec, set_failed, e, &lost);
    relay_tell(&m->relay, WIRE_FAILED, e, sizeof *e);
}

/* Others may have been killed with their work half done. Not before anyone waits for us, and not
 * more often than it is worth: a thousand short runs in a row look once. */
static void sweep_after(const struct store *s)
{
    autofd int cache = -1;
    struct stat st;
    int fd;

    if (store_folder(s, "cache", &cache, NULL) < 0)
        return;
    if (fstatat(cache, "swept", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        time(NULL) - st.st_mtime < SWEEP_EVERY_S)
        return;
    fd = openat(cache, "swept", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    (void)futimens(fd, NULL);
    close(fd);
    (void)record_sweep(s, NULL); /* what cannot be put right is told by `rctr system check` */
    (void)store_clear_tmp(s, NULL, NULL);
}

static void serve(const struct monitor_job *job, int client)
{
    static struct monitor m; /* 200 KiB of buffers: not on the stack */
    struct err e = {0};
    struct wire_exit x = {0};
    char gone[NAME_MAX];
    long long t;
    int r, pid;

    self_title("rctr: monitor of a container");
    m.job = job;
    m.relay = (struct relay){.signal = pass_signal, .drained = stop_loop, .arg = &m};
    m.run = (struct parent_running){.pidfd = -1, .tty_fd = -1, .stdio = {-1, -1, -1}};
    r = loop_new(&m.loop, &e);
    relay_init(&m.relay, m.loop, client);
    hold_child_signal(&(sigset_t){0});
    if (r == 0)
        r = start(&m, &e);
    if (r == 0)
        r = save_running(&m, &e);
    if (r == 0)
        r = listen_to_all(&m, &e);
    if (r < 0) {
        fail(&m, &e);
        return;
    }
    pid = m.run.pid;
    relay_tell(&m.relay, WIRE_RUNNING, &pid, sizeof pid);
    t = log_phase_begin();
    (void)loop_run(m.loop, &x.why);
    if (!m.exited) { /* the loop itself failed */
        m.end_it = true;
        (void)proc_signal(m.run.pidfd, m.run.pid, SIGKILL);
        on_exit_event(&m, 0);
    }
    log_phase_end(t, "program, until it is reaped");
    finish(&m, &x, gone);
    relay_tell(&m.relay, WIRE_EXIT, &x, sizeof x);
    /* No command finds them any more; if we are killed, the cleaner of tmp/ does it. */
    t = log_phase_begin();
    if (gone[0])
        (void)store_bury(job->store, gone, NULL);
    log_phase_end(t, "remove the container's files");
    slirp_free(m.slirp);
    relay_close(&m.relay); /* the client goes now */
    sweep_after(job->store);
}

/* All that rctr opens is close-on-exec; what is not came from the caller (3>&1 of a script). */
static void close_inherited(void)
{
    DIR *d = opendir("/proc/self/fd");
    const struct dirent *ent;

    while (d && (ent = readdir(d))) {
        int fd = atoi(ent->d_name);

        if (fd > 2 && fcntl(fd, F_GETFD) == 0)
            close(fd);
    }
    if (d)
        closedir(d);
}

/* A session of its own, and nothing of the caller's kept open: a pipeline that waits for our
 * client's output must not wait for us. */
static void let_go(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)setsid();
    (void)signal(SIGPIPE, SIG_IGN);
    close_inherited();
    if (null < 0)
        return;
    for (int fd = 0; fd < 3; fd++)
        (void)dup2(null, fd);
    close(null);
    if (chdir("/") < 0) {
        /* The caller's folder stays busy; nothing else depends on it. */
    }
}

int monitor_start(const struct monitor_job *job, int *ret_client, struct err *e)
{
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "cannot make a socket pair");
    pid = fork();
    if (pid < 0) {
        close(pair[0]);
        close(pair[1]);
        return err_sys(e, "cannot start a monitor");
    }
    if (pid == 0) {
        close(pair[0]);
        let_go();
        serve(job, pair[1]);
        _exit(0);
    }
    close(pair[1]);
    *ret_client = pair[0];
    return 0;
}
