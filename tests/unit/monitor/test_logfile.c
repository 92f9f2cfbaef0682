/* What the container prints comes to the log whole, or its loss is told. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/monitor/logfile.h"
#include "core/monitor/logline.h"
#include "tests/unit/base/folder.h"

#define ID "0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123"

static struct logfile_setup setup_of(enum logfile_driver driver)
{
    return (struct logfile_setup){
        .driver = driver, .id = ID, .name = "web", .image = "localhost/x:latest"};
}

static struct logfile *open_log(const struct logfile_setup *s)
{
    struct logfile *l = NULL;
    struct err e;

    if (logfile_open(s, folder, &l, &e) < 0)
        fail_msg("%s", e.text);
    return l;
}

/* The files as "OF:text|" for each line, with the stream's first letter and the flag. */
static char *content(const char *name)
{
    autotext struct text t = {0};
    struct text out = {0};
    char *line, *rest;

    assert_int_equal(file_read(folder, name, 1 << 20, &t, NULL), 0);
    for (line = t.s; (rest = memchr(line, '\n', t.n - (size_t)(line - t.s))); line = rest + 1) {
        struct logline l;

        assert_true(logline_parse(line, (size_t)(rest - line), &l));
        text_addf(&out, "%c%c:%.*s|", l.stream == 1 ? 'o' : 'e', l.whole ? 'F' : 'P', (int)l.text_n,
                  l.text);
    }
    assert_string_equal(line, "");
    return text_take(&out);
}

static void expect(const char *name, const char *want)
{
    autofree char *got = content(name);

    assert_string_equal(got, want);
}

static long long size_of(const char *name)
{
    struct stat st;

    return fstatat(folder, name, &st, 0) == 0 ? st.st_size : -1;
}

/* ---- lines ---- */

static void a_line_is_read_as_it_was_written(void **state)
{
    char line[LOGLINE_HEAD + 5], time[LOGLINE_TIME + 1];
    struct logline l;

    (void)state;
    logline_head(1795444440123456789, 2, true, line);
    memcpy(line + LOGLINE_HEAD, "te xt", 5);
    assert_memory_equal(line, "2026-11-23T14:34:00.123456789Z stderr F te xt", sizeof line);
    assert_true(logline_parse(line, sizeof line, &l));
    assert_int_equal(l.time_ns, 1795444440123456789);
    assert_int_equal(l.stream, 2);
    assert_true(l.whole);
    assert_int_equal(l.text_n, 5);
    assert_memory_equal(l.text, "te xt", 5);
    assert_string_equal(logline_time(l.time_ns, time), "2026-11-23T14:34:00.123456789Z");
}

static void other_writers_times_are_read(void **state)
{
    static const struct {
        const char *line;
        long long ns;
    } cases[] = {
        {"2026-11-23T15:34:00.123456789+01:00 stdout P x", 1795444440123456789},
        {"2026-11-23T10:04:00-04:30 stdout F ", 1795444440000000000},
        {"1970-01-01T00:00:00.5Z stdout F x", 500000000},
        {"2024-02-29T23:59:60Z stdout F x", 1709251200000000000},
    };
    struct logline l;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_true(logline_parse(cases[i].line, strlen(cases[i].line), &l));
        assert_int_equal(l.time_ns, cases[i].ns);
    }
}

static void what_is_no_line_is_not_taken_for_one(void **state)
{
    static const char *const cases[] = {
        "",
        "hello",
        "2026-11-23T14:34:00.123456789Z",
        "2026-11-23T14:34:00.123456789Z stdout",
        "2026-11-23T14:34:00.123456789Z stdout F",
        "2026-11-23T14:34:00.123456789Z stdoux F x",
        "2026-11-23T14:34:00.123456789Z stdout X x",
        "2026-11-23T14:34:00.123456789 stdout F x",
        "2026-13-23T14:34:00Z stdout F x",
        "6026-11-23T14:34:00Z stdout F x",
        "1969-12-31T23:59:59Z stdout F x",
        "2026-11-23 14:34:00Z stdout F x",
        "2026-11-23T14:34:00+1:00 stdout F x",
    };
    struct logline l;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (logline_parse(cases[i], strlen(cases[i]), &l))
            fail_msg("taken: %s", cases[i]);
}

/* ---- files ---- */

static void lines_and_parts_keep_their_streams(void **state)
{
    struct logfile_setup s = setup_of(LOGFILE_JSON_FILE);
    struct logfile *l = open_log(&s);

    (void)state;
    logfile_write(l, 1, "one\ntwo\npro", 11);
    logfile_write(l, 2, "bad\n", 4);
    logfile_write(l, 1, "mpt> ", 5);
    logfile_write(l, 1, "\n\nbin\0\xff\r\n", 9);
    logfile_close(l);
    expect("log", "oF:one|oF:two|oP:pro|eF:bad|oP:mpt> |oF:|oF:|oF:bin|");
    l = open_log(&s);
    logfile_write(l, 1, "again\n", 6);
    logfile_close(l);
    expect("log", "oF:one|oF:two|oP:pro|eF:bad|oP:mpt> |oF:|oF:|oF:bin|oF:again|");
}

static void a_very_long_line_is_written_in_parts(void **state)
{
    static char big[40000];
    struct logfile_setup s = setup_of(LOGFILE_K8S_FILE);
    struct logfile *l = open_log(&s);

    (void)state;
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\n';
    logfile_write(l, 1, big, sizeof big);
    logfile_close(l);
    assert_int_equal(size_of("log"), sizeof big - 1 + 3 * (LOGLINE_HEAD + 1));
}

static void a_torn_line_of_a_killed_monitor_is_closed(void **state)
{
    struct logfile_setup s = setup_of(LOGFILE_JSON_FILE);
    struct logfile *l;

    (void)state;
    folder_put("log", "2026-11-23T14:34:00.123456789Z stdout F tor");
    l = open_log(&s);
    logfile_write(l, 1, "whole\n", 6);
    logfile_close(l);
    expect("log", "oF:tor|oF:whole|");
}

static void the_log_is_turned_over_at_its_bound(void **state)
{
    struct logfile_setup s = setup_of(LOGFILE_JSON_FILE);
    struct logfile *l;
    char line[60];

    (void)state;
    assert_int_equal(logfile_parse_opt("max-size=1k", &s, NULL), 0);
    l = open_log(&s);
    for (int i = 0; i < 1000; i++)
        logfile_write(l, 1, line, (size_t)snprintf(line, sizeof line, "line %d\n", i));
    logfile_close(l);
    assert_int_equal(folder_count(folder), LOGFILE_MAX_FILES);
    assert_in_range(size_of("log"), 1, 1024);
    assert_in_range(size_of("log.1"), 950, 1024);
    assert_in_range(size_of("log.2"), 950, 1024);
}

static void one_file_or_no_bound_are_possible(void **state)
{
    struct logfile_setup s = setup_of(LOGFILE_JSON_FILE);
    struct logfile *l;

    (void)state;
    assert_int_equal(logfile_parse_opt("max-size=100b", &s, NULL), 0);
    assert_int_equal(logfile_parse_opt("max-file=1", &s, NULL), 0);
    l = open_log(&s);
    logfile_write(l, 1, "a\nb\nc\nd\n", 8);
    logfile_close(l);
    assert_int_equal(folder_count(folder), 1);
    expect("log", "oF:c|oF:d|");
    assert_int_equal(logfile_parse_opt("max-size=-1", &s, NULL), 0);
    l = open_log(&s);
    logfile_write(l, 1, "e\nf\ng\n", 6);
    logfile_close(l);
    expect("log", "oF:c|oF:d|oF:e|oF:f|oF:g|");
}

static void a_log_elsewhere_is_found_through_a_link(void **state)
{
    struct logfile_setup s = setup_of(LOGFILE_K8S_FILE);
    char opt[128], to[128] = "";
    struct logfile *l;

    (void)state;
    assert_int_equal(mkdirat(folder, "far", 0700), 0);
    snprintf(opt, sizeof opt, "path=%s/far/my.log", folder_path);
    assert_int_equal(logfile_parse_opt(opt, &s, NULL), 0);
    l = open_log(&s);
    logfile_write(l, 1, "x\n", 2);
    logfile_close(l);
    expect("far/my.log", "oF:x|");
    assert_true(readlinkat(folder, "log", to, sizeof to) > 0);
    assert_string_equal(to, opt + strlen("path="));
}

/* A limit on the size of files stands for a full disk. */
static void a_full_disk_costs_lines_and_is_told(void **state)
{
    struct logfile_setup s = setup_of(LOGFILE_JSON_FILE);
    struct logfile *l = open_log(&s);
    struct rlimit old, small;

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){.rlim_cur = 100, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    logfile_write(l, 1, "one\ntwo\nthree\nfour\n", 19);
    logfile_write(l, 2, "five\n", 5);
    expect("log", "oF:one|oF:two|");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    logfile_write(l, 1, "six\n", 4);
    logfile_close(l);
    expect("log", "oF:one|oF:two|eF:rctr: 3 lines of output could not be logged: File too "
                  "large|oF:six|");
}

static void drivers_that_keep_nothing_have_no_log(void **state)
{
    struct logfile_setup s = setup_of(LOGFILE_NONE);
    struct logfile *l = open_log(&s);

    (void)state;
    assert_null(l);
    logfile_write(l, 1, "x\n", 2);
    logfile_close(l);
    assert_int_equal(folder_count(folder), 0);
}

static void a_link_in_the_place_of_the_log_is_not_followed(void **state)
{
    struct logfile_setup s = setup_of(LOGFILE_JSON_FILE);
    struct logfile *l = NULL;
    struct err e;

    (void)state;
    folder_put("victim", "");
    assert_int_equal(symlinkat("victim", folder, "log"), 0);
    assert_int_equal(logfile_open(&s, folder, &l, &e), -ELOOP);
    assert_string_equal(e.text, "cannot open the log 'log': Too many levels of symbolic links");
}

/* ---- the journal ---- */

static int fake_journal(char path[108])
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(path, 108, "%s/journal", folder_path);
    memcpy(a.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

#define FIELD(name, size, value) name "\n" size "\0\0\0\0\0\0\0" value "\n"

static void the_journal_gets_an_entry_for_each_line(void **state)
{
    static const char want[] = FIELD("CONTAINER_ID", "\x0c", "0123456789ab")
        FIELD("CONTAINER_ID_FULL", "\x40", ID) FIELD("CONTAINER_NAME", "\x03", "web")
            FIELD("CONTAINER_TAG", "\x02", "tt") FIELD("SYSLOG_IDENTIFIER", "\x02", "tt")
                FIELD("IMAGE_NAME", "\x12",
                      "localhost/x:latest") "PRIORITY=3\n" FIELD("MESSAGE", "\x03", "one");
    struct logfile_setup s = setup_of(LOGFILE_JOURNALD);
    char path[108], got[2048];
    autofd int fd = fake_journal(path);
    struct logfile *l;
    ssize_t n;

    (void)state;
    s.journal = path;
    s.tag = "tt";
    l = open_log(&s);
    logfile_write(l, 2, "one\npart", 8);
    n = recv(fd, got, sizeof got, 0);
    assert_int_equal(n, sizeof want - 1);
    assert_memory_equal(got, want, sizeof want - 1);
    n = recv(fd, got, sizeof got - 1, 0);
    assert_true(n > 0);
    got[n] = 0;
    assert_non_null(memmem(got, (size_t)n, "part\nCONTAINER_PARTIAL_MESSAGE=true\n", 36));
    logfile_close(l);
}

static void a_journal_that_does_not_keep_up_costs_lines_and_is_told(void **state)
{
    struct logfile_setup s = setup_of(LOGFILE_JOURNALD);
    char path[108], got[2048];
    autofd int fd = fake_journal(path);
    struct logfile *l;

    (void)state;
    s.journal = path;
    l = open_log(&s);
    for (int i = 0; i < 5000; i++) /* nobody reads */
        logfile_write(l, 1, "x\n", 2);
    while (recv(fd, got, sizeof got, 0) > 0)
        ;
    logfile_write(l, 1, "y\n", 2);
    assert_true(recv(fd, got, sizeof got, 0) > 0);
    assert_non_null(memmem(got, sizeof got, "lines of output could not be logged: Resource", 45));
    logfile_close(l);
}

/* ---- words ---- */

static void drivers_are_known_by_their_words(void **state)
{
    enum logfile_driver d = LOGFILE_NONE;
    struct err e;

    (void)state;
    assert_int_equal(logfile_parse_driver(NULL, &d, NULL), 0);
    assert_int_equal(d, LOGFILE_JSON_FILE);
    assert_int_equal(logfile_parse_driver("journald", &d, NULL), 0);
    assert_int_equal(d, LOGFILE_JOURNALD);
    assert_int_equal(logfile_parse_driver("jurnald", &d, &e), -EINVAL);
    assert_string_equal(e.text, "--log-driver: invalid log driver 'jurnald'; did you mean "
                                "'journald'? (json-file, k8s-file, journald, none, passthrough)");
}

static void wrong_options_are_refused_in_words(void **state)
{
    static const struct {
        const char *opt, *words;
    } cases[] = {
        {"max-size=0", "--log-opt max-size: '0' is not a size such as 10m, or -1"},
        {"max-size=x", "--log-opt max-size: 'x' is not a size such as 10m, or -1"},
        {"max-file=0", "--log-opt max-file: '0' is not a number from 1 to 1000"},
        {"path=log", "--log-opt path: 'log' is not the absolute path of a file"},
        {"path=/tmp/", "--log-opt path: '/tmp/' is not the absolute path of a file"},
        {"size=3", "--log-opt: 'size=3' is none of max-size=SIZE, max-file=NUMBER, path=FILE, "
                   "tag=TEXT"},
    };
    struct logfile_setup s = setup_of(LOGFILE_PASSTHROUGH);
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(logfile_parse_opt(cases[i].opt, &s, &e), -EINVAL);
        assert_string_equal(e.text, cases[i].words);
    }
    assert_int_equal(logfile_check(&s, true, &e), -EINVAL);
    assert_non_null(strstr(e.text, "passthrough cannot be used with a terminal"));
    assert_int_equal(logfile_check(&s, false, &e), 0);
    s.driver = LOGFILE_JOURNALD;
    s.journal = "/nowhere/socket";
    assert_int_equal(logfile_check(&s, false, &e), -ENOTSUP);
    assert_string_equal(e.text, "the log driver journald needs systemd's journal, and "
                                "/nowhere/socket is not there: take --log-driver json-file, or "
                                "leave it out");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_read_as_it_was_written),
        cmocka_unit_test(other_writers_times_are_read),
        cmocka_unit_test(what_is_no_line_is_not_taken_for_one),
        folder_test(lines_and_parts_keep_their_streams),
        folder_test(a_very_long_line_is_written_in_parts),
        folder_test(a_torn_line_of_a_killed_monitor_is_closed),
        folder_test(the_log_is_turned_over_at_its_bound),
        folder_test(one_file_or_no_bound_are_possible),
        folder_test(a_log_elsewhere_is_found_through_a_link),
        folder_test(a_full_disk_costs_lines_and_is_told),
        folder_test(drivers_that_keep_nothing_have_no_log),
        folder_test(a_link_in_the_place_of_the_log_is_not_followed),
        folder_test(the_journal_gets_an_entry_for_each_line),
        folder_test(a_journal_that_does_not_keep_up_costs_lines_and_is_told),
        cmocka_unit_test(drivers_are_known_by_their_words),
        cmocka_unit_test(wrong_options_are_refused_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
