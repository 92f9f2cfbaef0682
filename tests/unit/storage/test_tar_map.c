#include <errno.h>
#include <fcntl.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/deflate.h"
#include "storage/tar_map.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/storage/tar_make.h"
#include "tests/unit/unit.h"

/* More than one piece of the reader, so that files lie across the ends of pieces. */
enum { LARGE = 700000 };
static char large[LARGE + 1];

static void make(struct text *to)
{
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)('a' + i % 23);
    tar_make(to, (struct tar_member){.type = '5', .name = "folder/"});
    tar_make(to, (struct tar_member){.type = '0', .name = "folder/small", .data = "hello"});
    tar_make(to, (struct tar_member){.type = '0', .name = "large", .data = large, .data_n = LARGE});
    tar_make(to, (struct tar_member){.type = '0', .name = "empty"});
    tar_make(to,
             (struct tar_member){.type = '2', .name = "folder/link", .link = "../folder/small"});
    tar_make(to, (struct tar_member){.type = '1', .name = "hard", .link = "large"});
    tar_make(to, (struct tar_member){.type = '2', .name = "round", .link = "round"});
    tar_make(to, (struct tar_member){.type = '0', .name = "twice", .data = "1"});
    tar_make(to, (struct tar_member){.type = '0', .name = "twice", .data = "2"});
    tar_make_end(to);
}

static int open_bytes(const struct text *t)
{
    int fd = openat(store.fd, "archive", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(file_write_fd(fd, t->s, t->n, NULL), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void holds(const struct tar_map *m, const char *name, const char *want, size_t n)
{
    autotext struct text t = {0};
    struct err e = {0};

    if (tar_map_text(m, name, 1 << 20, &t, &e) < 0)
        fail_msg("%s: %s", name, e.text);
    assert_int_equal(t.n, n);
    assert_memory_equal(t.s, want, n);
}

static void check_all(int fd)
{
    struct tar_map m;
    struct err e = {0};
    struct part p;

    if (tar_map_open(&store, fd, &m, &e) < 0)
        fail_msg("%s", e.text);
    holds(&m, "folder/small", "hello", 5);
    holds(&m, "large", large, LARGE);
    holds(&m, "empty", "", 0);
    holds(&m, "folder/link", "hello", 5);
    holds(&m, "hard", large, LARGE);
    assert_int_equal(tar_map_find(&m, "none", &p, &e), -ENOENT);
    assert_non_null(strstr(e.text, "the archive has no file 'none'"));
    assert_int_equal(tar_map_find(&m, "folder", &p, &e), -ENOENT);
    assert_int_equal(tar_map_find(&m, "round", &p, &e), -ELOOP);
    assert_int_equal(tar_map_find(&m, "twice", &p, &e), -EINVAL);
    assert_non_null(strstr(e.text, "has 'twice' twice"));
    tar_map_close(&m);
    tar_map_close(&m);
}

static void files_are_found_where_they_lie(void **state)
{
    autotext struct text t = {0};
    autofd int fd = -1;

    (void)state;
    make(&t);
    fd = open_bytes(&t);
    check_all(fd);
    check_all(fd);
}

static int add(void *arg, const void *bytes, size_t n, struct err *e)
{
    text_add_n(arg, bytes, n);
    return text_check(arg, e);
}

static void a_compressed_one_too(void **state)
{
    static const enum deflate_kind kinds[] = {DEFLATE_GZIP, DEFLATE_ZSTD};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        autotext struct text t = {0}, packed = {0};
        struct deflate *z = NULL;
        autofd int fd = -1;

        make(&t);
        assert_int_equal(deflate_new(kinds[i], DEFLATE_LEVEL_FAST, add, &packed, &z, NULL), 0);
        assert_int_equal(deflate_write(z, t.s, t.n, NULL), 0);
        assert_int_equal(deflate_finish(z, NULL), 0);
        deflate_free(z);
        fd = open_bytes(&packed);
        check_all(fd);
    }
}

/* Only a small one goes into a pipe that nobody reads yet. */
static void a_pipe_too(void **state)
{
    autotext struct text t = {0};
    struct tar_map m;
    int ends[2];

    (void)state;
    tar_make(&t, (struct tar_member){.type = '0', .name = "./a", .data = "hello"});
    tar_make_end(&t);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(file_write_fd(ends[1], t.s, t.n, NULL), 0);
    close(ends[1]);
    assert_int_equal(tar_map_open(&store, ends[0], &m, NULL), 0);
    holds(&m, "a", "hello", 5);
    tar_map_close(&m);
    close(ends[0]);
}

static void what_is_damaged_is_refused(void **state)
{
    autotext struct text t = {0};
    autofd int fd = -1;
    struct tar_map m;
    struct err e = {0};

    (void)state;
    make(&t);
    t.n = 200000; /* in the middle of the large file */
    fd = open_bytes(&t);
    assert_int_equal(tar_map_open(&store, fd, &m, &e), -EINVAL);
    assert_non_null(strstr(e.text, "the archive ends in the middle of an entry"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_found_where_they_lie, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(a_compressed_one_too, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(a_pipe_too, open_store_setup, open_store_teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_refused, open_store_setup,
                                        open_store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
