#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/text.h"
#include "core/monitor/attach.h"
#include "core/monitor/wire.h"
#include "tests/unit/base/folder.h"

static void keys_are_read(void **state)
{
    static const struct {
        const char *text, *keys;
        unsigned n;
    } cases[] = {
        {"", "", 0},
        {"ctrl-p,ctrl-q", "\x10\x11", 2},
        {"ctrl-@", "\0", 1},
        {"a,b,c", "abc", 3},
        {"ctrl-[,x", "\x1bx", 2},
        {"ctrl-\\", "\x1c", 1},
        {"ctrl-],ctrl-^,ctrl-_", "\x1d\x1e\x1f", 3},
        {"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p", "abcdefghijklmnop", 16},
    };
    struct attach_keys k;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(attach_parse_keys(cases[i].text, &k, NULL), 0);
        assert_int_equal(k.n, cases[i].n);
        assert_memory_equal(k.v, cases[i].keys, k.n);
    }
}

static void what_is_no_key_is_refused(void **state)
{
    static const char *const bad[] = {"ctrl-", "ctrl-1",        "ctrl-pp", "ctl-p",  "ab",    ",",
                                      "a,,b",  "ctrl-p ctrl-q", "^P",      "ctrl-`", "ctrl-{"};
    struct attach_keys k = {.n = 5};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (attach_parse_keys(bad[i], &k, &e) != -EINVAL)
            fail_msg("'%s' was accepted", bad[i]);
    assert_string_equal(e.text, "--detach-keys: 'ctrl-{' is not a key (a letter, or ctrl- and one "
                                "of a-z @ [ \\ ] ^ _)");
    assert_int_equal(attach_parse_keys("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", &k, &e), -EINVAL);
    assert_string_equal(e.text, "--detach-keys: more than 16 keys");
    assert_int_equal(k.n, 5);
}

/* ---- messages ---- */

static void messages_keep_their_bounds(void **state)
{
    static char big[WIRE_DATA_MAX], buf[WIRE_DATA_MAX];
    enum wire_kind kind;
    int p[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p), 0);
    memset(big, 'b', sizeof big);
    assert_int_equal(wire_send(p[0], WIRE_STDIN, big, sizeof big, 0), 0);
    assert_int_equal(wire_send(p[0], WIRE_STDIN_END, NULL, 0, 0), 0);
    assert_int_equal(wire_send(p[0], WIRE_STDIN, "ab", 2, 1), 0);
    assert_int_equal(wire_recv(p[1], &kind, buf, sizeof buf), WIRE_DATA_MAX);
    assert_int_equal(kind, WIRE_STDIN);
    assert_memory_equal(buf, big, sizeof big);
    assert_int_equal(wire_recv(p[1], &kind, buf, sizeof buf), 0);
    assert_int_equal(kind, WIRE_STDIN_END);
    assert_int_equal(wire_recv(p[1], &kind, buf, sizeof buf), 2);
    assert_int_equal(wire_recv(p[1], &kind, buf, sizeof buf), -EAGAIN);
    close(p[0]);
    assert_int_equal(wire_recv(p[1], &kind, buf, sizeof buf), -EPIPE);
    assert_int_equal(wire_send(p[1], WIRE_EXIT, NULL, 0, 1), -EPIPE);
    close(p[1]);
}

static void a_slow_reader_is_told_from_a_lost_one(void **state)
{
    static char big[WIRE_DATA_MAX], buf[WIRE_DATA_MAX];
    enum wire_kind kind;
    int p[2], sent = 0, r;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p), 0);
    while ((r = wire_send(p[0], WIRE_STDOUT, big, sizeof big, 0)) == 0)
        sent++;
    assert_int_equal(r, -EAGAIN);
    assert_true(sent > 0);
    while (wire_recv(p[1], &kind, buf, sizeof buf) >= 0)
        sent--;
    assert_int_equal(sent, 0);
    assert_int_equal(wire_send(p[0], WIRE_STDOUT, big, sizeof big, 0), 0);
    close(p[0]);
    close(p[1]);
}

/* ---- a client ---- */

/* attach_run in a child of its own, with pipes (or a terminal) as its standard streams. */
struct client {
    int sock, in, out, err;
    pid_t pid;
};

static struct client start(const struct attach_options *o, bool terminal)
{
    int s[2], in[2], out[2], err[2];
    struct client c;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
    if (terminal)
        assert_int_equal(openpty(&in[1], &in[0], NULL, NULL, NULL), 0);
    else
        assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    c = (struct client){.sock = s[0], .in = in[1], .out = out[0], .err = err[0], .pid = fork()};
    assert_true(c.pid >= 0);
    if (c.pid == 0) {
        bool detached = false;
        struct err e = {0};
        int r;

        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        close(in[1]);
        close(s[0]);
        close(out[0]);
        r = attach_run(s[1], o, &detached, &e);
        if (r < 0)
            (void)!write(2, e.text, strlen(e.text));
        _exit(detached ? 99 : r < 0 ? 125 : r);
    }
    close(s[1]);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    return c;
}

/* The next message; waits. */
static ssize_t next(const struct client *c, enum wire_kind *kind, char buf[WIRE_DATA_MAX])
{
    struct pollfd p = {.fd = c->sock, .events = POLLIN};

    assert_int_equal(poll(&p, 1, 20000), 1);
    return wire_recv(c->sock, kind, buf, WIRE_DATA_MAX);
}

static void expect(const struct client *c, enum wire_kind want, const char *bytes)
{
    static char buf[WIRE_DATA_MAX];
    enum wire_kind kind = WIRE_EXIT;
    ssize_t n = next(c, &kind, buf);

    assert_int_equal(kind, want);
    assert_int_equal(n, strlen(bytes));
    assert_memory_equal(buf, bytes, strlen(bytes));
}

static void tell_exit(const struct client *c, int status, const char *why)
{
    struct wire_exit x = {.status = status};

    if (*why)
        err_set(&x.why, EIO, "%s", why);
    assert_int_equal(wire_send(c->sock, WIRE_EXIT, &x, sizeof x, 1), 0);
}

static void ends_with(struct client *c, int want, const char *out, const char *err)
{
    char buf[8192];
    size_t n = 0;
    ssize_t got;
    int status;

    while ((got = read(c->out, buf + n, sizeof buf - 1 - n)) > 0)
        n += (size_t)got;
    buf[n] = 0;
    assert_string_equal(buf, out);
    n = 0;
    while ((got = read(c->err, buf + n, sizeof buf - 1 - n)) > 0)
        n += (size_t)got;
    buf[n] = 0;
    assert_string_equal(buf, err);
    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), want);
    close(c->sock);
    close(c->in);
    close(c->out);
    close(c->err);
}

static void output_goes_where_it_belongs_and_the_status_comes_back(void **state)
{
    const struct attach_options o = {0};
    struct client c = start(&o, false);

    (void)state;
    wire_send(c.sock, WIRE_STDOUT, "out", 3, 1);
    wire_send(c.sock, WIRE_STDERR, "err", 3, 1);
    wire_send(c.sock, WIRE_STDOUT, "put", 3, 1);
    tell_exit(&c, 42, "");
    ends_with(&c, 42, "output", "err");
}

static void input_is_sent_within_the_window(void **state)
{
    const struct attach_options o = {.stdin_open = true};
    struct client c = start(&o, false);
    static char buf[WIRE_DATA_MAX];
    enum wire_kind kind;

    (void)state;
    for (int i = 0; i < WIRE_WINDOW; i++) {
        assert_int_equal(write(c.in, "x", 1), 1);
        expect(&c, WIRE_STDIN, "x");
    }
    assert_int_equal(write(c.in, "y", 1), 1);
    close(take_fd(&c.in)); /* unanswered: neither the byte nor the end may come */
    wire_send(c.sock, WIRE_STDOUT, "o", 1, 1);
    assert_int_equal(read(c.out, buf, 1), 1);
    assert_int_equal(wire_recv(c.sock, &kind, buf, sizeof buf), -EAGAIN);
    wire_send(c.sock, WIRE_TAKEN, NULL, 0, 1);
    expect(&c, WIRE_STDIN, "y");
    wire_send(c.sock, WIRE_TAKEN, NULL, 0, 1);
    expect(&c, WIRE_STDIN_END, "");
    tell_exit(&c, 0, "");
    ends_with(&c, 0, "", "");
}

static void a_monitor_that_vanishes_is_told(void **state)
{
    const struct attach_options o = {.stdin_open = true};
    struct client c = start(&o, false);

    (void)state;
    close(c.sock);
    c.sock = -1;
    ends_with(&c, 125, "",
              "the container's monitor ended without a word: the fate of the "
              "container is not known");
}

/* `yes | rctr run -i IMAGE true`: the monitor is gone before it has read all input. */
static void the_status_comes_even_when_input_was_left_unread(void **state)
{
    const struct attach_options o = {.stdin_open = true};

    (void)state;
    for (int i = 0; i < 20; i++) {
        struct client c = start(&o, false);
        struct pollfd p = {.fd = c.sock, .events = POLLIN};

        assert_int_equal(write(c.in, "x", 1), 1);
        assert_int_equal(poll(&p, 1, 20000), 1);
        tell_exit(&c, 33, "");
        close(c.sock);
        c.sock = -1;
        ends_with(&c, 33, "", "");
    }
}

static void what_should_be_known_about_the_end_is_told(void **state)
{
    const struct attach_options o = {0};
    struct client c = start(&o, false);

    (void)state;
    tell_exit(&c, 0, "cannot remove it");
    ends_with(&c, 125, "", "cannot remove it");
}

static void signals_are_for_the_container(void **state)
{
    const struct attach_options o = {.forward_signals = true};
    struct client c = start(&o, false);
    static char buf[WIRE_DATA_MAX];
    enum wire_kind kind = 0;
    int signo = 0;

    (void)state;
    wire_send(c.sock, WIRE_STDOUT, "o", 1, 1); /* once it comes, the signals are caught */
    assert_int_equal(read(c.out, buf, 1), 1);
    kill(c.pid, SIGTERM);
    assert_int_equal(next(&c, &kind, buf), sizeof signo);
    memcpy(&signo, buf, sizeof signo);
    assert_int_equal(kind, WIRE_SIGNAL);
    assert_int_equal(signo, SIGTERM);
    tell_exit(&c, 128 + SIGTERM, "");
    ends_with(&c, 128 + SIGTERM, "", "");
}

static void a_closed_output_does_not_end_the_container(void **state)
{
    const struct attach_options o = {0};
    struct client c = start(&o, false);

    (void)state;
    close(c.out);
    c.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
    wire_send(c.sock, WIRE_STDOUT, "lost", 4, 1);
    wire_send(c.sock, WIRE_STDOUT, "lost", 4, 1);
    tell_exit(&c, 5, "");
    ends_with(&c, 5, "", ""); /* a closed pipe is nothing to tell */
}

/* What the terminal's user types, what of it arrives, and whether it detaches. */
static void detach_keys_are_seen_in_every_disguise(void **state)
{
    static const struct {
        const char *keys, *typed, *arrives;
    } cases[] = {
        {"ctrl-p,ctrl-q", "\x10\x11", ""},
        {"ctrl-p,ctrl-q", "ab\x10\x11", "ab"},
        {"ctrl-p,ctrl-q", "\x10x\x10\x10\x11", "\x10x\x10"},
        {"a,a,b", "aaab", "a"},
        {"a,b,a,c", "abababac", "abab"},
        {"x", "hix", "hi"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct attach_options o = {.tty = true, .stdin_open = true};
        static char buf[WIRE_DATA_MAX];
        autotext struct text got = {0};
        enum wire_kind kind = 0;
        struct client c;
        ssize_t n;

        assert_int_equal(attach_parse_keys(cases[i].keys, &o.keys, NULL), 0);
        c = start(&o, true);
        n = next(&c, &kind, buf);
        assert_int_equal(kind, WIRE_RESIZE); /* raw from here on */
        assert_int_equal(n, sizeof(struct wire_size));
        assert_int_equal(write(c.in, cases[i].typed, strlen(cases[i].typed)),
                         (ssize_t)strlen(cases[i].typed));
        while ((n = next(&c, &kind, buf)) >= 0 && kind == WIRE_STDIN) {
            text_add_n(&got, buf, (size_t)n);
            wire_send(c.sock, WIRE_TAKEN, NULL, 0, 0);
        }
        assert_int_equal(kind, WIRE_DETACH);
        assert_int_equal(text_check(&got, NULL), 0);
        assert_string_equal(got.s, cases[i].arrives);
        ends_with(&c, 99, "", "");
    }
}

/* ---- the beginning ---- */

static void the_beginning_is_awaited(void **state)
{
    struct err said = {0}, e = {0};
    int p[2], pid = 7;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p), 0);
    wire_send(p[0], WIRE_RUNNING, &pid, sizeof pid, 1);
    assert_int_equal(attach_wait_running(p[1], &e), 0);
    err_set(&said, ENOENT, "exec: \"x\": not found");
    said.status = 127;
    wire_send(p[0], WIRE_FAILED, &said, sizeof said, 1);
    assert_int_equal(attach_wait_running(p[1], &e), -ENOENT);
    assert_string_equal(e.text, "exec: \"x\": not found");
    assert_int_equal(e.status, 127);
    wire_send(p[0], WIRE_STDOUT, "?", 1, 1);
    assert_int_equal(attach_wait_running(p[1], &e), -EPROTO);
    assert_string_equal(e.text, "the container's monitor speaks another language");
    close(p[0]);
    assert_int_equal(attach_wait_running(p[1], &e), -EPIPE);
    assert_string_equal(e.text, "the container's monitor ended before the container ran");
    close(p[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_read),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(messages_keep_their_bounds),
        cmocka_unit_test(a_slow_reader_is_told_from_a_lost_one),
        cmocka_unit_test(output_goes_where_it_belongs_and_the_status_comes_back),
        cmocka_unit_test(input_is_sent_within_the_window),
        cmocka_unit_test(a_monitor_that_vanishes_is_told),
        cmocka_unit_test(the_status_comes_even_when_input_was_left_unread),
        cmocka_unit_test(what_should_be_known_about_the_end_is_told),
        cmocka_unit_test(signals_are_for_the_container),
        cmocka_unit_test(a_closed_output_does_not_end_the_container),
        cmocka_unit_test(detach_keys_are_seen_in_every_disguise),
        cmocka_unit_test(the_beginning_is_awaited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
