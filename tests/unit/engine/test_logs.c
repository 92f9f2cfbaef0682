/* The log of one container from its driver; the journal's through a program that acts as
 * journalctl. */
#include <errno.h>
#include <poll.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/proc.h"
#include "core/engine/logs.h"
#include "tests/unit/base/folder.h"

static struct store store;
static struct record record;
static char program[100];

static int setup(void **state)
{
    char path[96];

    if (folder_setup(state) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/state", folder_path);
    snprintf(program, sizeof program, "%s/journalctl", folder_path);
    setenv("RCTR_STATE", path, 1);
    if (store_open(&store, NULL) < 0 || record_init(&record, NULL) < 0 ||
        record_new(&store, "c", &record, NULL) < 0)
        return -1;
    record.state = RECORD_EXITED;
    return record_save(&store, &record, NULL);
}

static int teardown(void **state)
{
    record_free(&record);
    store_close(&store);
    return folder_teardown(state);
}

/* A program that prints `text` and ends with `status`. */
static void journalctl(const char *text, int status)
{
    char script[2048];

    snprintf(script, sizeof script,
             "#!/bin/sh\necho \"$*\" >%s/words\ncat <<'END'\n%s\nEND\nexit %d\n", folder_path, text,
             status);
    folder_put("journalctl", script);
    assert_int_equal(fchmodat(folder, "journalctl", 0700, 0), 0);
    record.log_driver = strdup("journald");
}

static struct logs *open_logs(const struct logs_options *o)
{
    struct logs *l = NULL;
    struct err e;

    if (logs_open(&store, &record, o, &l, &e) < 0)
        fail_msg("%s", e.text);
    return l;
}

/* The next result that is not "wait". */
static int next(struct logs *l, struct logline *ret, struct err *e)
{
    int r, fds[2], timeout;

    while ((r = logs_next(l, ret, e)) == 0) {
        struct pollfd p[2] = {{.events = POLLIN}, {.events = POLLIN}};

        assert_int_equal(logs_wait_fds(l, fds, &timeout, NULL), 0);
        p[0].fd = fds[0];
        p[1].fd = fds[1];
        (void)poll(p, 2, timeout < 0 || timeout > 20000 ? 20000 : timeout);
    }
    return r;
}

static void expect(struct logs *l, const char *text, int stream, bool whole)
{
    struct logline line;

    assert_int_equal(next(l, &line, NULL), 1);
    assert_int_equal(line.text_n, strlen(text));
    assert_memory_equal(line.text, text, line.text_n);
    assert_int_equal(line.stream, stream);
    assert_int_equal(line.whole, whole);
}

static void the_journals_entries_are_lines(void **state)
{
    const struct logs_options o = {.tail = 5, .journalctl = program};
    autotext struct text words = {0};
    struct logline line;
    struct logs *l;

    (void)state;
    journalctl(
        "{\"MESSAGE\":\"one\",\"PRIORITY\":\"6\",\"__REALTIME_TIMESTAMP\":\"1795444440123456\"}\n"
        "{\"MESSAGE\":[98,255],\"PRIORITY\":\"3\",\"__REALTIME_TIMESTAMP\":\"2\"}\n"
        "nonsense\n{\"PRIORITY\":\"6\"}\n"
        "{\"MESSAGE\":\"part\",\"CONTAINER_PARTIAL_MESSAGE\":\"true\"}",
        0);
    l = open_logs(&o);
    assert_int_equal(next(l, &line, NULL), 1);
    assert_int_equal(line.time_ns, 1795444440123456000);
    expect(l, "b\xff", 2, true);
    expect(l, "part", 1, false);
    assert_int_equal(next(l, &line, NULL), -ENODATA);
    logs_close(l);
    assert_int_equal(file_read(folder, "words", 1000, &words, NULL), 0);
    assert_non_null(strstr(words.s, "--lines=5"));
    assert_non_null(strstr(words.s, record.id));
    assert_string_equal(words.s + strlen(words.s) - strlen(record.id) - 1 -
                            strlen("--lines=5 CONTAINER_ID_FULL="),
                        strstr(words.s, "--lines=5"));
}

static void following_asks_journalctl_to_follow(void **state)
{
    const struct logs_options o = {.tail = -1, .follow = true, .journalctl = program};
    autotext struct text words = {0};
    struct logline line;
    struct logs *l;

    (void)state;
    journalctl("{\"MESSAGE\":\"one\"}", 0);
    l = open_logs(&o);
    expect(l, "one", 1, true);
    assert_int_equal(next(l, &line, NULL), -ENODATA);
    logs_close(l);
    assert_int_equal(file_read(folder, "words", 1000, &words, NULL), 0);
    assert_non_null(strstr(words.s, "--quiet --lines=all --follow CONTAINER_ID_FULL="));
}

static void a_journalctl_that_fails_is_told(void **state)
{
    const struct logs_options o = {.tail = -1, .journalctl = program};
    struct logline line;
    struct logs *l;
    struct err e;

    (void)state;
    journalctl("", 1);
    l = open_logs(&o);
    assert_int_equal(next(l, &line, &e), -EIO);
    assert_string_equal(e.text, "journalctl failed with status 1; where it lacks permission, the "
                                "group systemd-journal gives it");
    logs_close(l);
}

static void a_missing_journalctl_is_told(void **state)
{
    const struct logs_options o = {.tail = -1, .journalctl = "/nowhere/journalctl"};
    struct logs *l = NULL;
    struct err e;

    (void)state;
    record.log_driver = strdup("journald");
    assert_int_equal(logs_open(&store, &record, &o, &l, &e), -ENOENT);
    assert_non_null(strstr(e.text, "is not installed; where it is: journalctl CONTAINER_ID_FULL="));
}

static void put_log(const char *text)
{
    int dir = -1, fd;

    assert_int_equal(record_folder(&store, &record, &dir, NULL), 0);
    fd = openat(dir, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
    close(fd);
}

#define LINE(s, text) "2026-11-23T14:34:0" s "Z stdout F " text "\n"
enum { NS = 1000000000 };
static const long long at = 1795444440LL * NS;

static void times_choose_lines(void **state)
{
    struct logs_options o = {.tail = -1, .since_ns = at + 2LL * NS, .until_ns = at + 3LL * NS};
    struct logline line;
    struct logs *l;

    (void)state;
    put_log(LINE("1", "a") LINE("2", "b") LINE("3", "c") LINE("4", "d"));
    l = open_logs(&o);
    expect(l, "b", 1, true);
    expect(l, "c", 1, true);
    assert_int_equal(next(l, &line, NULL), -ENODATA);
    logs_close(l);
    o = (struct logs_options){.tail = 1, .until_ns = at + 3LL * NS};
    l = open_logs(&o);
    expect(l, "c", 1, true);
    assert_int_equal(next(l, &line, NULL), -ENODATA);
    logs_close(l);
}

/* A monitor: a process of ours that the record names. */
static void following_ends_with_the_monitor(void **state)
{
    const struct logs_options o = {.tail = -1, .follow = true};
    struct logline line;
    struct logs *l;
    int hold[2], fds[2], timeout;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(hold), 0);
    pid = fork();
    if (pid == 0) {
        char b;

        close(hold[1]);
        (void)!read(hold[0], &b, 1);
        _exit(0);
    }
    put_log(LINE("1", "a"));
    record.state = RECORD_RUNNING;
    assert_int_equal(proc_identify(pid, &record.monitor, NULL), 0);
    assert_int_equal(record_save(&store, &record, NULL), 0);
    l = open_logs(&o);
    assert_int_equal(logs_wait_fds(l, fds, &timeout, NULL), 0);
    expect(l, "a", 1, true);
    assert_int_equal(logs_next(l, &line, NULL), 0);
    put_log(LINE("2", "b"));
    expect(l, "b", 1, true);
    assert_int_equal(logs_next(l, &line, NULL), 0);
    put_log(LINE("3", "last"));
    record.state = RECORD_EXITED;
    assert_int_equal(record_save(&store, &record, NULL), 0);
    close(hold[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    expect(l, "last", 1, true);
    assert_int_equal(next(l, &line, NULL), -ENODATA);
    logs_close(l);
    close(hold[0]);
}

static void drivers_without_a_log_are_told(void **state)
{
    const struct logs_options o = {.tail = -1};
    struct logs *l = NULL;
    struct err e;

    (void)state;
    record.log_driver = strdup("passthrough");
    assert_int_equal(logs_open(&store, &record, &o, &l, &e), -ENOTSUP);
    assert_string_equal(e.text, "container c: its log driver 'passthrough' keeps no log that could "
                                "be read: create it with --log-driver json-file");
}

int main(void)
{
#define logs_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        logs_test(the_journals_entries_are_lines),
        logs_test(a_journalctl_that_fails_is_told),
        logs_test(following_asks_journalctl_to_follow),
        logs_test(a_missing_journalctl_is_told),
        logs_test(times_choose_lines),
        logs_test(following_ends_with_the_monitor),
        logs_test(drivers_without_a_log_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
