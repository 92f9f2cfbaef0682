#include <errno.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/build/glob.h"
#include "tests/unit/unit.h"

struct row {
    const char *pattern, *text;
    bool match;
};

static void all(const struct row *rows, size_t n, enum glob_flavour flavour)
{
    for (size_t i = 0; i < n; i++) {
        autoglob struct glob g = {0};
        struct err e;

        if (glob_parse(rows[i].pattern, flavour, &g, &e) < 0)
            fail_msg("%s: %s", rows[i].pattern, e.text);
        if (glob_match(&g, rows[i].text) != rows[i].match)
            fail_msg("%s %s %s", rows[i].pattern, rows[i].match ? "should match" : "matches",
                     rows[i].text);
    }
}

static void paths_match_as_in_go(void **state)
{
    static const struct row rows[] = {
        {"abc", "abc", true},
        {"*", "abc", true},
        {"*c", "abc", true},
        {"a*", "a", true},
        {"a*", "ab/c", false},
        {"a*/b", "abc/b", true},
        {"a*/b", "a/c/b", false},
        {"a*b*c*d*e*/f", "axbxcxdxe/f", true},
        {"a*b?c*x", "abxbbxdbxebxczzx", true},
        {"a*b?c*x", "abxbbxdbxebxczzy", false},
        {"ab[c]", "abc", true},
        {"ab[b-d]", "abc", true},
        {"ab[e-g]", "abc", false},
        {"ab[^c]", "abc", false},
        {"ab[^e-g]", "abc", true},
        {"a\\*b", "a*b", true},
        {"a\\*b", "ab", false},
        {"a?b", "a\u263ab", true},
        {"a[^a]b", "a\u263ab", true},
        {"a???b", "a\u263ab", false},
        {"[a-\u03b6]*", "\u03b1", true},
        {"*[a-\u03b6]", "A", false},
        {"a?b", "a/b", false},
        {"a*b", "a/b", false},
        {"[\\]a]", "]", true},
        {"[\\-]", "-", true},
        {"[x\\-]", "x", true},
        {"[x\\-]", "z", false},
        {"[\\-x]", "x", true},
        {"[^a]", "/", true},
        {"*x", "xxx", true},
        {"**", "a/b", false},
        {"arr[[]0].txt", "arr[0].txt", true},
        {"", "", true},
        {"", "a", false},
        {"[!a]", "!", true},
        {"\xff?", "\xff\xfe", true},
    };

    (void)state;
    all(rows, ARRAY_SIZE(rows), GLOB_PATH);
}

static void two_stars_are_folders(void **state)
{
    static const struct row rows[] = {
        {"**", "a/b/c", true},        {"**/c", "c", true},           {"**/c", "a/b/c", true},
        {"**/c", "a/bc", false},      {"a/**", "a/b/c", true},       {"a/**", "a", false},
        {"a/**/b", "a/b", true},      {"a/**/b", "a/x/y/b", true},   {"a/**/b", "a/xb", false},
        {"**/*.go", "x/y.go", true},  {"**/*.go", "y.go", true},     {"**.go", "x/y.go", true},
        {"**.g[o]", "x/y.go", false}, {"**.g[o]", "x/.go", true},    {"**file", "a/xfile", true},
        {"a/**.go", "a/b.go", false}, {"**/.foo", "bar.foo", false}, {"**/**", "a", true},
        {"a**", "ab/c", true},        {"**b", "a/b", true},          {"a/**/**/b", "a/b", true},
        {"***", "a/b", true},         {"*/**", "a", false},
    };

    (void)state;
    all(rows, ARRAY_SIZE(rows), GLOB_DEEP);
}

static void bad_patterns_are_refused(void **state)
{
    static const char *const bad[] = {"[",   "[a",    "[]a]", "[-]", "[x-]", "[-x]",
                                      "[a-", "[b-a]", "a\\",  "[\\", "[^",   "[a-\\"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct glob g;
        struct err e = {0};

        if (glob_parse(bad[i], GLOB_PATH, &g, &e) != -EINVAL)
            fail_msg("%s is taken", bad[i]);
        assert_null(g.tokens);
        assert_true(e.text[0] == '\'' || e.text[0] == 'a');
    }
}

static void only_some_characters_are_escaped_in_texts(void **state)
{
    struct glob g;
    struct err e;

    (void)state;
    assert_int_equal(glob_parse("\\x", GLOB_TEXT, &g, &e), -EINVAL);
    assert_string_equal(e.text, "'\\' may only stand before * ? \\ / and }");
    assert_int_equal(glob_parse("[a]\\*", GLOB_TEXT, &g, &e), 0);
    assert_true(glob_match(&g, "[a]*"));
    glob_free(&g);
}

static void a_hostile_pattern_costs_no_more_than_its_size(void **state)
{
    char pattern[401], text[2001];
    struct glob g;
    struct err e;

    (void)state;
    for (int i = 0; i < 400; i += 2)
        pattern[i] = '*', pattern[i + 1] = 'a';
    pattern[400] = 0;
    memset(text, 'a', 2000);
    text[1999] = 'b';
    text[2000] = 0;
    assert_int_equal(glob_parse(pattern, GLOB_PATH, &g, &e), 0);
    assert_false(glob_match(&g, text)); /* a backtracking matcher would not end */
    glob_free(&g);
}

static void an_escaped_path_fits_itself_alone(void **state)
{
    autotext struct text t = {0};
    autoglob struct glob g = {0};
    struct err e;

    (void)state;
    assert_int_equal(glob_escape("a*/[b]?\\c", &t, &e), 0);
    assert_string_equal(t.s, "a\\*/\\[b]\\?\\\\c");
    assert_int_equal(glob_parse(t.s, GLOB_PATH, &g, &e), 0);
    assert_true(glob_match(&g, "a*/[b]?\\c"));
    assert_false(glob_match(&g, "ax/b?\\c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_match_as_in_go),
        cmocka_unit_test(two_stars_are_folders),
        cmocka_unit_test(bad_patterns_are_refused),
        cmocka_unit_test(only_some_characters_are_escaped_in_texts),
        cmocka_unit_test(a_hostile_pattern_costs_no_more_than_its_size),
        cmocka_unit_test(an_escaped_path_fits_itself_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
