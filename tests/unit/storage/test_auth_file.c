/* tests/data/auth: what a file has for quay.io/team/tool: good ones hold `output` ("user:password",
 * "identity TOKEN" or "none"), bad ones `error` (words of the message). */
#include <errno.h>

#include "storage/registry/auth_file.h"
#include "tests/unit/cases.h"

static int find_in(const char *folder, struct creds *c, struct err *e)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/input", folder);
    return auth_file_find(path, "quay.io/team/tool", c, e);
}

static void is_read(const char *folder)
{
    char *output = cases_read(folder, "output", NULL), got[200] = "none\n";
    struct creds c = {0};
    struct err e = {0};
    int r = find_in(folder, &c, &e);

    assert_non_null(output);
    if (r < 0)
        fail_msg("%s", e.text);
    if (c.identity)
        snprintf(got, sizeof got, "identity %s\n", c.identity);
    else if (c.user)
        snprintf(got, sizeof got, "%s:%s\n", c.user, c.password);
    assert_string_equal(got, output);
    assert_int_equal(r, strcmp(got, "none\n") != 0);
    creds_free(&c);
    free(output);
}

static void is_refused(const char *folder)
{
    char *why = cases_read(folder, "error", NULL);
    struct creds c = {0};
    struct err e = {0};

    assert_non_null(why);
    why[strcspn(why, "\n")] = 0;
    assert_true(find_in(folder, &c, &e) < 0);
    if (!strstr(e.text, why) || !strstr(e.text, "authentication file '"))
        fail_msg("'%s' is not in '%s'", why, e.text);
    assert_null(c.user);
    free(why);
}

static void good_files_are_read(void **state)
{
    (void)state;
    cases_each("auth", "good", is_read);
}

static void bad_files_are_refused_in_words(void **state)
{
    (void)state;
    cases_each("auth", "bad", is_refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_are_read),
        cmocka_unit_test(bad_files_are_refused_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
