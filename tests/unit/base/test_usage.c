#include <errno.h>

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
        folder_test(what_cannot_be_read_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
