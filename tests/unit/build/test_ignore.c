#include <errno.h>

#include "core/base/text.h"
#include "core/build/ignore.h"
#include "tests/unit/build/want.h"

/* A case: `patterns`, and `paths` to ask for. */
static void one_good(const char *folder)
{
    static const char *const answers[] = {
        [IGNORE_WANTED] = "wanted", [IGNORE_LEFT_OUT] = "out", [IGNORE_LOOK_IN] = "look in"};
    size_t n = 0;
    autofree char *patterns = cases_read(folder, "patterns", &n),
                  *paths = cases_read(folder, "paths", NULL);
    autoignore struct ignore g = {0};
    autotext struct text t = {0};
    struct err e;

    assert_non_null(patterns);
    assert_non_null(paths);
    if (ignore_parse(".dockerignore", patterns, n, &g, &e) < 0)
        fail_msg("%s: %s", folder, e.text);
    for (char *save = NULL, *p = strtok_r(paths, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
        text_addf(&t, "%s: %s\n", p, answers[ignore_ask(&g, p)]);
    want_same(folder, t.s);
}

static void one_bad(const char *folder)
{
    size_t n = 0;
    autofree char *patterns = cases_read(folder, "patterns", &n);
    autotext struct text t = {0};
    struct ignore g;
    struct err e = {0};

    assert_non_null(patterns);
    assert_int_equal(ignore_parse(".dockerignore", patterns, n, &g, &e), -EINVAL);
    assert_null(g.patterns);
    text_addf(&t, "%s\n", e.text);
    want_same(folder, t.s);
}

static void good_files_decide_as_documented(void **state)
{
    (void)state;
    cases_each("ignore", "good", one_good);
}

static void bad_patterns_are_refused_with_their_line(void **state)
{
    (void)state;
    cases_each("ignore", "bad", one_bad);
}

static void paths_are_cleaned(void **state)
{
    static const char *const pairs[][2] = {
        {"", "."},
        {".", "."},
        {"./a", "a"},
        {"a/", "a"},
        {"a//b", "a/b"},
        {"a/./b", "a/b"},
        {"a/../b", "b"},
        {"../a", "../a"},
        {"a/../../b", "../b"},
        {"/", "/"},
        {"/../a", "/a"},
        {"/a/../..", "/"},
        {"a/b/../..", "."},
        {"../../a/../b", "../../b"},
        {"...", "..."},
        {"a/b/..", "a"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        autofree char *got = ignore_clean(pairs[i][0]);

        assert_string_equal(got, pairs[i][1]);
    }
}

static void a_file_that_is_too_large_is_refused(void **state)
{
    autofree char *text = malloc(IGNORE_FILE_MAX + 1);
    struct ignore g;
    struct err e;

    (void)state;
    assert_non_null(text);
    memset(text, '\n', IGNORE_FILE_MAX + 1);
    assert_int_equal(ignore_parse("x", text, IGNORE_FILE_MAX + 1, &g, &e), -E2BIG);
    memset(text, 'a', 2 * IGNORE_PATTERNS_MAX + 2);
    for (int i = 1; i < 2 * IGNORE_PATTERNS_MAX + 2; i += 2)
        text[i] = '\n';
    assert_int_equal(ignore_parse("x", text, 2 * IGNORE_PATTERNS_MAX + 2, &g, &e), -E2BIG);
    assert_string_equal(e.text, "x:10001: more than 10000 patterns");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_decide_as_documented),
        cmocka_unit_test(bad_patterns_are_refused_with_their_line),
        cmocka_unit_test(paths_are_cleaned),
        cmocka_unit_test(a_file_that_is_too_large_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
