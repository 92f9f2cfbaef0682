#include "core/monitor/attach.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/monitor/wire.h"

enum { AWAIT_MONITOR_MS = 1000 };

/* What a user or a parent may send us and means for the container. */
static const int forwarded[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,   SIGUSR2, SIGALRM,
                                SIGCONT, SIGPROF, SIGIO,   SIGPWR,  SIGVTALRM, SIGXCPU};

struct attach {
    int sock, signals;
    const struct attach_options *o;
    unsigned window;  /* messages of input that may still be sent */
    unsigned matched; /* of the detach keys */
    bool input_open, detached;
    bool hung_up;        /* the terminal is gone, and we go, too; the container stays */
    bool lost[3];        /* standard output, standard error: not written any more */
    struct err why_lost; /* of what the caller does not know yet */
    bool raw;
    struct termios before;
    int status;
    bool ended;
};

int attach_parse_keys(const char *text, struct attach_keys *ret, struct err *e)
{
    struct attach_keys k = {0};

    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ",");

        if (k.n == ATTACH_KEYS_MAX)
            return err_set(e, EINVAL, "--detach-keys: more than %d keys", ATTACH_KEYS_MAX);
        if (n == 1)
            k.v[k.n++] = (unsigned char)*p;
        else if (n == 6 && strncmp(p, "ctrl-", 5) == 0 &&
                 ((p[5] >= 'a' && p[5] <= 'z') || (p[5] >= '@' && p[5] <= '_')))
            k.v[k.n++] = (unsigned char)p[5] & 0x1f;
        else
            return err_set(e, EINVAL,
                           "--detach-keys: '%s' is not a key (a letter, or ctrl- and one of "
                           "a-z @ [ \\ ] ^ _)",
                           text);
        p += n + (p[n] == ',');
    }
    *ret = k;
    return 0;
}

/* ---- the terminal ---- */

static void enter_raw(struct attach *a)
{
    struct termios t;

    if (!a->o->tty || tcgetattr(STDIN_FILENO, &a->before) < 0)
        return;
    t = a->before;
    cfmakeraw(&t);
    a->raw = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

static void leave_raw(struct attach *a)
{
    if (a->raw)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &a->before);
    a->raw = false;
}

static void send_size(struct attach *a)
{
    struct winsize w;
    struct wire_size s;

    if (!a->o->tty || ioctl(STDIN_FILENO, TIOCGWINSZ, &w) < 0)
        return;
    s = (struct wire_size){.rows = w.ws_row, .cols = w.ws_col};
    (void)wire_send(a->sock, WIRE_RESIZE, &s, sizeof s, 1); /* a lost monitor is seen elsewhere */
}

/* ---- the directions ---- */

/* The held keys are the first `matched` ones of the sequence. Let go of as few as make the rest a
 * beginning of it again: "aab" is in "aaab". */
static size_t release_keys(const struct attach_keys *k, unsigned *matched, char *out)
{
    unsigned drop = 1;

    while (memcmp(k->v, k->v + drop, *matched - drop) != 0)
        drop++;
    memcpy(out, k->v, drop);
    *matched -= drop;
    return drop;
}

size_t attach_filter_keys(const struct attach_keys *k, unsigned *matched, const char *in, size_t n,
                          char *out, bool *ret_detach)
{
    size_t used = 0;

    if (!k->n) {
        memcpy(out, in, n);
        return n;
    }
    for (size_t i = 0; i < n && !*ret_detach; i++) {
        unsigned char c = (unsigned char)in[i];

        while (*matched && c != k->v[*matched])
            used += release_keys(k, matched, out + used);
        if (c != k->v[*matched])
            out[used++] = (char)c;
        else
            *ret_detach = ++*matched == k->n;
    }
    return used;
}

/* SIGHUP comes, too, but not to those who were started with nohup, and not before the end of the
 * input is seen. */
static bool is_hung_up(struct attach *a)
{
    a->hung_up = a->hung_up || (a->o->tty && a->raw && !isatty(STDIN_FILENO));
    return a->hung_up;
}

static void send_input(struct attach *a)
{
    char in[WIRE_DATA_MAX - ATTACH_KEYS_MAX], out[WIRE_DATA_MAX];
    ssize_t n = read(STDIN_FILENO, in, sizeof in);
    size_t used;

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0 && is_hung_up(a))
        return;
    if (n <= 0) {
        a->input_open = false;
        if (a->matched) /* what was held was no beginning of the detach keys */
            (void)wire_send(a->sock, WIRE_STDIN, a->o->keys.v, a->matched, 1);
        (void)wire_send(a->sock, WIRE_STDIN_END, NULL, 0, 1);
        return;
    }
    used = attach_filter_keys(a->o->tty ? &a->o->keys : &(struct attach_keys){0}, &a->matched, in,
                              (size_t)n, out, &a->detached);
    if (used && wire_send(a->sock, WIRE_STDIN, out, used, 1) == 0)
        a->window--;
}

static void pass_signal(struct attach *a)
{
    struct signalfd_siginfo info;

    while (read(a->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        int signo = (int)info.ssi_signo;

        if (signo == SIGWINCH)
            send_size(a);
        else if (a->o->forward_signals && !(signo == SIGHUP && is_hung_up(a)))
            (void)wire_send(a->sock, WIRE_SIGNAL, &signo, sizeof signo, 1);
    }
}

/* What cannot be written is lost, and the program inside is told so by its own next write. A
 * reader that has gone knows; anything else is a failure of the command. */
static void put_out(struct attach *a, int fd, const char *bytes, size_t n)
{
    struct err e;

    if (a->o->hide[fd] || a->lost[fd] || file_write_fd(fd, bytes, n, &e) == 0)
        return;
    a->lost[fd] = true;
    if (e.code != EPIPE && !a->why_lost.text[0])
        (void)err_set(&a->why_lost, e.code, "standard %s is lost: %s",
                      fd == STDOUT_FILENO ? "output" : "error", e.text);
    (void)wire_send(a->sock, WIRE_LOST, &fd, sizeof fd, 1);
}

/* One message of the monitor. */
static int take_message(struct attach *a, struct err *e)
{
    static char buf[WIRE_DATA_MAX];
    enum wire_kind kind;
    struct wire_exit x;
    ssize_t n = wire_recv(a->sock, &kind, buf, sizeof buf);

    if (n == -EAGAIN)
        return 0;
    if (n < 0)
        return err_set(e, EPIPE,
                       "the container's monitor ended without a word: the fate of the "
                       "container is not known");
    if (kind == WIRE_STDOUT || kind == WIRE_STDERR)
        put_out(a, kind == WIRE_STDOUT ? STDOUT_FILENO : STDERR_FILENO, buf, (size_t)n);
    else if (kind == WIRE_TAKEN)
        a->window++;
    else if (kind == WIRE_EXIT && n == (ssize_t)sizeof x) {
        memcpy(&x, buf, sizeof x);
        a->status = x.status;
        a->ended = true;
        if (x.why.text[0] && e) {
            *e = x.why;
            return -EIO;
        }
    }
    return 1;
}

static int relay(struct attach *a, struct err *e)
{
    while (!a->ended && !a->detached && !a->hung_up) {
        struct pollfd p[3] = {
            {.fd = a->sock, .events = POLLIN},
            {.fd = a->signals, .events = POLLIN},
            {.fd = a->input_open && a->window ? STDIN_FILENO : -1, .events = POLLIN},
        };
        int r;

        if (poll(p, 3, -1) < 0 && errno != EINTR)
            return err_sys(e, "cannot wait for the container");
        if (p[1].revents)
            pass_signal(a);
        if (p[2].revents)
            send_input(a);
        if (p[0].revents) {
            do
                r = take_message(a, e);
            while (r > 0 && !a->ended);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* After the end the monitor removes what is to be removed: a command that comes next finds neither
 * files nor a process. A second is enough on any disk; what takes longer goes on without us. */
static void await_monitor(int sock)
{
    struct pollfd p = {.fd = sock, .events = POLLIN};
    char rest;

    if (poll(&p, 1, AWAIT_MONITOR_MS) > 0)
        (void)!recv(sock, &rest, sizeof rest,
                    MSG_DONTWAIT); /* end of file: nothing is sent any more */
}

static int catch_signals(struct err *e)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
        sigaddset(&set, forwarded[i]);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? err_sys(e, "cannot catch signals") : fd;
}

/* Until the monitor says `wanted`; WIRE_HELD may come before WIRE_RUNNING. */
static int wait_for(int sock, enum wire_kind wanted, struct err *e)
{
    struct pollfd p = {.fd = sock, .events = POLLIN};
    char buf[WIRE_DATA_MAX];
    enum wire_kind kind;
    struct err said;
    ssize_t n;

    do {
        (void)poll(&p, 1, -1);
        n = wire_recv(sock, &kind, buf, sizeof buf);
    } while (n == -EAGAIN || (n >= 0 && kind == WIRE_HELD && wanted != WIRE_HELD));
    if (n < 0)
        return err_set(e, EPIPE, "the container's monitor ended before the container ran");
    if (kind == wanted)
        return 0;
    if (kind != WIRE_FAILED || n != (ssize_t)sizeof said)
        return err_set(e, EPROTO, "the container's monitor speaks another language");
    memcpy(&said, buf, sizeof said);
    if (e)
        *e = said;
    return said.code > 0 ? -said.code : -EIO;
}

int attach_wait_running(int sock, struct err *e)
{
    return wait_for(sock, WIRE_RUNNING, e);
}

int attach_wait_held(int sock, struct err *e)
{
    return wait_for(sock, WIRE_HELD, e);
}

int attach_greet(int sock, bool output, bool go, struct err *e)
{
    struct wire_hello h = {.output = output};

    if (wire_send(sock, WIRE_HELLO, &h, sizeof h, 1) < 0 ||
        (go && wire_send(sock, WIRE_GO, NULL, 0, 1) < 0))
        return err_set(e, EPIPE, "the container's monitor has ended");
    return 0;
}

void attach_leave(int sock)
{
    (void)wire_send(sock, WIRE_DETACH, NULL, 0, 1); /* one that has ended knows */
    close(sock);
}

int attach_run(int sock, const struct attach_options *o, bool *ret_detached, struct err *e)
{
    struct attach a = {.sock = sock, .o = o, .window = WIRE_WINDOW, .input_open = o->stdin_open};
    autofd int own = sock;
    autofd int signals = catch_signals(e);
    int r;

    if (signals < 0)
        return signals;
    a.signals = signals;
    enter_raw(&a);
    send_size(&a);
    r = relay(&a, e);
    leave_raw(&a);
    if (a.ended)
        await_monitor(sock);
    if (a.detached || a.hung_up)
        (void)wire_send(sock, WIRE_DETACH, NULL, 0, 1);
    *ret_detached = a.detached;
    if (r == 0 && a.hung_up)
        return 128 + SIGHUP;
    if (r == 0 && a.why_lost.text[0]) {
        if (e)
            *e = a.why_lost;
        return -EIO;
    }
    return r < 0 ? r : a.status;
}
