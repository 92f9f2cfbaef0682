#include <string.h>

#include "cmd/stats_view.h"
#include "core/base/auto.h"
#include "tests/unit/unit.h"

/* A frame of one busy container and one that has just begun. */
static char *frame(int columns, int rows, bool colours, bool blocks)
{
    static struct stats_line lines[2];
    const struct stats_view_look look = {
        .columns = columns, .rows = rows, .colours = colours, .blocks = blocks};
    struct stats_set set = {.v = lines, .n = 2};
    struct text t = {0};

    memset(lines, 0, sizeof lines);
    strcpy(lines[0].record.name, "busy");
    strcpy(lines[1].record.name, "new");
    lines[0].sampled = lines[0].again = true;
    lines[0].now = (struct stats_sample){.when_ns = 2000000000,
                                         .cpu_ns = 1500000000,
                                         .memory_bytes = 1000000,
                                         .memory_limit_bytes = 2000000,
                                         .memory_estimated = true,
                                         .pids = 7};
    lines[0].before = (struct stats_sample){.when_ns = 1000000000, .cpu_ns = 500000000};
    lines[0].history[0] = 0;
    lines[0].history[1] = 100;
    lines[0].history_n = 2;
    stats_view_frame(&set, &look, &t);
    return text_take(&t);
}

static void a_line_tells_a_container(void **state)
{
    autofree char *f = frame(200, 24, false, true), *plain = frame(200, 24, false, false);

    (void)state;
    assert_non_null(strstr(f, "busy"));
    assert_non_null(strstr(f, "100.00%"));
    assert_non_null(strstr(f, "~1 MB / 2 MB"));
    assert_non_null(strstr(f, "~50.00%"));
    assert_non_null(strstr(f, "▁█"));
    assert_non_null(strstr(plain, ".@"));
    assert_non_null(strstr(f, "BLOCK IO"));
    assert_non_null(strstr(f, "-- / --")); /* of the one that was not looked at yet */
    assert_null(strstr(f, "\033[3"));
}

static void colours_go_by_use(void **state)
{
    autofree char *f = frame(200, 24, true, true);

    (void)state;
    assert_non_null(strstr(f, "\033[31m100.00%"));
    assert_non_null(strstr(f, "\033[33m~50.00%"));
}

static void a_narrow_terminal_loses_the_least_needed_columns(void **state)
{
    autofree char *f = frame(60, 24, false, true), *tiny = frame(8, 24, false, true);

    (void)state;
    assert_null(strstr(f, "BLOCK IO"));
    assert_null(strstr(f, "NET IO"));
    assert_non_null(strstr(f, "MEM USAGE"));
    assert_non_null(strstr(tiny, "busy"));
    assert_null(strstr(tiny, "CPU %"));
}

static void a_low_terminal_says_what_is_missing(void **state)
{
    autofree char *f = frame(80, 4, false, true);

    (void)state;
    assert_non_null(strstr(f, "1 more do not fit here"));
    assert_null(strstr(f, "new"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_tells_a_container),
        cmocka_unit_test(colours_go_by_use),
        cmocka_unit_test(a_narrow_terminal_loses_the_least_needed_columns),
        cmocka_unit_test(a_low_terminal_says_what_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
