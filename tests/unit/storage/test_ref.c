#include <errno.h>

#include "storage/ref.h"
#include "tests/unit/cases.h"

static void chomp(char *s)
{
    s[strcspn(s, "\n")] = 0;
}

static void is_parsed(const char *folder)
{
    char *input = cases_read(folder, "input", NULL), *output = cases_read(folder, "output", NULL);
    char buf[REF_TEXT_MAX];
    struct ref ref;
    struct err e = {0};

    assert_non_null(input);
    assert_non_null(output);
    chomp(input);
    chomp(output);
    if (ref_parse(input, &ref, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(ref_format(&ref, buf), output);
    /* what is written is read again as the same */
    assert_int_equal(ref_parse(output, &ref, &e), 0);
    assert_string_equal(ref_format(&ref, buf), output);
    free(input);
    free(output);
}

static void is_refused(const char *folder)
{
    char *input = cases_read(folder, "input", NULL), *why = cases_read(folder, "error", NULL);
    struct ref ref = {0};
    struct err e = {0};

    assert_non_null(input);
    assert_non_null(why);
    chomp(input);
    chomp(why);
    assert_int_equal(ref_parse(input, &ref, &e), -EINVAL);
    assert_int_equal(ref.registry[0], 0);
    if (!strstr(e.text, why))
        fail_msg("'%s' is not in '%s'", why, e.text);
    free(input);
    free(why);
}

static void good_names_are_written_in_full(void **state)
{
    (void)state;
    cases_each("ref", "good", is_parsed);
}

static void bad_names_are_refused_with_the_reason(void **state)
{
    (void)state;
    cases_each("ref", "bad", is_refused);
}

static void only_a_name_without_a_registry_is_short(void **state)
{
    struct ref ref;

    (void)state;
    assert_int_equal(ref_parse("alpine", &ref, NULL), 0);
    assert_true(ref.short_name);
    assert_int_equal(ref_parse("team/tool:1", &ref, NULL), 0);
    assert_true(ref.short_name);
    assert_int_equal(ref_parse("docker.io/alpine", &ref, NULL), 0);
    assert_false(ref.short_name);
    assert_int_equal(ref_parse("localhost/alpine", &ref, NULL), 0);
    assert_false(ref.short_name);
}

static void loopback_is_told_by_address_not_by_prefix(void **state)
{
    static const struct {
        const char *name;
        bool loopback;
    } rows[] = {
        {"localhost:5000/a", true},
        {"localhost/a", true},
        {"127.0.0.1:5000/a", true},
        {"127.9.9.9/a", true},
        {"[::1]:5000/a", true},
        {"127.0.0.1.evil.example/a", false},
        {"127.evil.example/a", false},
        {"128.0.0.1/a", false},
        {"[::2]/a", false},
        {"localhost.example/a", false},
        {"[::ffff:127.0.0.1]/a", false},
    };
    struct ref ref;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(ref_parse(rows[i].name, &ref, NULL), 0);
        assert_int_equal(ref_loopback(&ref), rows[i].loopback);
    }
}

static void the_name_without_tag_is_for_people(void **state)
{
    char buf[REF_TEXT_MAX];
    struct ref ref;

    (void)state;
    assert_int_equal(ref_parse("alpine:3.19", &ref, NULL), 0);
    assert_string_equal(ref_format_repo(&ref, buf), "docker.io/library/alpine");
}

static void a_name_of_ones_own_is_local(void **state)
{
    char buf[REF_TEXT_MAX];
    struct ref ref;
    struct err e;

    (void)state;
    assert_int_equal(ref_parse_own("mine:2", &ref, NULL), 0);
    assert_string_equal(ref_format(&ref, buf), "localhost/mine:2");
    assert_int_equal(ref_parse_own("quay.io/a/b", &ref, NULL), 0);
    assert_string_equal(ref_format(&ref, buf), "quay.io/a/b:latest");
    assert_int_equal(
        ref_parse_own("a@sha256:0123456789012345678901234567890123456789012345678901234"
                      "567890123",
                      &ref, &e),
        -22);
    assert_non_null(strstr(e.text, "a name with a digest cannot be given to an image"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_names_are_written_in_full),
        cmocka_unit_test(bad_names_are_refused_with_the_reason),
        cmocka_unit_test(only_a_name_without_a_registry_is_short),
        cmocka_unit_test(loopback_is_told_by_address_not_by_prefix),
        cmocka_unit_test(the_name_without_tag_is_for_people),
        cmocka_unit_test(a_name_of_ones_own_is_local),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
