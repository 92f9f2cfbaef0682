/* Trees against layers: as an overlay's upper folder, and as a whole root. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "core/base/text.h"
#include "storage/diff.h"
#include "tests/unit/base/folder.h"

static void make_folders(const char *const *names)
{
    for (; *names; names++)
        assert_int_equal(mkdirat(folder, *names, 0755), 0);
}

static void set_time(const char *name)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

    assert_int_equal(utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void old_file(const char *name, const char *data)
{
    folder_put(name, data);
    set_time(name);
}

static int open_sub(const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

/* The differences as "A /x D /y ". */
static void compare(bool whole, const char *tree, const char *const *layers, const char *wanted)
{
    int lowers[4];
    struct diff_sides sides = {.whole = whole, .dotted = true, .lower_fds = lowers};
    autodiff struct diff_list list = {0};
    autotext struct text got = {0};
    struct err e = {0};

    for (; *layers; layers++)
        lowers[sides.lower_count++] = open_sub(*layers);
    sides.tree_fd = open_sub(tree);
    if (diff_make(&sides, &list, &e) < 0)
        fail_msg("%s", e.text);
    text_add(&got, "");
    for (size_t i = 0; i < list.n; i++)
        text_addf(&got, "%c %s ", list.v[i].kind, list.v[i].path);
    assert_string_equal(got.s, wanted);
    while (sides.lower_count)
        close(lowers[--sides.lower_count]);
    close(sides.tree_fd);
}

static const char *const one_layer[] = {"low", NULL}, *const two_layers[] = {"mid", "low", NULL};

static void make_low(void)
{
    static const char *const names[] = {"low",         "low/etc", "low/var",
                                        "low/var/log", "low/opt", NULL};

    make_folders(names);
    old_file("low/etc/passwd", "p");
    old_file("low/etc/group", "g");
    old_file("low/var/log/a", "a");
    old_file("low/var/b", "b");
    assert_int_equal(symlinkat("passwd", folder, "low/etc/link"), 0);
    set_time("low/etc/link");
}

static void an_upper_folder_tells_by_what_is_in_it(void **state)
{
    static const char *const names[] = {"up", "up/etc", "up/new", "up/new/deep", "up/opt", NULL};

    (void)state;
    make_low();
    make_folders(names);
    folder_put("up/etc/passwd", "changed");
    folder_put("up/etc/.wh.group", "");
    folder_put("up/new/deep/f", "x");
    folder_put("up/.wh.var", "");
    folder_put("up/.wh.never-was", "");
    compare(false, "up", one_layer,
            "D /var C /etc D /etc/group C /etc/passwd A /new A /new/deep A /new/deep/f ");
}

static void what_only_a_mount_needed_is_no_change(void **state)
{
    static const char *const names[] = {"up", "up/etc", "up/proc", "up/dev", NULL};

    (void)state;
    make_low();
    make_folders(names);
    folder_put("up/etc/hosts", "");
    compare(false, "up", one_layer, "");
    folder_put("up/etc/hosts", "127.0.0.1 me");
    folder_put("up/dev/null", "");
    compare(false, "up", one_layer, "A /dev A /dev/null C /etc A /etc/hosts ");
}

static void an_opaque_folder_hides_all_below(void **state)
{
    static const char *const names[] = {"up", "up/var", NULL};
    char path[128];

    (void)state;
    make_low();
    make_folders(names);
    snprintf(path, sizeof path, "%s/up/var", folder_path);
    if (setxattr(path, "user.overlay.opaque", "y", 1, 0) < 0)
        skip(); /* not on this file system */
    folder_put("up/var/new", "x");
    compare(false, "up", one_layer, "C /var D /var/b D /var/log A /var/new ");
}

static void layers_hide_what_is_below_them(void **state)
{
    static const char *const names[] = {"mid",    "mid/etc", "mid/opt", "up",
                                        "up/etc", "up/var",  NULL};

    (void)state;
    make_low();
    make_folders(names);
    folder_put("mid/etc/.wh.group", ""); /* removed by the image itself */
    folder_put("mid/.wh.var", "");
    folder_put("up/etc/group", "again");
    folder_put("up/etc/.wh.passwd", "");
    folder_put("up/var/b", "again");
    compare(false, "up", two_layers, "C /etc D /etc/passwd A /etc/group A /var A /var/b ");
}

static void copy_all(const char *from, const char *to)
{
    char line[300];

    snprintf(line, sizeof line, "cp -a %s/%s %s/%s", folder_path, from, folder_path, to);
    assert_int_equal(system(line), 0);
}

static void a_whole_root_is_compared_file_by_file(void **state)
{
    (void)state;
    make_low();
    copy_all("low", "root");
    compare(true, "root", one_layer, "");
    folder_put("root/etc/passwd", "longer");
    assert_int_equal(unlinkat(folder, "root/etc/link", 0), 0);
    assert_int_equal(symlinkat("groups", folder, "root/etc/link"), 0);
    assert_int_equal(unlinkat(folder, "root/var/log/a", 0), 0);
    assert_int_equal(unlinkat(folder, "root/var/log", AT_REMOVEDIR), 0);
    assert_int_equal(fchmodat(folder, "root/opt", 0700, 0), 0);
    folder_put("root/var/.wh.x", "a name like any other");
    compare(true, "root", one_layer,
            "C /etc C /etc/link C /etc/passwd C /opt C /var A /var/.wh.x D /var/log ");
}

static void a_file_that_became_a_folder_is_both(void **state)
{
    (void)state;
    make_low();
    copy_all("low", "root");
    assert_int_equal(unlinkat(folder, "root/etc/passwd", 0), 0);
    assert_int_equal(mkdirat(folder, "root/etc/passwd", 0755), 0);
    folder_put("root/etc/passwd/in", "x");
    compare(true, "root", one_layer, "C /etc C /etc/passwd A /etc/passwd/in ");
}

static void a_list_crosses_a_pipe_and_can_be_asked(void **state)
{
    struct diff_item items[] = {{DIFF_CHANGED, (char[]){"/etc"}},
                                {DIFF_ADDED, (char[]){"/etc/a b\n"}},
                                {DIFF_REMOVED, (char[]){"/x"}}};
    const struct diff_list list = {items, 3};
    autodiff struct diff_list again = {0}, none = {0};
    autotext struct text bytes = {0};
    struct diff_index *x = NULL;
    struct err e;

    (void)state;
    assert_int_equal(diff_format(&list, &bytes, NULL), 0);
    assert_int_equal(diff_parse(bytes.s, bytes.n, &again, NULL), 0);
    assert_int_equal(again.n, 3);
    assert_string_equal(again.v[1].path, "/etc/a b\n");
    assert_int_equal(diff_index_new(&again, &x, NULL), 0);
    assert_int_equal(diff_index_find(x, "/x")->kind, DIFF_REMOVED);
    assert_null(diff_index_find(x, "/etc/a"));
    diff_index_free(x);
    assert_int_equal(diff_parse(bytes.s, bytes.n - 1, &none, &e), -EINVAL);
    assert_int_equal(diff_parse("X/y", 4, &none, &e), -EINVAL);
    assert_string_equal(e.text, "a list of changes is damaged");
    assert_int_equal(none.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(an_upper_folder_tells_by_what_is_in_it),
        folder_test(what_only_a_mount_needed_is_no_change),
        folder_test(an_opaque_folder_hides_all_below),
        folder_test(layers_hide_what_is_below_them),
        folder_test(a_whole_root_is_compared_file_by_file),
        folder_test(a_file_that_became_a_folder_is_both),
        cmocka_unit_test(a_list_crosses_a_pipe_and_can_be_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
