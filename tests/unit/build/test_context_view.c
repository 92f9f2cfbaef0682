#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"
#include "core/build/context_view.h"
#include "tests/unit/unit.h"

static char where[64], hidden[64];
static struct context context;

static void put(const char *path, const char *text)
{
    autofree char *full = text_format("%s/%s", where, path), *copy = strdup(path);
    autofd int root = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir = -1;
    char *slash = strrchr(copy, '/');

    if (slash) {
        *slash = 0;
        assert_int_equal(path_mkdirs(root, copy, 0755, &dir, NULL), 0);
    }
    assert_int_equal(file_put(full, text, 0644, NULL), 0);
}

static int setup(void **state)
{
    (void)state;
    strcpy(where, "/tmp/rctr-test-view.XXXXXX");
    strcpy(hidden, "/tmp/rctr-test-hidden.XXXXXX");
    return mkdtemp(where) && mkdtemp(hidden) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    context_close(&context);
    return path_remove_tree(AT_FDCWD, where, NULL) < 0 ? -1
                                                       : path_remove_tree(AT_FDCWD, hidden, NULL);
}

static void open_it(const char *ignored)
{
    const struct context_ask ask = {.where = where};
    struct err e = {0};

    put(".dockerignore", ignored);
    if (context_open(&ask, &context, &e) < 0)
        fail_msg("%s", e.text);
}

static int find(const char *source, struct context_view_spot *ret, struct err *e)
{
    *e = (struct err){0};
    return context_view_find(&context, source, ret, e);
}

/* Names below, '!' behind whiteouts. */
static void list(int dir, const char *at, struct text *t)
{
    autostrv struct strv names = {0};

    assert_int_equal(path_list(dir, &names, NULL), 0);
    for (size_t i = 0; i < names.n; i++) {
        autofree char *path = text_format("%s%s%s", at, *at ? "/" : "", names.v[i]);
        struct stat st;

        assert_int_equal(fstatat(dir, names.v[i], &st, AT_SYMLINK_NOFOLLOW), 0);
        text_addf(t, "%s%s ", path, S_ISCHR(st.st_mode) && st.st_rdev == 0 ? "!" : "");
        if (S_ISDIR(st.st_mode)) {
            autofd int below = openat(dir, names.v[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

            list(below, path, t);
        }
    }
}

static void hides(const char *source, int count, const char *want)
{
    autofd int dir = open(hidden, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct context_view_spot s = {0};
    autotext struct text t = {0};
    struct err e;
    int r;

    assert_int_equal(find(source, &s, &e), 0);
    r = context_view_hide(&context, &s, dir, &e);
    context_view_spot_free(&s);
    if (r == -EPERM) { /* a kernel before 5.8: the files are copied there */
        print_message("no whiteouts here\n");
        skip();
    }
    assert_int_equal(r, count);
    text_add(&t, "");
    list(dir, "", &t);
    assert_string_equal(t.s, want);
}

static void a_whiteout_stands_for_each_entry_that_is_left_out(void **state)
{
    autofree char *fifo = NULL;

    (void)state;
    put("a/b/c.log", "");
    put("a/b/d", "");
    put("a/e", "");
    put("gone/x/y/z", "");
    put("kept/x", "");
    fifo = text_format("%s/a/fifo", where);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    open_it("*.log\n**/*.log\ngone\n.dockerignore\n");
    hides("/", 4, ".dockerignore! a a/b a/b/c.log! a/fifo! gone! ");
}

static void what_is_taken_back_is_seen_and_what_is_empty_then_is_not(void **state)
{
    (void)state;
    put("left/x/y", "");
    put("left/z", "");
    put("other/x/y", "");
    open_it("left\nother\n!left/x\n!*/none\n");
    hides("/", 3, "left left/z! other! ");
}

static void a_part_of_the_context_shows_only_itself(void **state)
{
    struct stat st;
    autofree char *path = text_format("%s/in", hidden);

    (void)state;
    put("src/in/a", "");
    put("src/b", "");
    open_it("src/in/a\nsrc/b\n");
    {
        autofree char *in = text_format("%s/src/in", where);

        assert_int_equal(chmod(in, 0750), 0);
    }
    hides("src", 2, "b! in in/a! ");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
}

static void a_source_is_inside_and_not_left_out(void **state)
{
    struct context_view_spot s = {0};
    autofree char *link = NULL;
    struct err e;

    (void)state;
    put("dir/file", "");
    put("left", "");
    put("odd*[name]/x", "");
    link = text_format("%s/dir/link", where);
    assert_int_equal(symlink("../left", link), 0);
    free(link);
    link = text_format("%s/dir/up", where);
    assert_int_equal(symlink("../../../..", link), 0);
    free(link);
    link = text_format("%s/fifo", where);
    assert_int_equal(mkfifo(link, 0600), 0);
    open_it("left\n");

    assert_int_equal(find("/dir/./file", &s, &e), 0);
    assert_string_equal(s.below, "dir/file");
    assert_false(s.folder);
    context_view_spot_free(&s);
    assert_int_equal(find("dir/up", &s, &e), 0);
    assert_string_equal(s.below, ""); /* the root of the context, and no further */
    context_view_spot_free(&s);
    assert_int_equal(find("odd*[name]", &s, &e), 0);
    context_view_spot_free(&s);

    assert_int_equal(find("..", &s, &e), -EXDEV);
    assert_int_equal(find("dir/../../x", &s, &e), -EXDEV);
    assert_int_equal(find("nothing", &s, &e), -ENOENT);
    assert_non_null(strstr(e.text, "source=nothing: it is not in the build context"));
    assert_int_equal(find("left", &s, &e), -ENOENT);
    assert_non_null(strstr(e.text, "its ignore file leaves it out"));
    assert_int_equal(find("dir/link", &s, &e), -ENOENT);
    assert_non_null(strstr(e.text, "its ignore file leaves it out"));
    assert_int_equal(find("fifo", &s, &e), -EINVAL);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_whiteout_stands_for_each_entry_that_is_left_out),
        test(what_is_taken_back_is_seen_and_what_is_empty_then_is_not),
        test(a_part_of_the_context_shows_only_itself),
        test(a_source_is_inside_and_not_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
