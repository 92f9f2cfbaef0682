/* A log is read as one stream, whatever its writer does to its files meanwhile. */
#include <poll.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/engine/logchain.h"
#include "core/monitor/logfile.h"
#include "tests/unit/base/folder.h"

static struct logfile *open_log(long long max_bytes, int max_files)
{
    const struct logfile_setup s = {
        .id = "0123456789ab", .name = "c", .max_bytes = max_bytes, .max_files = max_files};
    struct logfile *l = NULL;

    assert_int_equal(logfile_open(&s, folder, &l, NULL), 0);
    return l;
}

static void put(struct logfile *l, int from, int to)
{
    char line[32];

    for (int i = from; i < to; i++)
        logfile_write(l, 1, line, (size_t)snprintf(line, sizeof line, "%d\n", i));
}

static struct logchain *chain(long long tail, long long until_ns)
{
    struct logchain *c = NULL;
    struct err e;

    if (logchain_open(folder, tail, until_ns, &c, &e) < 0)
        fail_msg("%s", e.text);
    return c;
}

static long number(const struct logline *l)
{
    char text[32];

    snprintf(text, sizeof text, "%.*s", (int)l->text_n, l->text);
    return strtol(text, NULL, 10);
}

/* The numbers from..to-1 and no more come next. */
static void expect(struct logchain *c, int from, int to)
{
    struct logline l;

    for (int i = from; i < to; i++) {
        assert_int_equal(logchain_next(c, &l, NULL), 1);
        assert_int_equal(number(&l), i);
    }
    assert_int_equal(logchain_next(c, &l, NULL), 0);
}

static void all_files_are_one_stream(void **state)
{
    struct logfile *l = open_log(2000, 4);
    struct logchain *c;
    struct logline line;

    (void)state;
    put(l, 0, 1000);
    c = chain(-1, 0);
    assert_int_equal(logchain_next(c, &line, NULL), 1);
    assert_in_range(number(&line), 820, 880); /* 4 files of about 44 lines */
    expect(c, (int)number(&line) + 1, 1000);
    put(l, 1000, 1120); /* it is turned over twice */
    expect(c, 1000, 1120);
    assert_false(logchain_lost(c));
    logchain_close(c);
    logfile_close(l);
}

static void no_log_is_an_empty_one_until_it_comes(void **state)
{
    struct logchain *c = chain(-1, 0), *tail = chain(5, 0);
    struct logfile *l;

    (void)state;
    expect(c, 0, 0);
    expect(tail, 0, 0);
    l = open_log(0, 0);
    put(l, 0, 3);
    expect(c, 0, 3);
    expect(tail, 0, 3);
    logchain_close(c);
    logchain_close(tail);
    logfile_close(l);
}

static void the_last_lines_are_found_from_the_end(void **state)
{
    struct logfile *l = open_log(20000, 3);
    static const int tails[] = {0, 1, 2, 100, 443, 444, 445, 446, 500, 800};

    (void)state;
    put(l, 0, 10000);
    for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
        struct logchain *c = chain(tails[i], 0);

        expect(c, 10000 - tails[i], 10000);
        logchain_close(c);
    }
    logfile_close(l);
}

static void a_line_in_parts_counts_once(void **state)
{
    struct logfile *l = open_log(0, 0);
    struct logchain *c;
    struct logline line;
    static char big[200000];

    (void)state;
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\n';
    put(l, 0, 2);
    for (size_t at = 0; at < sizeof big; at += 10000)
        logfile_write(l, 1, big + at, 10000);
    logfile_write(l, 1, "7", 1);
    logfile_write(l, 1, "8", 1);
    c = chain(1, 0);
    assert_int_equal(logchain_next(c, &line, NULL), 1);
    assert_int_equal(number(&line), 7);
    assert_false(line.whole);
    expect(c, 8, 9);
    logchain_close(c);
    c = chain(3, 0);
    assert_int_equal(logchain_next(c, &line, NULL), 1);
    assert_int_equal(number(&line), 1);
    logchain_close(c);
    logfile_close(l);
}

static void the_last_lines_before_a_time_are_found(void **state)
{
    struct logchain *c;
    struct logline l;

    (void)state;
    folder_put("log", "2026-11-23T14:34:01Z stdout F 1\n2026-11-23T14:34:02Z stdout F 2\n"
                      "2026-11-23T14:34:03Z stdout F 3\n2026-11-23T14:34:04Z stdout F 4\n");
    c = chain(2, 1795444442500000000);
    assert_int_equal(logchain_next(c, &l, NULL), 1);
    assert_int_equal(number(&l), 1);
    logchain_close(c);
}

static void what_is_no_line_is_passed_over(void **state)
{
    struct logchain *c;

    (void)state;
    folder_put("log", "2026-11-23T14:34:01Z stdout F 1\nnonsense\n\n\n"
                      "2026-11-23T14:34:03Z stdout F 2\n2026-11-23T14:34:04Z std");
    c = chain(-1, 0);
    expect(c, 1, 3);
    logchain_close(c);
    c = chain(1, 0);
    expect(c, 2, 3);
    logchain_close(c);
}

static void a_reader_that_is_overtaken_says_so_and_goes_on(void **state)
{
    struct logfile *l = open_log(2000, 2);
    struct logchain *c;
    struct logline line;
    long first;

    (void)state;
    put(l, 0, 10);
    c = chain(-1, 0);
    expect(c, 0, 10);
    put(l, 10, 1000);
    assert_int_equal(logchain_next(c, &line, NULL), 1);
    assert_int_equal(number(&line), 10); /* the rest of the open file is still there */
    do
        assert_int_equal(logchain_next(c, &line, NULL), 1);
    while (number(&line) < 500);
    first = number(&line);
    assert_true(logchain_lost(c));
    assert_false(logchain_lost(c));
    expect(c, (int)first + 1, 1000);
    logchain_close(c);
    logfile_close(l);
}

/* A writer that turns its files over 40 times while the reader follows, given time to keep up. */
static void a_follower_loses_no_line(void **state)
{
    enum { LINES = 40000, EACH = 200 };
    struct logchain *c = chain(-1, 0);
    int fd = -1, go[2], status = 0;
    struct logline l;
    pid_t pid;

    (void)state;
    assert_int_equal(logchain_wait_fd(c, &fd, NULL), 0);
    assert_int_equal(pipe(go), 0);
    pid = fork();
    if (pid == 0) {
        struct logfile *log = open_log(50000, 3);
        char b;

        for (int i = 0; i < LINES; i += EACH) {
            put(log, i, i + EACH);
            if (i >= 5 * EACH && read(go[0], &b, 1) != 1) /* at most five rounds ahead */
                _exit(1);
        }
        logfile_close(log);
        _exit(0);
    }
    for (int i = 0; i < LINES;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int r = logchain_next(c, &l, NULL);

        if (r == 0) {
            assert_int_equal(poll(&p, 1, 30000), 1);
            continue;
        }
        assert_int_equal(r, 1);
        assert_int_equal(number(&l), i);
        if (++i % EACH == 0)
            assert_int_equal(write(go[1], "x", 1), 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_false(logchain_lost(c));
    logchain_close(c);
    close(go[0]);
    close(go[1]);
}

static void a_log_elsewhere_is_read(void **state)
{
    const char *line = "2026-11-23T14:34:01Z stdout F 1\n";
    struct logchain *c;
    char to[100];

    (void)state;
    assert_int_equal(mkdirat(folder, "far", 0700), 0);
    folder_put("far/x.log.1", line);
    folder_put("far/x.log", "2026-11-23T14:34:01Z stdout F 2\n");
    snprintf(to, sizeof to, "%s/far/x.log", folder_path);
    assert_int_equal(symlinkat(to, folder, "log"), 0);
    c = chain(-1, 0);
    expect(c, 1, 3);
    logchain_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(all_files_are_one_stream),
        folder_test(no_log_is_an_empty_one_until_it_comes),
        folder_test(the_last_lines_are_found_from_the_end),
        folder_test(a_line_in_parts_counts_once),
        folder_test(the_last_lines_before_a_time_are_found),
        folder_test(what_is_no_line_is_passed_over),
        folder_test(a_reader_that_is_overtaken_says_so_and_goes_on),
        folder_test(a_follower_loses_no_line),
        folder_test(a_log_elsewhere_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
