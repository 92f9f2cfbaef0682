/* Theory of operation.
 *
 * One poll loop. Its sources: the client's socket, the container's output (two pipes or a
 * terminal), its input, the pidfd of its first process, a timer, and libslirp as the guest.
 *
 * Output goes to the client as it comes; while the client does not keep up, nothing is read, so
 * that the container waits instead of our memory growing. Without a client, output is dropped.
 * The end: the pidfd says so, what is still in the pipes is passed on, the record is written (or
 * the container forgotten), and only then the client is told. What nobody waits for comes last: a
 * removed container's files, the tap, traces of commands that were killed. */
#include "core/monitor/monitor.h"

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
#include "core/monitor/wire.h"
#include "core/runtime/parent.h"

enum { FUSE_GRACE_MS = 5000, SWEEP_EVERY_S = 20 };

/* One direction of output. */
struct output {
    struct monitor *m;
    enum wire_kind kind;
    int fd; /* -1: at its end */
    int handle;
    size_t held; /* bytes of buf that the client has not taken yet */
    char buf[WIRE_DATA_MAX];
};

struct monitor {
    const struct monitor_job *job;
    struct loop *loop;
    int client, client_handle; /* -1: gone */
    struct parent_running run;
    struct output out[2];
    int in_fd, in_handle;
    size_t in_held, in_at;
    char in_buf[WIRE_WINDOW * WIRE_DATA_MAX];
    size_t in_sizes[WIRE_WINDOW]; /* of the messages in in_buf, to be answered */
    size_t in_count;
    bool in_end;
    struct slirp *slirp;
    int exit_fd, exit_handle; /* the pidfd, or a signalfd of SIGCHLD on kernels before 5.3 */
    bool exited, timed_out, end_it;
    int status;
};

/* ---- the client ---- */

static void lose_client(struct monitor *m)
{
    if (m->client < 0)
        return;
    loop_remove(m->loop, m->client_handle);
    close(m->client);
    m->client = -1;
    for (size_t i = 0; i < ARRAY_SIZE(m->out); i++) { /* nobody wants what is held */
        m->out[i].held = 0;
        if (m->out[i].fd >= 0)
            loop_want(m->loop, m->out[i].handle, POLLIN);
    }
}

static void tell(struct monitor *m, enum wire_kind kind, const void *payload, size_t n)
{
    if (m->client >= 0 && wire_send(m->client, kind, payload, n, 1) < 0)
        lose_client(m);
}

static void end_input(struct monitor *m)
{
    if (m->in_fd < 0)
        return;
    loop_remove(m->loop, m->in_handle);
    if (m->job->spec->tty) { /* the terminal stays open for its output */
        m->in_fd = -1;
        return;
    }
    close(m->in_fd);
    m->in_fd = -1;
}

/* One message of input is with the container: the client may send another. */
static void answer_taken(struct monitor *m)
{
    size_t done = m->in_at;

    while (m->in_count && done >= m->in_sizes[0]) {
        done -= m->in_sizes[0];
        m->in_at -= m->in_sizes[0];
        m->in_held -= m->in_sizes[0];
        memmove(m->in_buf, m->in_buf + m->in_sizes[0], m->in_held);
        m->in_count--;
        memmove(m->in_sizes, m->in_sizes + 1, m->in_count * sizeof *m->in_sizes);
        tell(m, WIRE_TAKEN, NULL, 0);
    }
}

static void push_input(struct monitor *m)
{
    while (m->in_fd >= 0 && m->in_at < m->in_held) {
        ssize_t n = write(m->in_fd, m->in_buf + m->in_at, m->in_held - m->in_at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) { /* the container closed its side: what comes is taken and dropped */
            m->in_at = m->in_held;
            answer_taken(m);
            end_input(m);
            return;
        }
        m->in_at += (size_t)n;
    }
    if (m->in_fd < 0)
        m->in_at = m->in_held;
    answer_taken(m);
    if (m->in_fd >= 0)
        loop_want(m->loop, m->in_handle, m->in_at < m->in_held ? POLLOUT : -1);
    if (m->in_end && m->in_at == m->in_held)
        end_input(m);
}

static void on_input_ready(void *arg, short revents)
{
    (void)revents;
    push_input(arg);
}

static void take_input(struct monitor *m, const char *bytes, size_t n)
{
    if (m->in_count == WIRE_WINDOW || m->in_held + n > sizeof m->in_buf) {
        lose_client(m); /* it does not keep to the window: not one of ours */
        return;
    }
    memcpy(m->in_buf + m->in_held, bytes, n);
    m->in_held += n;
    m->in_sizes[m->in_count++] = n;
    push_input(m);
}

static void resize(struct monitor *m, const void *payload, size_t n)
{
    struct wire_size s;
    struct winsize w = {0};

    if (n != sizeof s || m->run.tty_fd < 0)
        return;
    memcpy(&s, payload, sizeof s);
    w.ws_row = s.rows;
    w.ws_col = s.cols;
    (void)ioctl(m->run.tty_fd, TIOCSWINSZ, &w); /* only looks */
}

static void forward_signal(struct monitor *m, const void *payload, size_t n)
{
    int signo;

    if (n != sizeof signo)
        return;
    memcpy(&signo, payload, sizeof signo);
    if (!m->exited)
        (void)proc_signal(m->run.pidfd, m->run.pid, signo);
}

static void on_client(void *arg, short revents)
{
    static char buf[WIRE_DATA_MAX];
    struct monitor *m = arg;
    enum wire_kind kind;
    ssize_t n;

    if (revents & POLLOUT) {
        loop_want(m->loop, m->client_handle, POLLIN);
        for (size_t i = 0; i < ARRAY_SIZE(m->out); i++)
            if (m->out[i].fd >= 0)
                loop_want(m->loop, m->out[i].handle, POLLIN);
    }
    while (m->client >= 0) {
        n = wire_recv(m->client, &kind, buf, sizeof buf);
        if (n == -EAGAIN)
            return;
        if (n < 0 || kind == WIRE_DETACH) {
            lose_client(m);
            return;
        }
        if (kind == WIRE_STDIN)
            take_input(m, buf, (size_t)n);
        else if (kind == WIRE_RESIZE)
            resize(m, buf, (size_t)n);
        else if (kind == WIRE_SIGNAL)
            forward_signal(m, buf, (size_t)n);
        else if (kind == WIRE_STDIN_END) {
            m->in_end = true;
            push_input(m);
        }
    }
}

/* ---- output ---- */

static void close_output(struct output *o)
{
    loop_remove(o->m->loop, o->handle);
    o->fd = -1; /* parent_close closes it */
}

/* Pass on what is held. False while the client does not keep up. */
static bool flush(struct output *o)
{
    struct monitor *m = o->m;
    int r;

    if (!o->held || m->client < 0) {
        o->held = 0;
        return true;
    }
    r = wire_send(m->client, o->kind, o->buf, o->held, 0);
    if (r == -EAGAIN) {
        loop_want(m->loop, o->handle, -1);
        loop_want(m->loop, m->client_handle, POLLIN | POLLOUT);
        return false;
    }
    o->held = 0;
    if (r < 0)
        lose_client(m);
    return true;
}

static void check_end(struct monitor *m)
{
    if (m->exited && m->out[0].fd < 0 && m->out[1].fd < 0)
        loop_stop(m->loop, 0);
}

static void on_output(void *arg, short revents)
{
    struct output *o = arg;
    struct monitor *m = o->m;

    (void)revents;
    for (int rounds = 0; rounds < 16 && flush(o); rounds++) {
        ssize_t n = read(o->fd, o->buf, sizeof o->buf);

        if (n > 0) {
            o->held = (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        /* EIO is a terminal's way to say that nobody has it open. After the end, an empty pipe is
         * as good as a closed one: another process (--pid host) may hold it for ever. */
        if (n == 0 || errno != EAGAIN || m->exited)
            close_output(o);
        break;
    }
    check_end(m);
}

static int add_output(struct monitor *m, size_t i, enum wire_kind kind, int fd, struct err *e)
{
    struct output *o = &m->out[i];

    *o = (struct output){.m = m, .kind = kind, .fd = fd};
    if (fd < 0)
        return 0;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    o->handle = loop_add(m->loop, fd, POLLIN, on_output, o, e);
    return o->handle < 0 ? o->handle : 0;
}

static int add_input(struct monitor *m, int fd, struct err *e)
{
    m->in_fd = fd;
    if (fd < 0)
        return 0;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    m->in_handle = loop_add(m->loop, fd, -1, on_input_ready, m, e);
    return m->in_handle < 0 ? m->in_handle : 0;
}

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
    int status = 0;

    (void)revents;
    if (m->exited || waitpid(m->run.pid, &status, m->end_it ? 0 : WNOHANG) != m->run.pid)
        return;
    m->status = proc_status(status);
    m->exited = true;
    loop_want(m->loop, m->exit_handle, -1);
    for (size_t i = 0; i < ARRAY_SIZE(m->out); i++)
        if (m->out[i].fd >= 0 && !m->out[i].held)
            on_output(&m->out[i], POLLIN);
    check_end(m);
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

static int child_signal(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int listen_to_all(struct monitor *m, struct err *e)
{
    bool tty = m->job->spec->tty;
    int r;

    m->exit_fd = m->run.pidfd >= 0 ? m->run.pidfd : child_signal();
    r = m->exit_handle = loop_add(m->loop, m->exit_fd, POLLIN, on_exit_event, m, e);
    if (r >= 0)
        r = m->client_handle = loop_add(m->loop, m->client, POLLIN, on_client, m, e);
    if (r >= 0)
        r = add_output(m, 0, WIRE_STDOUT, tty ? m->run.tty_fd : m->run.stdio[1], e);
    if (r >= 0)
        r = add_output(m, 1, WIRE_STDERR, tty ? -1 : m->run.stdio[2], e);
    if (r >= 0)
        r = add_input(m, tty ? m->run.tty_fd : m->run.stdio[0], e);
    m->run.stdio[0] = -1; /* end_input closes it */
    if (r >= 0 && m->job->timeout_s)
        r = loop_timer(m->loop, m->job->timeout_s * 1000, on_timeout, m, e);
    return r < 0 ? r : 0;
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
    rec->state = RECORD_EXITED;
    rec->exit_code = m->status;
    rec->finished_ns = now_ns();
    rec->monitor = rec->init = (struct proc_id){0};
    ret_gone[0] = 0;
    r = rec->rm ? record_set_aside(m->job->store, rec, ret_gone, &x->why)
                : record_save(m->job->store, rec, &x->why);
    if (r >= 0)
        x->why.text[0] = 0;
    x->status = m->status;
    x->timed_out = m->timed_out;
    log_phase_end(t, rec->rm ? "forget container" : "record the end");
}

static int save_running(struct monitor *m, struct err *e)
{
    struct record *rec = m->job->record;
    int r = proc_identify(getpid(), &rec->monitor, e);

    if (r == 0)
        r = proc_identify(m->run.pid, &rec->init, e);
    rec->state = RECORD_RUNNING;
    rec->started_ns = now_ns();
    return r < 0 ? r : record_save(m->job->store, rec, e);
}

static void fail(struct monitor *m, struct err *e)
{
    struct err lost;

    if (m->run.pid > 0) {
        (void)proc_signal(m->run.pidfd, m->run.pid, SIGKILL);
        (void)proc_wait(m->run.pid, &(int){0}, NULL);
        end_fuse(m);
    }
    (void)record_remove(m->job->store, m->job->record, &lost); /* the first failure is told */
    tell(m, WIRE_FAILED, e, sizeof *e);
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
    m.client = client;
    m.run = (struct parent_running){.pidfd = -1, .tty_fd = -1, .stdio = {-1, -1, -1}};
    r = loop_new(&m.loop, &e);
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
    tell(&m, WIRE_RUNNING, &pid, sizeof pid);
    t = log_phase_begin();
    (void)loop_run(m.loop, &x.why);
    if (!m.exited) { /* the loop itself failed */
        m.end_it = true;
        (void)proc_signal(m.run.pidfd, m.run.pid, SIGKILL);
        on_exit_event(&m, 0);
    }
    log_phase_end(t, "program, until it is reaped");
    finish(&m, &x, gone);
    tell(&m, WIRE_EXIT, &x, sizeof x);
    /* Unlinking a container's files took more than half as long as all the rest of a short run, on
     * a busy disk. No command finds them any more; if we are killed, the cleaner of tmp/ does it.
     */
    t = log_phase_begin();
    if (gone[0])
        (void)store_bury(job->store, gone, NULL);
    log_phase_end(t, "remove the container's files");
    /* Closing the tap takes the kernel 30 ms (it waits for all processors to let go of the
     * device). Nobody needs to wait for that with us. */
    slirp_free(m.slirp);
    sweep_after(job->store);
}

/* A session of its own, and nothing of the caller's kept open: a pipeline that waits for our
 * client's output must not wait for us. */
static void let_go(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)setsid();
    (void)signal(SIGPIPE, SIG_IGN);
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
