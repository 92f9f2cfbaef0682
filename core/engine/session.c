/* Theory of operation.
 *
 * One poll loop over at most five descriptors: signals (SIGCHLD among them), standard input and its
 * pipe, and two outputs; with a terminal its other side stands for all three. When the program has
 * ended, what is still in its pipes is passed on, without waiting for others that may hold them. */
#include "core/engine/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/proc.h"
#include "core/base/self.h"

enum { CHUNK = 65536, DRAIN_CHUNKS = 64 };

/* What a user or a parent may send us and means for the program. */
static const int forwarded[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,   SIGUSR1, SIGUSR2, SIGALRM,
                                SIGCONT, SIGPROF, SIGIO,   SIGVTALRM, SIGXCPU, SIGPWR};

struct relay {
    struct session *s;
    struct enter_running *run;
    char in[CHUNK], held[ATTACH_KEYS_MAX + CHUNK]; /* read; still to be written */
    size_t held_at, held_n;
    unsigned matched; /* of the detach keys */
    bool raw, ended, detached, in_end;
    struct termios before;
    int status;
    struct err lost; /* why output could not be written */
};

int session_begin(int *ret_signals_fd, struct err *e)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGWINCH);
    for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
        sigaddset(&set, forwarded[i]);
    (void)signal(SIGPIPE, SIG_IGN);
    fd = sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -1
                                                : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_sys(e, "cannot catch signals");
    *ret_signals_fd = fd;
    return 0;
}

/* ---- the caller's terminal ---- */

static void enter_raw(struct relay *r)
{
    struct termios t;

    if (r->run->tty_fd < 0 || tcgetattr(STDIN_FILENO, &r->before) < 0)
        return;
    t = r->before;
    cfmakeraw(&t);
    r->raw = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

static void leave_raw(struct relay *r)
{
    if (r->raw)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &r->before);
    r->raw = false;
}

static void pass_size(struct relay *r)
{
    struct winsize w;

    if (r->run->tty_fd >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &w) == 0)
        (void)ioctl(r->run->tty_fd, TIOCSWINSZ, &w); /* only looks */
}

/* ---- signals ---- */

static void look_for_end(struct relay *r)
{
    int status = 0;
    pid_t pid;

    do
        pid = r->ended ? 0 : waitpid(r->run->pid, &status, WNOHANG);
    while (pid < 0 && errno == EINTR);
    if (pid == 0)
        return;
    r->ended = true;
    r->status = pid < 0 ? 255 : proc_status(status); /* no child any more: it cannot be known */
}

static void take_signals(struct relay *r)
{
    struct signalfd_siginfo info;

    while (read(r->s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        int signo = (int)info.ssi_signo;

        if (signo == SIGWINCH)
            pass_size(r);
        else if (signo == SIGCHLD)
            look_for_end(r);
        else if (!r->ended)
            enter_signal(r->run, signo);
    }
}

/* ---- input ---- */

static void hold(struct relay *r, size_t n)
{
    static const struct attach_keys none;
    const struct attach_keys *keys = r->run->tty_fd >= 0 ? &r->s->keys : &none;

    r->held_at = 0;
    r->held_n = attach_filter_keys(keys, &r->matched, r->in, n, r->held, &r->detached);
}

static int input_fd(const struct relay *r)
{
    return r->run->tty_fd >= 0 ? r->run->tty_fd : r->s->in;
}

static void close_input(struct relay *r)
{
    r->in_end = true;
    if (r->s->in >= 0)
        close(take_fd(&r->s->in));
}

static void read_input(struct relay *r)
{
    ssize_t n = read(STDIN_FILENO, r->in, sizeof r->in);

    if (n > 0)
        hold(r, (size_t)n);
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        close_input(r);
}

static void write_input(struct relay *r)
{
    ssize_t n = write(input_fd(r), r->held + r->held_at, r->held_n - r->held_at);

    if (n > 0)
        r->held_at += (size_t)n;
    else if (n < 0 && errno != EINTR && errno != EAGAIN)
        close_input(r); /* it reads no more */
    if (r->held_at == r->held_n || r->in_end)
        r->held_at = r->held_n = 0;
}

/* ---- output ---- */

/* What cannot be written is lost, and the program is told so by its own next write. A reader that
 * has gone knows; anything else is a failure of the command. */
static bool put_out(struct relay *r, int to, size_t n)
{
    struct err e;

    if (file_write_fd(to, r->in, n, &e) == 0)
        return true;
    if (e.code != EPIPE && !r->lost.text[0])
        (void)err_set(&r->lost, e.code, "standard %s is lost: %s",
                      to == STDOUT_FILENO ? "output" : "error", e.text);
    return false;
}

/* Returns false when there is nothing now. */
static bool pass_output(struct relay *r, int *fd, int to)
{
    ssize_t n = read(*fd, r->in, sizeof r->in);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0 || !put_out(r, to, (size_t)n)) { /* EIO: the terminal's last user has gone */
        close(take_fd(fd));
        return false;
    }
    return true;
}

/* Others may still write into it: no more than a pipe holds. */
static void drain_one(struct relay *r, int *fd, int to)
{
    for (int i = 0; i < DRAIN_CHUNKS && *fd >= 0 && pass_output(r, fd, to); i++)
        continue;
}

static void drain(struct relay *r)
{
    drain_one(r, &r->run->tty_fd, STDOUT_FILENO);
    drain_one(r, &r->s->out[0], STDOUT_FILENO);
    drain_one(r, &r->s->out[1], STDERR_FILENO);
}

/* ---- the loop ---- */

static int one_round(struct relay *r, struct err *e)
{
    bool want = r->s->stdin_open && !r->in_end && input_fd(r) >= 0, full = r->held_n > 0;
    struct pollfd p[5] = {
        {.fd = r->s->signals, .events = POLLIN},
        {.fd = want && !full ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = r->run->tty_fd >= 0 ? r->run->tty_fd : r->s->out[0], .events = POLLIN},
        {.fd = r->s->out[1], .events = POLLIN},
        {.fd = want && full ? input_fd(r) : -1, .events = POLLOUT},
    };

    if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
        return err_sys(e, "cannot wait for the program");
    if (p[2].revents && r->run->tty_fd >= 0)
        (void)pass_output(r, &r->run->tty_fd, STDOUT_FILENO);
    else if (p[2].revents)
        (void)pass_output(r, &r->s->out[0], STDOUT_FILENO);
    if (p[3].revents)
        (void)pass_output(r, &r->s->out[1], STDERR_FILENO);
    if (p[4].revents && input_fd(r) >= 0)
        write_input(r);
    if (p[1].revents)
        read_input(r);
    if (p[0].revents)
        take_signals(r);
    return 0;
}

void session_leave_behind(struct enter_running *r)
{
    char bytes[4096];
    int null;

    if (r->tty_fd < 0 || fork() != 0)
        return;
    (void)setsid();
    self_title("rctr: terminal of a detached exec");
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3 && null >= 0; i++)
        (void)dup2(null, i);
    (void)fcntl(r->tty_fd, F_SETFL, 0);
    for (ssize_t n = 1; n > 0 || (n < 0 && errno == EINTR);)
        n = read(r->tty_fd, bytes, sizeof bytes);
    _exit(0);
}

static void no_wait(int fd)
{
    if (fd >= 0)
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int session_run(struct session *s, struct enter_running *run, bool *ret_detached, struct err *e)
{
    static struct relay r; /* 128 KiB of buffers: not on the stack */
    int code = 0;

    r = (struct relay){.s = s, .run = run};
    no_wait(run->tty_fd);
    no_wait(s->in);
    no_wait(s->out[0]);
    no_wait(s->out[1]);
    enter_raw(&r);
    pass_size(&r);
    look_for_end(&r);
    while (code == 0 && !r.ended && !r.detached)
        code = one_round(&r, e);
    if (code == 0)
        drain(&r);
    leave_raw(&r);
    if (r.detached)
        session_leave_behind(run);
    *ret_detached = r.detached;
    if (code == 0 && r.lost.text[0]) {
        if (e)
            *e = r.lost;
        return -EIO;
    }
    return code < 0 ? code : r.status;
}
