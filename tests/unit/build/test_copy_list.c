#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"
#include "core/build/copy_list.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/rctr-copy-list-XXXXXX";
static int root = -1;

static void put(const char *name)
{
    autofd int fd = openat(root, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, name, strlen(name)), strlen(name));
}

static int make_files(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(
            mkdirat(root, ((const char *[]){"dir", "dir/sub", "empty", "d2"})[i], 0755), 0);
    for (size_t i = 0; i < 7; i++)
        put(((const char *[]){"a", "b.txt", "c.txt", "x[1]", "dir/c", "dir/sub/d.txt", "d2/e"})[i]);
    assert_int_equal(symlinkat("a", root, "link"), 0);
    assert_int_equal(symlinkat("dir", root, "way"), 0);
    assert_int_equal(symlinkat("/dir/c", root, "absolute"), 0);
    assert_int_equal(symlinkat("loop", root, "loop"), 0);
    assert_int_equal(symlinkat("nowhere", root, "dir/dangling"), 0);
    assert_int_equal(mkfifoat(root, "dir/pipe", 0600), 0);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    close(root);
    return path_remove_tree(AT_FDCWD, folder, NULL);
}

struct question {
    const char *ignore, *exclude;
    bool parents;
    const char *sources[4];
};

/* What a COPY of the sources takes: "from -> to" lines, and what the list says of its destination.
 */
static int take(const struct question *q, struct text *ret, struct err *e)
{
    autocopylist struct copy_list l = {0};
    autoignore struct ignore ignore = {0};
    autostrv struct strv exclude = {0};
    struct copy_ask ask = {
        .root_fd = root, .root_name = "the build context", .parents = q->parents};
    size_t n = 0;
    int r = 0;

    if (q->ignore && ignore_parse("i", q->ignore, strlen(q->ignore), &ignore, e) < 0)
        return -EINVAL;
    ask.ignore = q->ignore ? &ignore : NULL;
    if (q->exclude)
        r = strv_add(&exclude, q->exclude, e);
    ask.exclude = &exclude;
    while (n < 4 && q->sources[n])
        n++;
    if (r == 0)
        r = copy_list_make(&l, &ask, q->sources, n, 0, e);
    for (size_t i = 0; i < l.n && r == 0; i++)
        text_addf(ret, "%s -> %s%s%s\n", l.v[i].from, l.v[i].to, l.v[i].link ? " = " : "",
                  l.v[i].link ? l.v[i].link : "");
    text_addf(ret, "%s%s", l.single ? "single " : "", l.folder ? "folder" : "");
    return r < 0 ? r : text_check(ret, e);
}

static void sources_become_what_the_reference_says(void **state)
{
    static const struct {
        struct question q;
        const char *want;
    } rows[] = {
        {{.sources = {"a"}}, "a -> a\nsingle "},
        {{.sources = {"/dir/../a"}}, "a -> a\nsingle "},
        {{.sources = {"link"}}, "link -> link\nsingle "},
        {{.sources = {"absolute"}}, "absolute -> absolute\nsingle "},
        {{.sources = {"dir"}},
         "dir -> \ndir/c -> c\ndir/dangling -> dangling = nowhere\ndir/pipe -> pipe\n"
         "dir/sub -> sub\ndir/sub/d.txt -> sub/d.txt\n"},
        {{.sources = {"way/sub/"}}, "way/sub -> \nway/sub/d.txt -> d.txt\n"},
        {{.sources = {"empty"}}, "empty -> \n"},
        {{.sources = {"a", "d2"}}, "a -> a\nd2 -> \nd2/e -> e\nfolder"},
        {{.sources = {"*.txt"}}, "b.txt -> b.txt\nc.txt -> c.txt\nfolder"},
        {{.sources = {"b*"}}, "b.txt -> b.txt\nsingle "},
        {{.sources = {"x[[]1]"}}, "x[1] -> x[1]\nsingle "},
        {{.sources = {"d*/e"}}, "d2/e -> e\nsingle "},
        {{.sources = {"a", "lock*"}}, "a -> a\nsingle folder"},
        {{.parents = true, .sources = {"dir/sub/d.txt"}},
         "dir -> dir\ndir/sub -> dir/sub\ndir/sub/d.txt -> dir/sub/d.txt\n"},
        {{.parents = true, .sources = {"dir/./sub/d.txt"}},
         "dir/sub -> sub\ndir/sub/d.txt -> sub/d.txt\n"},
        {{.ignore = "dir/sub\n*.txt\n", .sources = {"dir"}},
         "dir -> \ndir/c -> c\ndir/dangling -> dangling = nowhere\ndir/pipe -> pipe\n"},
        {{.ignore = "*\n!dir/sub\n", .sources = {"."}},
         " -> \ndir -> dir\ndir/sub -> dir/sub\ndir/sub/d.txt -> dir/sub/d.txt\n"},
        {{.ignore = "b.txt\n", .sources = {"*.txt"}}, "c.txt -> c.txt\nsingle "},
        {{.exclude = "c", .sources = {"d*"}},
         "d2 -> \nd2/e -> e\ndir -> \ndir/dangling -> dangling = nowhere\ndir/pipe -> pipe\n"
         "dir/sub -> sub\ndir/sub/d.txt -> sub/d.txt\nfolder"},
        {{.exclude = "**/*.txt", .sources = {"dir/sub"}}, "dir/sub -> \n"},
        {{.exclude = "*.txt", .sources = {"*.txt", "a"}}, "a -> a\nsingle folder"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        autotext struct text got = {0};
        struct err e = {0};

        if (take(&rows[i].q, &got, &e) < 0)
            fail_msg("row %zu: %s", i, e.text);
        if (strcmp(got.s, rows[i].want) != 0)
            fail_msg("row %zu: wanted:\n%s\ngot:\n%s", i, rows[i].want, got.s);
    }
}

static void what_is_not_there_is_said_in_words(void **state)
{
    static const struct {
        struct question q;
        int code;
        const char *words;
    } rows[] = {
        {{.sources = {"nothing"}}, -ENOENT, "'nothing' is not in the build context"},
        {{.sources = {"a/below"}}, -ENOENT, "'a/below' is not in the build context"},
        {{.sources = {"../a"}}, -EXDEV, "'../a' is outside of the build context"},
        {{.sources = {"loop"}}, -EXDEV, "'loop' leads out of the build context"},
        {{.sources = {"*.none"}}, -ENOENT, "no file of the build context matches '*.none'"},
        {{.ignore = "a\n", .sources = {"a"}}, -ENOENT, "its ignore file leaves it out"},
        {{.sources = {"a", "nothing"}}, -ENOENT, "'nothing' is not in the build context"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        autotext struct text got = {0};
        struct err e = {0};

        assert_int_equal(take(&rows[i].q, &got, &e), rows[i].code);
        if (!strstr(e.text, rows[i].words))
            fail_msg("wanted '%s', got '%s'", rows[i].words, e.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_become_what_the_reference_says),
        cmocka_unit_test(what_is_not_there_is_said_in_words),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
