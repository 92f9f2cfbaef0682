/* Addresses of git repositories, and names and times of what servers give. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/build/add_fetch.h"
#include "core/build/git.h"
#include "tests/unit/unit.h"

static void addresses_of_repositories_are_told_from_others(void **state)
{
    static const char *const yes[] = {
        "git@host:a/b.git",       "git://host/x",    "ssh://h/x",           "https://h/x.git",
        "http://h/x.git#ref:dir", "file:///x/y.git", "file:///x/y.git#main"};
    static const char *const no[] = {"https://h/x", "https://h/x.git/y", "file:///x/y",
                                     "x.git",       "./git@x",           "https://h/.git.tar"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        assert_true(git_is(yes[i]));
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        assert_false(git_is(no[i]));
}

static void an_address_has_a_ref_and_a_folder(void **state)
{
    static const struct {
        const char *text, *url, *ref, *subdir;
    } cases[] = {
        {"https://h/x.git", "https://h/x.git", NULL, NULL},
        {"https://h/x.git#", "https://h/x.git", NULL, NULL},
        {"https://h/x.git#v1", "https://h/x.git", "v1", NULL},
        {"https://h/x.git#v1:a/b", "https://h/x.git", "v1", "a/b"},
        {"https://h/x.git#:a", "https://h/x.git", NULL, "a"},
        {"git@h:x.git#v1:", "git@h:x.git", "v1", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct git_address a;
        struct err e = {0};

        assert_int_equal(git_parse(cases[i].text, &a, &e), 0);
        assert_string_equal(a.url, cases[i].url);
        assert_string_equal(a.ref ? a.ref : "-", cases[i].ref ? cases[i].ref : "-");
        assert_string_equal(a.subdir ? a.subdir : "-", cases[i].subdir ? cases[i].subdir : "-");
        git_address_free(&a);
    }
}

static void an_address_cannot_be_an_option_or_move_refs(void **state)
{
    static const char *const bad[] = {"--upload-pack=x", "https://h/x.git#--all",
                                      "https://h/x.git#+main", "https://h/x y.git",
                                      "https://h/x.git#a\nb"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct git_address a;
        struct err e = {0};

        assert_int_equal(git_parse(bad[i], &a, &e), -EINVAL);
        assert_non_null(strstr(e.text, "is not the address of a git repository"));
    }
}

static void a_whole_commit_is_one(void **state)
{
    (void)state;
    assert_true(git_is_commit("0123456789abcdef0123456789abcdef01234567"));
    assert_false(git_is_commit("0123456789abcdef0123456789abcdef0123456"));
    assert_false(git_is_commit("0123456789ABCDEF0123456789abcdef01234567"));
    assert_false(git_is_commit(NULL));
}

static void a_file_is_called_as_its_address_or_its_server_says(void **state)
{
    static const struct {
        const char *address, *disposition, *want;
    } cases[] = {
        {"http://h/a/b.txt", "", "b.txt"},
        {"http://h/a/b.txt?c=/d", "attachment; filename=other", "b.txt"},
        {"http://h/a%20b", "", "a b"},
        {"http://h/", "attachment; filename=\"x y\"", "x y"},
        {"http://h", "attachment; filename=x; size=3", "x"},
        {"http://h/a/", "", NULL},
        {"http://h/..", "", NULL},
        {"http://h/%2e%2e", "", NULL},
        {"http://h/a%2fb", "", NULL},
        {"http://h/", "attachment; filename=\"../x\"", NULL},
        {"http://h/", "attachment; filename=\"\"", NULL},
        {"http://h/x%00y", "", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *name = add_fetch_name(cases[i].address, cases[i].disposition);

        assert_string_equal(name ? name : "(none)", cases[i].want ? cases[i].want : "(none)");
        free(name);
    }
}

static void times_of_servers_are_read_strictly(void **state)
{
    (void)state;
    assert_int_equal(add_fetch_time("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    assert_int_equal(add_fetch_time(""), -1);
    assert_int_equal(add_fetch_time("1994-11-06"), -1);
    assert_int_equal(add_fetch_time("Sun, 06 Nov 1994 08:49:37 GMT+1"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_repositories_are_told_from_others),
        cmocka_unit_test(an_address_has_a_ref_and_a_folder),
        cmocka_unit_test(an_address_cannot_be_an_option_or_move_refs),
        cmocka_unit_test(a_whole_commit_is_one),
        cmocka_unit_test(a_file_is_called_as_its_address_or_its_server_says),
        cmocka_unit_test(times_of_servers_are_read_strictly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
