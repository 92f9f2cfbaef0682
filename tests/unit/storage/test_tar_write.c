/* Archives that are written, read by our own reader and by GNU tar. */
#include <errno.h>
#include <fcntl.h>

#include "core/base/text.h"
#include "storage/tar_write.h"
#include "tests/tar_bytes.h"
#include "tests/unit/base/folder.h"

static int put(void *arg, const void *bytes, size_t n, struct err *e)
{
    text_add_n(arg, bytes, n);
    return text_check(arg, e);
}

static struct tar_write *begin(struct text *to)
{
    const struct tar_sink sink = {put, to};
    struct tar_write *w = NULL;

    assert_int_equal(tar_write_new(&sink, &w, NULL), 0);
    return w;
}

static char long_name[400], long_link[300];
static const struct tar_xattr attrs[] = {
    {"security.capability", "\1\0\n=\2", 5}, {"user.empty", "", 0}, {"user.key", "value", 5}};

static const struct tar_entry entries[] = {
    {.type = TAR_FOLDER, .name = "", .link = "", .mode = 0711},
    {.type = TAR_FOLDER,
     .name = "dir",
     .link = "",
     .mode = 01777,
     .uid = 33,
     .gid = 34,
     .mtime = 981173106},
    {.type = TAR_FILE,
     .name = "dir/file",
     .link = "",
     .mode = 04755,
     .size = 700,
     .mtime = 1,
     .mtime_ns = 500000001,
     .xattrs = attrs,
     .xattr_count = 3},
    {.type = TAR_HARDLINK, .name = "dir/hard", .link = "dir/file", .mode = 0644},
    {.type = TAR_SYMLINK, .name = "dir/soft", .link = "../anywhere", .mode = 0777, .mtime = -5},
    {.type = TAR_FILE,
     .name = long_name,
     .link = "",
     .mode = 0600,
     .uid = 4294967294,
     .gid = 3000000,
     .size = 512},
    {.type = TAR_SYMLINK, .name = "far", .link = long_link, .mode = 0777, .mtime = 1LL << 40},
    {.type = TAR_CHAR, .name = "null", .link = "", .mode = 0666, .major = 1, .minor = 3},
    {.type = TAR_BLOCK, .name = "disk", .link = "", .mode = 0660, .major = 259, .minor = 70000},
    {.type = TAR_FIFO, .name = "pipe", .link = "", .mode = 0600},
    {.type = TAR_FILE, .name = "empty", .link = "", .mode = 0},
};

static void write_all(struct text *to)
{
    struct tar_write *w = begin(to);

    memset(long_name, 'n', sizeof long_name - 1);
    long_name[100] = long_name[200] = '/';
    memset(long_link, 'l', sizeof long_link - 1);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        assert_int_equal(tar_write_entry(w, &entries[i], NULL), 0);
        for (long long n = 0; n < entries[i].size; n++)
            assert_int_equal(tar_write_data(w, "x", 1, NULL), 0);
    }
    assert_int_equal(tar_write_end(w, NULL), 0);
    tar_write_free(w);
}

static void what_is_written_is_read(void **state)
{
    autotext struct text archive = {0};
    struct tar_bytes b;
    struct tar_source source = {tar_bytes_next, &b};
    struct tar_entry x;
    struct tar *t;

    (void)state;
    write_all(&archive);
    assert_int_equal(archive.n % 512, 0);
    b = (struct tar_bytes){archive.s, archive.n, 1000};
    assert_int_equal(tar_new(&source, &t, NULL), 0);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        const struct tar_entry *want = &entries[i];

        assert_int_equal(tar_next(t, &x, NULL), 1);
        assert_string_equal(x.name, want->name);
        assert_string_equal(x.link, want->link);
        assert_int_equal(x.type, want->type);
        assert_int_equal(x.mode, want->mode);
        assert_int_equal(x.uid, want->uid);
        assert_int_equal(x.gid, want->gid);
        assert_int_equal(x.size, want->size);
        assert_int_equal(x.mtime, want->mtime);
        assert_int_equal(x.mtime_ns, want->mtime_ns);
        assert_int_equal(x.major, want->major);
        assert_int_equal(x.minor, want->minor);
        assert_int_equal(x.xattr_count, want->xattr_count);
        for (size_t k = 0; k < x.xattr_count; k++) {
            assert_string_equal(x.xattrs[k].name, want->xattrs[k].name);
            assert_int_equal(x.xattrs[k].n, want->xattrs[k].n);
            assert_memory_equal(x.xattrs[k].value, want->xattrs[k].value, x.xattrs[k].n);
        }
    }
    assert_int_equal(tar_next(t, &x, NULL), 0);
    tar_free(t);
}

static void the_same_entries_are_the_same_bytes(void **state)
{
    autotext struct text a = {0}, b = {0};

    (void)state;
    write_all(&a);
    write_all(&b);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.s, b.s, a.n);
}

/* GNU tar's list, with the things that it does not print left out. */
static const char gnu_wanted[] = "drwx--x--x 0/0 0 1970-01-01 00:00 ./\n"
                                 "drwxrwxrwt 33/34 0 2001-02-03 04:05 dir/\n"
                                 "-rwsr-xr-x 0/0 700 1970-01-01 00:00 dir/file\n"
                                 "hrw-r--r-- 0/0 0 1970-01-01 00:00 dir/hard link to dir/file\n"
                                 "lrwxrwxrwx 0/0 0 1969-12-31 23:59 dir/soft -> ../anywhere\n"
                                 "crw-rw-rw- 0/0 1,3 1970-01-01 00:00 null\n"
                                 "prw------- 0/0 0 1970-01-01 00:00 pipe\n";

static void gnu_tar_reads_it(void **state)
{
    static const char command[] =
        "LC_ALL=C TZ=UTC tar --numeric-owner -tvf - <%s/a.tar 2>&1 | grep -vE "
        "'nnn|lll|disk|empty' | tr -s ' '";
    autotext struct text archive = {0};
    char line[300], got[4096] = "";
    FILE *f;
    int fd;

    (void)state;
    if (system("tar --version 2>/dev/null | grep -q GNU") != 0)
        skip(); /* another tar, or none */
    write_all(&archive);
    fd = openat(folder, "a.tar", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, archive.s, archive.n), (ssize_t)archive.n);
    close(fd);
    snprintf(line, sizeof line, command, folder_path);
    f = popen(line, "r");
    assert_non_null(f);
    got[fread(got, 1, sizeof got - 1, f)] = 0;
    assert_int_equal(pclose(f), 0);
    assert_string_equal(got, gnu_wanted);
}

static void a_file_has_as_many_bytes_as_it_said(void **state)
{
    const struct tar_entry file = {.type = TAR_FILE, .name = "f", .link = "", .size = 5};
    autotext struct text archive = {0};
    struct tar_write *w = begin(&archive);
    struct err e;

    (void)state;
    assert_int_equal(tar_write_entry(w, &file, &e), 0);
    assert_int_equal(tar_write_data(w, "123456", 6, &e), -EINVAL);
    assert_string_equal(e.text, "more bytes than the file's size says");
    assert_int_equal(tar_write_data(w, "123", 3, &e), 0);
    assert_int_equal(tar_write_fill(w, &e), 0);
    assert_int_equal(tar_write_end(w, &e), 0);
    tar_write_free(w);
    assert_int_equal(archive.n, 512 * 4);
    assert_memory_equal(archive.s + 512, "123\0\0\0", 6);
}

static void names_that_no_reader_takes_are_refused(void **state)
{
    static char name[5000];
    const struct tar_entry file = {.type = TAR_FILE, .name = name, .link = ""};
    autotext struct text archive = {0};
    struct tar_write *w = begin(&archive);
    struct err e;

    (void)state;
    memset(name, 'n', sizeof name - 1);
    assert_int_equal(tar_write_entry(w, &file, &e), -ENAMETOOLONG);
    assert_string_equal(e.text, "its name has 4999 bytes (at most 4096)");
    tar_write_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_same_entries_are_the_same_bytes),
        folder_test(gnu_tar_reads_it),
        cmocka_unit_test(a_file_has_as_many_bytes_as_it_said),
        cmocka_unit_test(names_that_no_reader_takes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
