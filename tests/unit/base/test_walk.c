#include <errno.h>
#include <limits.h>

#include "core/base/auto.h"
#include "core/base/walk.h"
#include "tests/unit/base/folder.h"

/* The root is <folder>/r; what lies beside it must never be reached.
 *   r/a/b/c/f, r/f, r/bin -> usr/bin, r/usr/bin/sh, r/dir/          outside, r/../secret */
static int make_tree(void **state)
{
    static const char *const folders[] = {"r",     "r/a",       "r/a/b", "r/a/b/c",
                                          "r/usr", "r/usr/bin", "r/dir", "outside"};
    static const char *const files[] = {"r/f", "r/a/b/c/f", "r/usr/bin/sh", "secret", "outside/f"};
    static const struct {
        const char *to, *name;
    } links[] = {
        {"usr/bin", "r/bin"},
        {"/f", "r/abs"},
        {"/a/b", "r/absdir"},
        {"../../../../f", "r/a/b/c/beyond"},
        {"../secret", "r/escape"},
        {"/../../secret", "r/absescape"},
        {"missing", "r/dangling"},
        {"/gone/deep", "r/dangling2"},
        {"loop2", "r/loop1"},
        {"loop1", "r/loop2"},
        {"self", "r/self"},
        {"self/x", "r/selfdeep"},
        {"f/", "r/slashfile"},
        {"dir/", "r/slashdir"},
        {"missing/", "r/slashgone"},
        {"..", "r/a/up"},
        {"a/b/..", "r/viaup"},
        {"/", "r/rootlink"},
        {".", "r/dot"},
        {"../../..", "r/a/b/c/up3"},
    };
    char name[32], to[32];

    if (folder_setup(state) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        if (mkdirat(folder, folders[i], 0755) < 0)
            return -1;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        folder_put(files[i], "x");
    for (size_t i = 0; i < ARRAY_SIZE(links); i++)
        if (symlinkat(links[i].to, folder, links[i].name) < 0)
            return -1;
    for (int i = 0; i < 45; i++) { /* chain0 -> chain1 -> … -> chain45, a file */
        snprintf(name, sizeof name, "r/chain%d", i);
        snprintf(to, sizeof to, "chain%d", i + 1);
        if (symlinkat(to, folder, name) < 0)
            return -1;
    }
    folder_put("r/chain45", "x");
    return 0;
}

static const char *const paths[] = {
    "",
    ".",
    "/",
    "//",
    "f",
    "/f",
    "./f",
    "//f",
    "f/",
    "f//",
    "f/.",
    "f/..",
    "f/x",
    "dir",
    "dir/",
    "dir/.",
    "dir/..",
    "dir/../f",
    "..",
    "../",
    "../..",
    "../f",
    "../secret",
    "../r/f",
    "../outside/f",
    "../../../../etc/passwd",
    "a/b/c/f",
    "a/b/c/../../b/c/f",
    "a/../../../f",
    "bin/sh",
    "bin",
    "bin/",
    "bin/..",
    "bin/../f",
    "bin/../bin/sh",
    "abs",
    "abs/",
    "absdir/c/f",
    "absdir/..",
    "absdir/../f",
    "a/b/c/beyond",
    "escape",
    "absescape",
    "escape/",
    "dangling",
    "dangling/",
    "dangling/x",
    "dangling2",
    "missing",
    "missing/",
    "missing/x",
    "missing/..",
    "loop1",
    "loop1/",
    "loop1/x",
    "self",
    "self/",
    "selfdeep",
    "slashfile",
    "slashfile/",
    "slashdir",
    "slashdir/",
    "slashdir/x",
    "slashgone",
    "a/up",
    "a/up/f",
    "a/up/../../f",
    "viaup",
    "viaup/b",
    "viaup/up/f",
    "rootlink",
    "rootlink/f",
    "rootlink/../f",
    "dot",
    "dot/dot/dot/f",
    "a/b/c/up3/f",
    "a/b/c/up3",
    "chain0",
    "chain4",
    "chain5",
    "chain6",
    "chain5/",
    "chain44",
    "chain45",
    "a//b///c////f",
    "a/./b/./c/./f",
    "usr/bin/sh/",
    "/..",
    "/../",
    "/../f",
    "....",
    "a/...",
    "new",
    "dir/new",
    "new/",
    "dangling/new",
    "bin/new",
};

static int flags_of[] = {
    O_RDONLY,
    O_PATH,
    O_PATH | O_NOFOLLOW,
    O_PATH | O_DIRECTORY,
    O_PATH | O_DIRECTORY | O_NOFOLLOW,
    O_RDONLY | O_NOFOLLOW,
    O_RDONLY | O_DIRECTORY,
    O_WRONLY,
    O_WRONLY | O_CREAT,
    O_WRONLY | O_CREAT | O_EXCL,
    O_WRONLY | O_CREAT | O_NOFOLLOW,
};

static const char *const may_be_made[] = {"r/new",         "r/dir/new", "r/missing",
                                          "r/usr/bin/new", "r/....",    "r/a/..."};

/* What opening leads to: -errno, or the inode (a new one has none that could be compared). */
static long long outcome(int root, const char *path, int flags, enum walk_how how, bool slow)
{
    struct stat st;
    long long r;
    int fd;

    walk_forbid_openat2(slow);
    fd = walk_open(root, path, flags, 0600, how);
    walk_forbid_openat2(false);
    if (fd < 0)
        return fd;
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    close(fd);
    r = (long long)st.st_ino;
    for (size_t i = 0; i < ARRAY_SIZE(may_be_made); i++)
        if (unlinkat(folder, may_be_made[i], 0) == 0)
            r = 1000000000000LL + (long long)i;
    return r;
}

static void compare(int root, const char *path)
{
    for (size_t k = 0; k < ARRAY_SIZE(flags_of); k++)
        for (int how = WALK_IN_ROOT; how <= WALK_NO_LINKS; how++) {
            long long fast = outcome(root, path, flags_of[k], (enum walk_how)how, false);
            long long slow = outcome(root, path, flags_of[k], (enum walk_how)how, true);

            if (fast != slow)
                fail_msg("'%.60s' flags %o how %d: openat2 %lld, slow %lld", path, flags_of[k], how,
                         fast, slow);
        }
}

static void both_ways_agree_on_every_path(void **state)
{
    autofd int root = openat(folder, "r", O_PATH | O_DIRECTORY | O_CLOEXEC);
    unsigned before;

    (void)state;
    before = folder_open_fds();
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        compare(root, paths[i]);
    assert_int_equal(folder_open_fds(), before);
}

static void nothing_outside_of_the_root_is_opened(void **state)
{
    static const char *const evil[] = {"../secret",           "escape",
                                       "absescape",           "../outside/f",
                                       "a/up/../../secret",   "rootlink/../secret",
                                       "a/b/c/up3/../secret", "bin/../../../../secret"};
    autofd int root = openat(folder, "r", O_PATH | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(evil); i++)
        for (int slow = 0; slow < 2; slow++)
            assert_int_equal(outcome(root, evil[i], O_RDONLY, WALK_IN_ROOT, slow), -ENOENT);
}

static void links_are_followed_inside_or_refused(void **state)
{
    autofd int root = openat(folder, "r", O_PATH | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    for (int slow = 0; slow < 2; slow++) {
        assert_true(outcome(root, "bin/sh", O_RDONLY, WALK_IN_ROOT, slow) > 0);
        assert_int_equal(outcome(root, "bin/sh", O_RDONLY, WALK_NO_LINKS, slow), -ELOOP);
        assert_int_equal(outcome(root, "loop1", O_RDONLY, WALK_IN_ROOT, slow), -ELOOP);
        assert_int_equal(outcome(root, "abs", O_RDONLY | O_NOFOLLOW, WALK_IN_ROOT, slow), -ELOOP);
        assert_true(outcome(root, "abs", O_PATH | O_NOFOLLOW, WALK_NO_LINKS, slow) > 0);
        assert_int_equal(outcome(root, "f/", O_RDONLY, WALK_IN_ROOT, slow), -ENOTDIR);
        assert_int_equal(outcome(root, "dangling", O_WRONLY | O_CREAT | O_EXCL, WALK_IN_ROOT, slow),
                         -EEXIST);
    }
}

static void long_names_and_long_paths_are_refused_alike(void **state)
{
    autofd int root = openat(folder, "r", O_PATH | O_DIRECTORY | O_CLOEXEC);
    static char path[3 * PATH_MAX];

    (void)state;
    for (size_t n = 250; n < 260; n++) {
        memset(path, 'n', n);
        path[n] = 0;
        compare(root, path);
        memcpy(path + n, "/x", 3);
        compare(root, path);
    }
    for (size_t n = PATH_MAX - 3; n < PATH_MAX + 3; n++) {
        for (size_t i = 0; i < n; i++)
            path[i] = i % 2 ? '/' : '.';
        path[n] = 0;
        compare(root, path);
    }
    memset(path, '/', 2 * PATH_MAX + 10);
    compare(root, path);
}

static void deep_paths_are_walked(void **state)
{
    autofd int root = openat(folder, "r", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int at = fcntl(root, F_DUPFD_CLOEXEC, 0);
    static char path[PATH_MAX];
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 600; i++) {
        int next;

        assert_int_equal(mkdirat(at, "d", 0755), 0);
        next = openat(at, "d", O_PATH | O_CLOEXEC);
        close(at);
        at = next;
        memcpy(path + n, "d/", 3);
        n += 2;
        if (i == 10 || i == 254 || i == 255 || i == 256 || i == 599)
            compare(root, path);
    }
    close(at);
    memcpy(path + n, "../../d", 8);
    compare(root, path);
    /* Only without openat2, and only beyond 256 folders: not reached, and said so. */
    for (int i = 0; i < 300; i++, n += 3)
        memcpy(path + n, "../", 4);
    assert_int_equal(outcome(root, path, O_PATH, WALK_IN_ROOT, true), -ENAMETOOLONG);
    assert_true(outcome(root, path, O_PATH, WALK_IN_ROOT, false) > 0);
}

static void what_is_not_allowed_is_said_alike(void **state)
{
    autofd int root = openat(folder, "r", O_PATH | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    assert_int_equal(fchmodat(folder, "r/a/b", 0, 0), 0);
    compare(root, "a/b/c/f");
    compare(root, "a/b/../../f");
    compare(root, "absdir/c/f");
    assert_int_equal(fchmodat(folder, "r/a/b", 0755, 0), 0);
    assert_int_equal(walk_open(-1, "f", O_RDONLY, 0, WALK_IN_ROOT), -EBADF);
}

int main(void)
{
#define tree_test(f) cmocka_unit_test_setup_teardown(f, make_tree, folder_teardown)
    const struct CMUnitTest tests[] = {
        tree_test(both_ways_agree_on_every_path),
        tree_test(nothing_outside_of_the_root_is_opened),
        tree_test(links_are_followed_inside_or_refused),
        tree_test(long_names_and_long_paths_are_refused_alike),
        tree_test(deep_paths_are_walked),
        tree_test(what_is_not_allowed_is_said_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
