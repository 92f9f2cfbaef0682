/* tests/data/list: `kind` is tags, repositories or search; good ones hold `output`, bad ones
 * `error` (words of the message). */
#include <errno.h>

#include "storage/registry/list_read.h"
#include "tests/unit/cases.h"

static int read_case(const char *folder, struct text *out, struct err *e)
{
    char *input, *kind = cases_read(folder, "kind", NULL);
    autolist struct list_result found = {0};
    autostrv struct strv names = {0};
    size_t size;
    int r;

    input = cases_read(folder, "input", &size);
    assert_non_null(input);
    assert_non_null(kind);
    kind[strcspn(kind, "\n")] = 0;
    r = strcmp(kind, "search") == 0 ? list_read_found(input, size, "r.example", 100, &found, e)
                                    : list_read_names(input, size, kind, &names, e);
    for (size_t i = 0; i < names.n; i++)
        text_addf(out, "%s\n", names.v[i]);
    for (size_t i = 0; i < found.n; i++)
        text_addf(out, "%s|%s|%lld|%s\n", found.v[i].name, found.v[i].description, found.v[i].stars,
                  found.v[i].official ? "official" : "");
    free(input);
    free(kind);
    return r;
}

static void is_read(const char *folder)
{
    char *output = cases_read(folder, "output", NULL);
    autotext struct text got = {0};
    struct err e = {0};

    assert_non_null(output);
    if (read_case(folder, &got, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(got.s ? got.s : "", output);
    free(output);
}

static void is_refused(const char *folder)
{
    char *why = cases_read(folder, "error", NULL);
    autotext struct text got = {0};
    struct err e = {0};

    assert_non_null(why);
    why[strcspn(why, "\n")] = 0;
    assert_true(read_case(folder, &got, &e) < 0);
    if (!strstr(e.text, why))
        fail_msg("'%s' is not in '%s'", why, e.text);
    free(why);
}

static void lists_are_read(void **state)
{
    (void)state;
    cases_each("list", "good", is_read);
}

static void lists_that_are_none_are_refused_in_words(void **state)
{
    (void)state;
    cases_each("list", "bad", is_refused);
}

static void a_search_ends_at_the_limit(void **state)
{
    static const char text[] = "{\"results\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}";
    autolist struct list_result found = {0};

    (void)state;
    assert_int_equal(list_read_found(text, strlen(text), "r.example", 1, &found, NULL), 0);
    assert_int_equal(found.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(lists_that_are_none_are_refused_in_words),
        cmocka_unit_test(a_search_ends_at_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
