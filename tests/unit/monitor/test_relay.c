#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/text.h"
#include "core/monitor/relay.h"
#include "tests/unit/unit.h"

static struct loop *loop;
static struct relay relay;
static struct text logged[3];
static int in[2], out[2], err[2]; /* [0]: the reader's end */

static void keep(void *arg, int stream, const void *bytes, size_t n)
{
    (void)arg;
    text_add_n(&logged[stream], bytes, n);
}

static void no_signal(void *arg, int signo)
{
    (void)arg;
    (void)signo;
}

static int setup(void **state)
{
    (void)state;
    if (loop_new(&loop, NULL) < 0 || pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
        pipe2(err, O_CLOEXEC) < 0)
        return -1;
    relay = (struct relay){.loop = loop, .log = keep, .signal = no_signal};
    return relay_open(&relay, NULL);
}

static int teardown(void **state)
{
    (void)state;
    relay_free(&relay);
    loop_free(loop);
    for (int i = 0; i < 3; i++)
        text_free(&logged[i]);
    close(in[0]);
    if (out[1] >= 0)
        close(out[1]);
    if (err[1] >= 0)
        close(err[1]);
    return 0;
}

static void begin(void)
{
    assert_int_equal(relay_begin(&relay, in[1], out[0], err[0], -1, 42, NULL), 0);
}

/* A client's end; the other one is the relay's. */
static int client(bool is_starter)
{
    struct wire_hello h = {.output = 1};
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(relay_add(&relay, pair[0], is_starter, NULL), 0);
    if (!is_starter)
        assert_int_equal(wire_send(pair[1], WIRE_HELLO, &h, sizeof h, 1), 0);
    return pair[1];
}

static void stop(void *arg)
{
    loop_stop(arg, 0);
}

/* All that can be done now is done. */
static void turn(void)
{
    assert_true(loop_timer(loop, 20, stop, loop, NULL) >= 0);
    assert_int_equal(loop_run(loop, NULL), 0);
}

static void expect(int sock, enum wire_kind want, const char *bytes)
{
    static char buf[WIRE_DATA_MAX];
    enum wire_kind kind = 0;
    ssize_t n = wire_recv(sock, &kind, buf, sizeof buf);

    assert_int_equal(kind, want);
    assert_int_equal(n, strlen(bytes));
    assert_memory_equal(buf, bytes, strlen(bytes));
}

static void expect_running(int sock)
{
    enum wire_kind kind = 0;
    int pid = 0;

    assert_int_equal(wire_recv(sock, &kind, &pid, sizeof pid), sizeof pid);
    assert_int_equal(kind, WIRE_RUNNING);
    assert_int_equal(pid, 42);
}

static void say(int fd, const char *words)
{
    assert_int_equal(write(fd, words, strlen(words)), (ssize_t)strlen(words));
}

static void all_clients_hear_the_same_from_their_beginning_on(void **state)
{
    int one = client(true), two;

    (void)state;
    begin();
    expect_running(one);
    say(out[1], "first");
    turn();
    expect(one, WIRE_STDOUT, "first");
    two = client(false);
    turn();
    expect_running(two);
    say(err[1], "second");
    turn();
    expect(one, WIRE_STDERR, "second");
    expect(two, WIRE_STDERR, "second");
    assert_string_equal(logged[1].s, "first");
    assert_string_equal(logged[2].s, "second");
    close(one);
    close(two);
}

static void input_of_several_arrives_whole_and_only_the_starter_ends_it(void **state)
{
    int one = client(true), two = client(false);
    char got[32] = "";

    (void)state;
    begin();
    wire_send(one, WIRE_STDIN, "one ", 4, 1);
    wire_send(two, WIRE_STDIN, "two ", 4, 1);
    wire_send(two, WIRE_STDIN_END, NULL, 0, 1);
    turn();
    wire_send(one, WIRE_STDIN, "three", 5, 1);
    turn();
    assert_int_equal(read(in[0], got, sizeof got), 13);
    assert_string_equal(got, "one two three");
    wire_send(one, WIRE_STDIN_END, NULL, 0, 1);
    turn();
    assert_int_equal(read(in[0], got, sizeof got), 0);
    close(one);
    close(two);
}

static void a_starter_that_goes_leaves_the_input_open_one_that_vanishes_does_not(void **state)
{
    int one = client(true);
    char got[8];

    (void)state;
    begin();
    (void)fcntl(in[0], F_SETFL, O_NONBLOCK);
    wire_send(one, WIRE_DETACH, NULL, 0, 1);
    close(one);
    turn();
    assert_int_equal(read(in[0], got, sizeof got), -1);
    assert_int_equal(errno, EAGAIN);
    one = client(true);
    turn();
    close(one);
    turn();
    assert_int_equal(read(in[0], got, sizeof got), 0);
}

/* Fill the starter's socket, so that the relay has to hold something back. */
static size_t fill(void)
{
    static char big[WIRE_DATA_MAX];
    size_t n = 0;
    ssize_t w;

    memset(big, 'x', sizeof big);
    (void)fcntl(out[1], F_SETFL, O_NONBLOCK);
    for (int quiet = 0; quiet < 3;) {
        while ((w = write(out[1], big, sizeof big)) > 0)
            n += (size_t)w, quiet = 0;
        turn();
        quiet++;
    }
    return n;
}

static void what_is_left_at_the_end_goes_to_the_log_at_once_and_to_a_slow_client_later(void **state)
{
    const struct wire_exit x = {.status = 3};
    static char buf[WIRE_DATA_MAX];
    int one = client(true), two, status = -1;
    enum wire_kind kind = 0;
    size_t sent, heard = 0;
    ssize_t n;

    (void)state;
    begin();
    expect_running(one);
    sent = fill();
    two = client(false);
    turn();
    expect_running(two);
    assert_true(logged[1].n < sent); /* it waits for its reader */
    relay_end(&relay);
    assert_int_equal(logged[1].n, sent);
    relay_tell_end(&relay, &x);
    assert_int_equal(relay.clients[0].fd, -1); /* a child's from now on */
    relay_close(&relay);
    while (true) {
        struct pollfd p = {.fd = one, .events = POLLIN};

        assert_int_equal(poll(&p, 1, 20000), 1);
        n = wire_recv(one, &kind, buf, sizeof buf);
        if (n < 0 || kind == WIRE_EXIT)
            break;
        assert_int_equal(kind, WIRE_STDOUT);
        heard += (size_t)n;
    }
    assert_int_equal(kind, WIRE_EXIT);
    assert_int_equal(heard, sent);
    assert_true(waitpid(-1, &status, 0) > 0);
    assert_int_equal(status, 0);
    close(one);
    close(two);
}

static void one_client_too_many_is_let_go(void **state)
{
    int socks[RELAY_CLIENTS - 1], pair[2];
    struct err e;
    char byte;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(socks); i++)
        socks[i] = client(false);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(relay_add(&relay, pair[0], false, &e), -EMFILE);
    assert_string_equal(e.text, "the container has 16 clients already");
    assert_int_equal(read(pair[1], &byte, 1), 0);
    close(pair[1]);
    for (size_t i = 0; i < ARRAY_SIZE(socks); i++)
        close(socks[i]);
}

static void a_message_that_makes_no_sense_ends_that_client_alone(void **state)
{
    static const struct {
        enum wire_kind kind;
        size_t n;
    } bad[] = {{WIRE_HELLO, 1}, {WIRE_EXIT, 0}, {(enum wire_kind)99, 5}, {(enum wire_kind)0, 0}};
    int other = client(false);

    (void)state;
    begin();
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int one = client(false);
        enum wire_kind kind;
        char buf[WIRE_DATA_MAX];
        ssize_t n;

        turn();
        expect_running(one);
        assert_int_equal(wire_send(one, bad[i].kind, "?????", bad[i].n, 1), 0);
        turn();
        n = wire_recv(one, &kind, buf, sizeof buf);
        assert_int_equal(n, -EPIPE);
        close(one);
    }
    expect_running(other);
    say(out[1], "still");
    turn();
    expect(other, WIRE_STDOUT, "still");
    close(other);
}

int main(void)
{
#define relay_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        relay_test(all_clients_hear_the_same_from_their_beginning_on),
        relay_test(input_of_several_arrives_whole_and_only_the_starter_ends_it),
        relay_test(a_starter_that_goes_leaves_the_input_open_one_that_vanishes_does_not),
        relay_test(what_is_left_at_the_end_goes_to_the_log_at_once_and_to_a_slow_client_later),
        relay_test(one_client_too_many_is_let_go),
        relay_test(a_message_that_makes_no_sense_ends_that_client_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
