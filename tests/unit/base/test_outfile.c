#include <errno.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/outfile.h"
#include "tests/unit/base/folder.h"

static char path[128];

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder_path, name);
    return path;
}

static void holds(const char *name, const char *want)
{
    autotext struct text t = {0};
    struct err e = {0};

    if (file_read(folder, name, 100, &t, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(t.s ? t.s : "", want);
}

static void a_new_file_is_not_seen_before_its_end(void **state)
{
    autooutfile struct outfile f = OUTFILE_NONE;

    (void)state;
    assert_int_equal(outfile_begin(in_folder("new"), &f, NULL), 0);
    assert_int_equal(file_write_fd(f.fd, "bytes", 5, NULL), 0);
    assert_int_equal(folder_count(folder), 0);
    assert_false(f.replaces);
    assert_int_equal(outfile_end(&f, true, NULL), 0);
    holds("new", "bytes");
    assert_int_equal(folder_count(folder), 1);
}

static void what_was_there_stays_until_the_end(void **state)
{
    autooutfile struct outfile f = OUTFILE_NONE;
    struct stat st;

    (void)state;
    folder_put("old", "before");
    assert_int_equal(fchmodat(folder, "old", 0640, 0), 0);
    assert_int_equal(symlinkat("old", folder, "link"), 0);
    assert_int_equal(outfile_begin(in_folder("link"), &f, NULL), 0);
    assert_true(f.replaces);
    assert_int_equal(file_write_fd(f.fd, "after", 5, NULL), 0);
    holds("old", "before");
    assert_int_equal(outfile_end(&f, false, NULL), 0);
    holds("old", "after");
    assert_int_equal(fstatat(folder, "old", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(fstatat(folder, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISLNK(st.st_mode));
}

static void without_an_end_nothing_is_left(void **state)
{
    struct outfile f = OUTFILE_NONE;
    unsigned fds = folder_open_fds();

    (void)state;
    folder_put("old", "before");
    assert_int_equal(outfile_begin(in_folder("old"), &f, NULL), 0);
    assert_int_equal(file_write_fd(f.fd, "after", 5, NULL), 0);
    outfile_close(&f);
    outfile_close(&f);
    holds("old", "before");
    assert_int_equal(folder_count(folder), 1);
    assert_int_equal(folder_open_fds(), fds);
}

static void in_an_open_folder_too(void **state)
{
    autooutfile struct outfile f = OUTFILE_NONE, second = OUTFILE_NONE;

    (void)state;
    assert_int_equal(outfile_begin_at(folder, "x", &f, NULL), 0);
    assert_int_equal(outfile_begin_at(folder, "x", &second, NULL), 0);
    assert_int_equal(file_write_fd(f.fd, "1", 1, NULL), 0);
    assert_int_equal(file_write_fd(second.fd, "2", 1, NULL), 0);
    assert_int_equal(outfile_end(&f, false, NULL), 0);
    assert_int_equal(outfile_end(&second, false, NULL), 0);
    holds("x", "2");
    assert_int_equal(folder_count(folder), 1);
}

/* What comes out of a FIFO is what was written, and the FIFO stays. */
static void what_is_no_ordinary_file_is_written_as_it_is(void **state)
{
    autooutfile struct outfile f = OUTFILE_NONE;
    char got[8] = "";
    struct stat st;
    autofd int reader = -1;

    (void)state;
    assert_int_equal(mkfifoat(folder, "pipe", 0600), 0);
    reader = openat(folder, "pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(outfile_begin(in_folder("pipe"), &f, NULL), 0);
    assert_int_equal(file_write_fd(f.fd, "bytes", 5, NULL), 0);
    assert_int_equal(outfile_end(&f, true, NULL), 0);
    assert_int_equal(read(reader, got, sizeof got), 5);
    assert_int_equal(fstatat(folder, "pipe", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISFIFO(st.st_mode));
}

static void what_cannot_be_is_told(void **state)
{
    struct outfile f = OUTFILE_NONE;
    struct err e = {0};

    (void)state;
    assert_int_equal(outfile_begin(folder_path, &f, &e), -EISDIR);
    assert_non_null(strstr(e.text, "it is a folder"));
    assert_int_equal(outfile_begin(in_folder("no/where"), &f, &e), -ENOENT);
    assert_non_null(strstr(e.text, "cannot create '"));
    assert_non_null(strstr(e.text, "no/where': cannot open its folder"));
    assert_int_equal(outfile_begin(in_folder("new/"), &f, &e), -EISDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(a_new_file_is_not_seen_before_its_end),
        folder_test(what_was_there_stays_until_the_end),
        folder_test(without_an_end_nothing_is_left),
        folder_test(in_an_open_folder_too),
        folder_test(what_is_no_ordinary_file_is_written_as_it_is),
        folder_test(what_cannot_be_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
