#include <errno.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "tests/unit/base/folder.h"

/* Standard error goes into a file until heard() reads it. */
static int kept = -1;

static void listen_now(void)
{
    int fd = openat(folder, "stderr", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    fflush(stderr);
    kept = fcntl(2, F_DUPFD_CLOEXEC, 10);
    assert_true(fd >= 0 && kept >= 0 && dup2(fd, 2) == 2);
    close(fd);
}

static void heard(const char *want)
{
    autotext struct text t = {0};

    fflush(stderr);
    assert_int_equal(dup2(kept, 2), 2);
    close(kept);
    assert_int_equal(file_read(folder, "stderr", 1 << 20, &t, NULL), 0);
    assert_string_equal(t.s, want);
}

static void only_what_is_wanted_is_said(void **state)
{
    (void)state;
    listen_now();
    log_warn("a %d", 1);
    log_info("b");
    log_debug("c");
    heard("Note: a 1\n");
    listen_now();
    log_level(LOG_LEVEL_DEBUG);
    log_info("b");
    log_debug("c");
    heard("Info: b\nDebug: c\n");
    listen_now();
    log_level(LOG_LEVEL_ERROR);
    log_warn("a");
    heard("");
    log_level(LOG_LEVEL_WARN);
}

static void foreign_words_do_not_steer_the_terminal(void **state)
{
    (void)state;
    listen_now();
    log_warn("x\033[2J\r\ny\a\x7fz \xc3\xa9");
    heard("Note: x [2J  y  z \xc3\xa9\n");
}

static void a_long_note_is_cut(void **state)
{
    char *want = malloc(2049), *text = malloc(5001);

    (void)state;
    memset(text, 'x', 5000);
    text[5000] = 0;
    memcpy(want, "Note: ", 6);
    memset(want + 6, 'x', 2041);
    memcpy(want + 2047, "\n", 2);
    listen_now();
    log_warn("%s", text);
    heard(want);
    free(text);
    free(want);
}

/* The first use of RCTR_TRACE counts for the process: all of it in one test. */
static void phases_are_lines_of_a_file(void **state)
{
    autotext struct text t = {0};
    char file[96], long_name[1000];
    long long begin;
    int lines = 0;

    (void)state;
    snprintf(file, sizeof file, "%s/trace", folder_path);
    setenv("RCTR_TRACE", file, 1);
    begin = log_phase_begin();
    assert_true(begin > 0);
    log_phase_end(begin, "unpack %s", "sha256:1");
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    log_phase_end(log_phase_begin(), "%s", long_name);
    unsetenv("RCTR_TRACE");
    assert_int_equal(file_read(folder, "trace", 10000, &t, NULL), 0);
    for (size_t i = 0; i < t.n; i++)
        lines += t.s[i] == '\n';
    assert_int_equal(lines, 2);
    assert_non_null(strstr(t.s, " unpack sha256:1\n"));
    assert_non_null(strstr(t.s, " ms pid "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(only_what_is_wanted_is_said),
        folder_test(foreign_words_do_not_steer_the_terminal),
        folder_test(a_long_note_is_cut),
        folder_test(phases_are_lines_of_a_file),
    };

    unsetenv("RCTR_TRACE");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
