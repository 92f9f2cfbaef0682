#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/loop.h"
#include "tests/unit/unit.h"

static struct loop *l;
static char trail[64]; /* what was called, a letter each */
static int a[2], b[2]; /* pipes */
static int handle_a, handle_b;

static void mark(char c)
{
    size_t n = strlen(trail);

    assert_true(n + 1 < sizeof trail);
    trail[n] = c;
    trail[n + 1] = 0;
}

static int setup(void **state)
{
    (void)state;
    memset(trail, 0, sizeof trail);
    return loop_new(&l, NULL) < 0 || pipe2(a, O_CLOEXEC) < 0 || pipe2(b, O_CLOEXEC) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(l);
    loop_free(NULL);
    close(a[0]);
    close(a[1]);
    close(b[0]);
    close(b[1]);
    return 0;
}

static void run(int want)
{
    struct err e = {0};

    assert_int_equal(loop_run(l, &e), want);
}

static void timer_mark(void *arg)
{
    mark(*(const char *)arg);
}

static void timer_stop(void *arg)
{
    mark('.');
    loop_stop(l, *(int *)arg);
}

static int seven = 7;
static char letters[] = "abcdefghijklmnopqrstuvwxyz";
#define LETTER(c) (&letters[#c[0] - 'a'])

static void timers_fire_in_the_order_of_their_time(void **state)
{
    (void)state;
    assert_true(loop_timer(l, 30, timer_stop, &seven, NULL) >= 0);
    assert_true(loop_timer(l, 20, timer_mark, LETTER(c), NULL) >= 0);
    assert_true(loop_timer(l, 10, timer_mark, LETTER(b), NULL) >= 0);
    assert_true(loop_timer(l, 0, timer_mark, LETTER(a), NULL) >= 0);
    usleep(40000); /* all are due at once */
    run(7);
    assert_string_equal(trail, "abc.");
}

static void a_cancelled_timer_does_not_fire(void **state)
{
    int h = loop_timer(l, 0, timer_mark, LETTER(x), NULL);

    (void)state;
    assert_true(loop_timer(l, 5, timer_stop, &seven, NULL) >= 0);
    loop_cancel(l, h);
    run(7);
    assert_string_equal(trail, ".");
}

static void timer_again(void *arg)
{
    static char byte = 'x';

    mark('t');
    if (strlen(trail) < 5)
        assert_true(loop_timer(l, 0, timer_again, arg, NULL) >= 0);
    else
        assert_int_equal(write(a[1], &byte, 1), 1);
}

static void on_a_stop(void *arg, short revents)
{
    (void)arg;
    assert_true(revents & POLLIN);
    mark('s');
    loop_stop(l, 3);
}

static void a_timer_that_sets_itself_again_starves_nobody(void **state)
{
    (void)state;
    assert_true(loop_add(l, a[0], POLLIN, on_a_stop, NULL, NULL) >= 0);
    assert_true(loop_timer(l, 0, timer_again, NULL, NULL) >= 0);
    run(3);
    assert_string_equal(trail, "ttttts");
}

static void places_run_out_in_words(void **state)
{
    struct err e;
    int r, n = 0;

    (void)state;
    while ((r = loop_add(l, a[0], 0, on_a_stop, NULL, &e)) >= 0)
        n++;
    assert_int_equal(r, -EMFILE);
    assert_int_equal(n, 64);
    assert_string_equal(e.text, "the event loop has no place for another descriptor");
    loop_remove(l, 5);
    assert_int_equal(loop_add(l, a[0], 0, on_a_stop, NULL, &e), 5);
    while ((r = loop_timer(l, 0, timer_mark, LETTER(x), &e)) >= 0)
        n++;
    assert_int_equal(n, 96);
    assert_string_equal(e.text, "the event loop has no place for another timer");
}

/* Both are ready in the same round; whoever comes first removes the other. */
static void remove_other(void *arg, short revents)
{
    const int *other = arg;

    (void)revents;
    mark(other == &handle_b ? 'a' : 'b');
    loop_remove(l, *other);
    assert_true(loop_timer(l, 0, timer_stop, &seven, NULL) >= 0);
    loop_remove(l, other == &handle_b ? handle_a : handle_b);
}

static void what_is_removed_in_a_callback_is_not_called(void **state)
{
    (void)state;
    handle_a = loop_add(l, a[0], POLLIN, remove_other, &handle_b, NULL);
    handle_b = loop_add(l, b[0], POLLIN, remove_other, &handle_a, NULL);
    assert_int_equal(write(a[1], "x", 1), 1);
    assert_int_equal(write(b[1], "x", 1), 1);
    run(7);
    assert_string_equal(trail, "a.");
}

static void on_newcomer(void *arg, short revents)
{
    (void)arg, (void)revents;
    mark('n');
}

/* b's descriptor is closed, and its number and place go to one that has nothing to read. */
static void replace_b(void *arg, short revents)
{
    int fresh[2];

    (void)arg, (void)revents;
    loop_remove(l, handle_b);
    assert_int_equal(pipe2(fresh, O_CLOEXEC), 0);
    assert_int_equal(dup2(fresh[0], b[0]), b[0]);
    close(fresh[0]);
    assert_int_equal(loop_add(l, b[0], POLLIN, on_newcomer, NULL, NULL), handle_b);
    loop_remove(l, handle_a);
    mark('r');
    assert_true(loop_timer(l, 20, timer_stop, &seven, NULL) >= 0);
    close(b[1]);
    b[1] = fresh[1];
}

static void a_newcomer_does_not_inherit_an_event(void **state)
{
    (void)state;
    handle_a = loop_add(l, a[0], POLLIN, replace_b, NULL, NULL);
    handle_b = loop_add(l, b[0], POLLIN, on_newcomer, NULL, NULL);
    assert_int_equal(write(a[1], "x", 1), 1);
    assert_int_equal(write(b[1], "x", 1), 1);
    run(7);
    assert_string_equal(trail, "r.");
}

static void what_is_not_wanted_is_not_polled(void **state)
{
    int h = loop_add(l, a[0], POLLIN, on_a_stop, NULL, NULL);

    (void)state;
    assert_int_equal(write(a[1], "x", 1), 1);
    loop_want(l, h, -1);
    assert_true(loop_timer(l, 10, timer_stop, &seven, NULL) >= 0);
    run(7);
    loop_want(l, h, 0); /* errors only */
    assert_true(loop_timer(l, 10, timer_stop, &seven, NULL) >= 0);
    run(7);
    loop_want(l, h, POLLIN);
    run(3);
    assert_string_equal(trail, "..s");
}

static void on_hang_up(void *arg, short revents)
{
    (void)arg;
    assert_int_equal(revents, POLLHUP);
    loop_stop(l, 4);
}

static void a_hang_up_is_told_even_when_nothing_is_wanted(void **state)
{
    (void)state;
    assert_true(loop_add(l, a[0], 0, on_hang_up, NULL, NULL) >= 0);
    close(a[1]);
    a[1] = -1;
    run(4);
}

/* A guest with one descriptor of its own behind the loop's. */
struct visitor {
    struct pollfd fds[8];
    size_t own_n, n;
    int rounds, fail;
};

static int guest_fill(void *arg, const struct pollfd *own, size_t own_n, struct pollfd **ret_fds,
                      size_t *ret_n, int *timeout_ms, struct err *e)
{
    struct visitor *v = arg;

    if (v->fail)
        return err_set(e, ENOMEM, "the guest cannot");
    memcpy(v->fds, own, own_n * sizeof *own);
    v->own_n = own_n;
    v->n = own_n + 1;
    v->fds[own_n] = (struct pollfd){.fd = b[0], .events = POLLIN};
    *ret_fds = v->fds;
    *ret_n = v->n;
    assert_int_equal(*timeout_ms, -1); /* no timer of ours */
    *timeout_ms = 1000;
    return 0;
}

static void guest_dispatch(void *arg)
{
    struct visitor *v = arg;
    char c;

    v->rounds++;
    if (v->fds[v->own_n].revents & POLLIN && read(b[0], &c, 1) == 1) {
        mark(c);
        assert_int_equal(write(a[1], "x", 1), 1);
    }
}

static void a_guest_is_served_beside_our_own(void **state)
{
    struct visitor v = {0};
    struct loop_guest g = {.fill = guest_fill, .dispatch = guest_dispatch, .arg = &v};
    struct err e;

    (void)state;
    assert_true(loop_add(l, a[0], POLLIN, on_a_stop, NULL, NULL) >= 0);
    loop_guest(l, &g);
    assert_int_equal(write(b[1], "g", 1), 1);
    run(3);
    assert_string_equal(trail, "gs");
    assert_int_equal(v.rounds, 2);
    v.fail = 1;
    assert_int_equal(loop_run(l, &e), -ENOMEM);
    assert_string_equal(e.text, "the guest cannot");
    loop_guest(l, NULL);
    run(3); /* a's byte is still there */
}

int main(void)
{
#define loop_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        loop_test(timers_fire_in_the_order_of_their_time),
        loop_test(a_cancelled_timer_does_not_fire),
        loop_test(a_timer_that_sets_itself_again_starves_nobody),
        loop_test(places_run_out_in_words),
        loop_test(what_is_removed_in_a_callback_is_not_called),
        loop_test(a_newcomer_does_not_inherit_an_event),
        loop_test(what_is_not_wanted_is_not_polled),
        loop_test(a_hang_up_is_told_even_when_nothing_is_wanted),
        loop_test(a_guest_is_served_beside_our_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
