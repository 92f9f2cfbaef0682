#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/auto.h"
#include "core/base/when.h"
#include "tests/unit/unit.h"

static void durations_are_read_as_go_reads_them(void **state)
{
    static const struct {
        const char *text;
        long long ns;
    } cases[] = {
        {"0", 0},
        {"1s", 1000000000},
        {"1h30m", 5400000000000},
        {"1.5h", 5400000000000},
        {".5s", 500000000},
        {"300ms", 300000000},
        {"2us", 2000},
        {"2µs", 2000},
        {"7d", 604800000000000},
        {"-1m", -60000000000},
        {"1m0.25s", 60250000000},
        {"1.s", 1000000000},
    };
    static const char *const bad[] = {"", "1", "s", "-", "1x", "1h30", ".s", "1..5s", "one", "1 s"};
    struct err e = {0};
    long long ns;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (when_duration(cases[i].text, &ns, &e) < 0)
            fail_msg("%s", e.text);
        assert_int_equal(ns, cases[i].ns);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (when_duration(bad[i], &ns, &e) != -EINVAL)
            fail_msg("'%s' is taken", bad[i]);
        assert_non_null(strstr(e.text, "is not a duration"));
    }
    assert_int_equal(when_duration("9999999h", &ns, &e), -ERANGE);
    assert_non_null(strstr(e.text, "longer than 292 years"));
}

static void times_are_read_in_each_spelling(void **state)
{
    static const struct {
        const char *text;
        long long ns;
    } cases[] = {
        {"1714979289", 1714979289000000000},
        {"1714979289.5", 1714979289500000000},
        {"2024-05-06T07:08:09Z", 1714979289000000000},
        {"2024-05-06T07:08:09.123456789Z", 1714979289123456789},
        {"2024-05-06T09:08:09+02:00", 1714979289000000000},
        {"2024-05-06 07:08:09", 1714979289000000000}, /* TZ=UTC here */
        {"2024-05-06T07:08", 1714979280000000000},
        {"2024-05-06", 1714953600000000000},
        {"10m", 400000000000},
    };
    static const char *const bad[] = {"", "yesterday", "2024-13-06", "2024-05-06T07:08:09X",
                                      "12:00"};
    struct err e = {0};
    long long ns;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (when_parse(cases[i].text, 1000000000000, &ns, &e) < 0)
            fail_msg("%s", e.text);
        assert_int_equal(ns, cases[i].ns);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (when_parse(bad[i], 0, &ns, &e) != -EINVAL)
            fail_msg("'%s' is taken", bad[i]);
        assert_non_null(strstr(e.text, "is neither a time such as"));
    }
}

static void both_are_written_as_docker_writes_them(void **state)
{
    char buf[WHEN_MAX];

    (void)state;
    assert_string_equal(when_format(0, buf), "0001-01-01T00:00:00Z");
    assert_string_equal(when_format(1714979289000000005, buf), "2024-05-06T07:08:09.000000005Z");
    assert_string_equal(when_format_duration(0, buf), "0s");
    assert_string_equal(when_format_duration(5400000000000, buf), "1h30m0s");
    assert_string_equal(when_format_duration(1500000000, buf), "1.5s");
    assert_string_equal(when_format_duration(250000000, buf), "250ms");
    assert_string_equal(when_format_duration(60250000000, buf), "1m0.25s");
    assert_string_equal(when_format_duration(-1500, buf), "-1.5µs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_as_go_reads_them),
        cmocka_unit_test(times_are_read_in_each_spelling),
        cmocka_unit_test(both_are_written_as_docker_writes_them),
    };

    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
