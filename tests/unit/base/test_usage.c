#include <errno.h>
#include <stdio.h>

#include "core/base/usage.h"
#include "tests/unit/base/folder.h"

static void a_tree_counts_with_all_that_is_in_it(void **state)
{
    struct usage u = {0};

    (void)state;
    assert_int_equal(mkdirat(folder, "a", 0700), 0);
    assert_int_equal(mkdirat(folder, "a/b", 0700), 0);
    folder_put("a/b/file", "some bytes");
    assert_int_equal(symlinkat("/etc", folder, "a/link"), 0); /* is not followed */
    assert_int_equal(usage_add(folder, "a", &u, NULL), 0);
    assert_int_equal(u.files, 4);
    assert_true(u.bytes > 0);
    assert_false(u.hidden);
}

static void sums_are_added_up_and_a_missing_name_is_nothing(void **state)
{
    struct usage u = {.bytes = 7, .files = 1};

    (void)state;
    assert_int_equal(usage_add(folder, "nothing", &u, NULL), 0);
    assert_int_equal(u.bytes, 7);
    folder_put("file", "");
    assert_int_equal(usage_add_all(folder, "file", &u, NULL), 0);
    assert_int_equal(u.files, 2);
}

static void a_file_with_several_names_counts_once(void **state)
{
    struct usage one = {0}, all = {0};
    char name[32];

    (void)state;
    assert_int_equal(mkdirat(folder, "links", 0700), 0);
    for (int i = 0; i < 200; i++) { /* more than one table full */
        snprintf(name, sizeof name, "links/%d", i);
        folder_put(name, "some bytes");
    }
    assert_int_equal(usage_add(folder, "links", &one, NULL), 0);
    for (int i = 0; i < 200; i++) {
        char again[32];

        snprintf(name, sizeof name, "links/%d", i);
        snprintf(again, sizeof again, "links/again-%d", i);
        assert_int_equal(linkat(folder, name, folder, again, 0), 0);
    }
    assert_int_equal(usage_add(folder, "links", &all, NULL), 0);
    assert_int_equal(one.files, 201);
    assert_int_equal(all.files, 201);
}

static void each_of_several_names_has_its_sum(void **state)
{
    static char x[] = "x", nothing[] = "nothing", y[] = "y";
    char *const names[] = {x, nothing, y};
    struct usage u[3] = {0};

    (void)state;
    assert_int_equal(mkdirat(folder, "x", 0700), 0);
    folder_put("x/file", "some bytes");
    folder_put("y", "some bytes");
    assert_int_equal(usage_add_each(folder, names, 3, u, NULL), 0);
    assert_int_equal(u[0].files, 2);
    assert_int_equal(u[1].files, 0);
    assert_int_equal(u[2].files, 1);
}

static void what_cannot_be_read_is_told(void **state)
{
    struct usage u = {0};

    (void)state;
    if (geteuid() == 0) {
        print_message("skipped: root can read every folder\n");
        skip();
    }
    assert_int_equal(mkdirat(folder, "shut", 0), 0);
    assert_int_equal(usage_add(folder, "shut", &u, NULL), 0);
    assert_true(u.hidden);
    assert_int_equal(fchmodat(folder, "shut", 0700, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(a_tree_counts_with_all_that_is_in_it),
        folder_test(sums_are_added_up_and_a_missing_name_is_nothing),
        folder_test(a_file_with_several_names_counts_once),
        folder_test(each_of_several_names_has_its_sum),
        folder_test(what_cannot_be_read_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
