#include <errno.h>
#include <sys/resource.h>

#include "core/base/auto.h"
#include "core/base/path.h"
#include "tests/unit/base/folder.h"

static void folders_are_made_inside_whatever_the_links_say(void **state)
{
    autofd int fd = -1, again = -1, root = -1;
    struct stat st;

    (void)state;
    assert_int_equal(mkdirat(folder, "r", 0755), 0);
    assert_int_equal(symlinkat("/x/../y", folder, "r/link"), 0);
    root = openat(folder, "r", O_PATH | O_CLOEXEC);
    assert_int_equal(path_mkdirs(root, "/y/z//w/", 0750, &fd, NULL), 0);
    assert_int_equal(fstatat(folder, "r/y/z/w", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(path_mkdirs(root, "../../up", 0755, &again, NULL), 0);
    assert_int_equal(fstatat(folder, "r/up", &st, 0), 0);
    assert_int_equal(faccessat(folder, "up", F_OK, 0), -1);
    close(again);
    assert_int_equal(path_mkdirs(root, "", 0755, &again, NULL), 0);
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
    static const struct {
        const char *path, *words;
    } cases[] = {
        {"file/x", "cannot open the folder 'file/': Not a directory"},
        {"file", "cannot open the folder 'file': Not a directory"},
        {"gone/x", "cannot open the folder 'gone/': No such file or directory"},
    };
    unsigned before = folder_open_fds();
    char *deep = malloc(5001);
    struct err e;
    int fd = -7;

    (void)state;
    folder_put("file", "");
    assert_int_equal(symlinkat("nowhere", folder, "gone"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_true(path_mkdirs(folder, cases[i].path, 0755, &fd, &e) < 0);
        assert_string_equal(e.text, cases[i].words);
    }
    memset(deep, 'x', 5000);
    deep[5000] = 0;
    assert_int_equal(path_mkdirs(folder, deep, 0755, &fd, &e), -ENAMETOOLONG);
    assert_string_equal(e.text, "a path of 5000 bytes is too long");
    free(deep);
    assert_int_equal(path_open(folder, "/none", O_RDONLY, 0, &fd, &e), -ENOENT);
    assert_string_equal(e.text, "cannot open '/none': No such file or directory");
    assert_int_equal(fd, -7);
    assert_int_equal(folder_open_fds(), before);
}

static void a_tree_is_removed_whatever_its_modes(void **state)
{
    (void)state;
    assert_int_equal(mkdirat(folder, "t", 0755), 0);
    assert_int_equal(mkdirat(folder, "t/closed", 0755), 0);
    assert_int_equal(mkdirat(folder, "t/closed/below", 0755), 0);
    folder_put("t/closed/below/f", "x");
    folder_put("t/closed/f", "x");
    assert_int_equal(mkdirat(folder, "t/frozen", 0755), 0);
    folder_put("t/frozen/f", "x");
    assert_int_equal(fchmodat(folder, "t/closed/below", 0, 0), 0);
    assert_int_equal(fchmodat(folder, "t/closed", 0, 0), 0);
    assert_int_equal(fchmodat(folder, "t/frozen", 0500, 0), 0);
    assert_int_equal(fchmodat(folder, "t", 0100, 0), 0);
    assert_int_equal(path_remove_tree(folder, "t", NULL), 0);
    assert_int_equal(folder_count(folder), 0);
}

static void what_is_not_there_is_removed_already(void **state)
{
    (void)state;
    assert_int_equal(path_remove_tree(folder, "nothing", NULL), 0);
    folder_put("f", "x");
    assert_int_equal(path_remove_tree(folder, "f", NULL), 0);
    assert_int_equal(folder_count(folder), 0);
}

static void links_are_removed_and_not_followed(void **state)
{
    (void)state;
    assert_int_equal(mkdirat(folder, "keep", 0700), 0);
    folder_put("keep/f", "x");
    assert_int_equal(mkdirat(folder, "t", 0700), 0);
    assert_int_equal(symlinkat("../keep", folder, "t/link"), 0);
    assert_int_equal(symlinkat(folder_path, folder, "t/abs"), 0);
    assert_int_equal(symlinkat("keep", folder, "top"), 0);
    assert_int_equal(mkfifoat(folder, "t/fifo", 0600), 0);
    assert_int_equal(path_remove_tree(folder, "t", NULL), 0);
    assert_int_equal(path_remove_tree(folder, "top", NULL), 0);
    assert_int_equal(faccessat(folder, "keep/f", F_OK, 0), 0);
    assert_int_equal(folder_count(folder), 1);
}

/* Folders with a file and a second folder on each level, deeper than any path can name. */
static void make_deep(int levels)
{
    int at = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;

    for (int i = 0; i < levels; i++) {
        assert_int_equal(mkdirat(at, "deep", 0755), 0);
        if (i % 50 == 0) {
            assert_int_equal(mkdirat(at, "another", 0755), 0);
            assert_int_equal(mkdirat(at, "another/full", 0), 0);
            assert_int_equal(symlinkat("x", at, "link"), 0);
        }
        next = openat(at, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(at);
        at = next;
    }
    close(at);
}

static void a_tree_of_5000_levels_needs_few_descriptors(void **state)
{
    struct rlimit old, few = {.rlim_cur = 100};
    unsigned before = folder_open_fds();
    struct err e = {0};
    int r;

    (void)state;
    make_deep(5000);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    r = path_remove_tree(folder, "deep", &e);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    if (r < 0)
        fail_msg("%s", e.text);
    assert_int_equal(faccessat(folder, "deep", F_OK, 0), -1);
    assert_int_equal(folder_open_fds(), before);
}

static void a_wide_folder_is_emptied(void **state)
{
    char name[64];

    (void)state;
    assert_int_equal(mkdirat(folder, "w", 0755), 0);
    for (int i = 0; i < 1500; i++) {
        snprintf(name, sizeof name, "w/%d", i);
        assert_int_equal(mkdirat(folder, name, 0755), 0);
        strcat(name, "/f");
        folder_put(name, "");
    }
    assert_int_equal(path_remove_tree(folder, "w", NULL), 0);
    assert_int_equal(folder_count(folder), 0);
}

static void what_must_stay_is_named(void **state)
{
    struct err e = {0};

    (void)state;
    if (geteuid() == 0)
        skip(); /* root may remove everything */
    assert_int_equal(path_remove_tree(AT_FDCWD, "/etc/passwd", &e), -EACCES);
    assert_string_equal(e.text, "cannot remove '/etc/passwd': Permission denied");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(folders_are_made_inside_whatever_the_links_say),
        folder_test(a_folder_that_cannot_be_made_is_named),
        folder_test(a_tree_is_removed_whatever_its_modes),
        folder_test(what_is_not_there_is_removed_already),
        folder_test(links_are_removed_and_not_followed),
        folder_test(a_tree_of_5000_levels_needs_few_descriptors),
        folder_test(a_wide_folder_is_emptied),
        folder_test(what_must_stay_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
