#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

#include "core/base/path.h"
#include "core/base/unlinker.h"
#include "tests/unit/base/folder.h"

static bool is_there(const char *name)
{
    return faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void make_tree(const char *at, int depth)
{
    char name[256];

    assert_int_equal(mkdirat(folder, at, 0700), 0);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "%s/a-name-of-some-length-so-that-there-are-pieces-%d", at, i);
        folder_put(name, "");
    }
    for (int i = 0; depth && i < 5; i++) {
        snprintf(name, sizeof name, "%s/%d", at, i);
        make_tree(name, depth - 1);
    }
}

static void all_of_a_tree_goes(void **state)
{
    (void)state;
    make_tree("tree", 4); /* 781 folders: longer than the patience, so by threads */
    assert_int_equal(symlinkat("tree", folder, "tree/link"), 0);
    assert_int_equal(mkfifoat(folder, "tree/fifo", 0600), 0);
    unlinker_run(folder, "tree");
    assert_false(is_there("tree"));
}

static void a_link_is_not_followed(void **state)
{
    (void)state;
    make_tree("other", 0);
    assert_int_equal(mkdirat(folder, "tree", 0700), 0);
    assert_int_equal(symlinkat("../other", folder, "tree/link"), 0);
    assert_int_equal(symlinkat("other", folder, "first"), 0);
    unlinker_run(folder, "tree");
    unlinker_run(folder, "first");
    assert_false(is_there("tree"));
    assert_true(is_there("first"));
    assert_true(is_there("other/a-name-of-some-length-so-that-there-are-pieces-0"));
}

static void what_is_no_folder_or_missing_is_left(void **state)
{
    (void)state;
    folder_put("file", "");
    unlinker_run(folder, "file");
    unlinker_run(folder, "nothing");
    assert_true(is_there("file"));
}

static void a_folder_that_is_shut_is_left_and_what_it_is_in(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        print_message("skipped: root can read every folder\n");
        skip();
    }
    make_tree("tree", 1);
    folder_put("tree/0/file", "");
    assert_int_equal(fchmodat(folder, "tree/0", 0, 0), 0);
    unlinker_run(folder, "tree");
    assert_true(is_there("tree/0"));
    assert_false(is_there("tree/1"));
    assert_int_equal(path_remove_tree(folder, "tree", NULL), 0);
    assert_false(is_there("tree"));
}

static void folders_deeper_than_there_are_descriptors_are_left(void **state)
{
    int at = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    for (int i = 0; i < 3000; i++) {
        int next;

        assert_int_equal(mkdirat(at, "d", 0700), 0);
        next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(at);
        at = next;
    }
    close(at);
    unlinker_run(folder, "d");
    assert_int_equal(path_remove_tree(folder, "d", NULL), 0);
    assert_false(is_there("d"));
}

static void several_at_once_on_one_tree_end(void **state)
{
    (void)state;
    make_tree("tree", 3);
    for (int i = 0; i < 3; i++)
        if (fork() == 0) {
            unlinker_run(folder, "tree");
            _exit(0);
        }
    unlinker_run(folder, "tree");
    while (wait(NULL) > 0)
        ;
    assert_int_equal(errno, ECHILD);
    unlinker_run(folder, "tree"); /* one of them may have found a folder that was not empty yet */
    assert_false(is_there("tree"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(all_of_a_tree_goes),
        folder_test(a_link_is_not_followed),
        folder_test(what_is_no_folder_or_missing_is_left),
        folder_test(a_folder_that_is_shut_is_left_and_what_it_is_in),
        folder_test(folders_deeper_than_there_are_descriptors_are_left),
        folder_test(several_at_once_on_one_tree_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
