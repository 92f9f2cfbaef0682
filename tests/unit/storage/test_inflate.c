/* Streams made by zlib and libzstd, read back; then everything that can be wrong with them. The
 * whole set runs twice: with igzip, and with zlib in its place. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base/auto.h"
#include "core/base/text.h"
#include "storage/inflate.h"
#include "tests/unit/unit.h"

static void add_gzip(struct text *to, const char *plain, size_t n)
{
    size_t room = n + n / 100 + 1024;
    autofree unsigned char *out = malloc(room);
    z_stream z = {0};

    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (z_const unsigned char *)(uintptr_t)plain;
    z.avail_in = (unsigned)n;
    z.next_out = out;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    text_add_n(to, (char *)out, room - z.avail_out);
    deflateEnd(&z);
}

static void add_zstd(struct text *to, const char *plain, size_t n)
{
    size_t room = ZSTD_compressBound(n);
    autofree char *out = malloc(room);

    n = ZSTD_compress(out, room, plain, n, 3);
    assert_false(ZSTD_isError(n));
    text_add_n(to, out, n);
}

/* 300,000 bytes that compress a little. */
static void add_plain(struct text *to)
{
    unsigned x = 1;

    for (int i = 0; i < 300000; i++) {
        char c = (char)("abcdefghijklmnopqrstuvwxyz012345"[(x >> 16) % 32]);

        x = x * 1103515245 + 12345;
        text_add_n(to, &c, 1);
    }
}

static int read_all(int fd, const struct inflate_limits *limits, size_t piece, struct text *to,
                    struct err *e)
{
    autofree char *buf = malloc(piece);
    struct inflate *z;
    ssize_t n;

    assert_int_equal(inflate_new(fd, limits, &z, e), 0);
    while ((n = inflate_read(z, buf, piece, e)) > 0)
        text_add_n(to, buf, (size_t)n);
    if (n == 0)
        assert_int_equal(inflate_out(z), to->n);
    inflate_free(z);
    return (int)n;
}

static int through(const struct text *blob, const struct inflate_limits *limits, struct text *to,
                   struct err *e)
{
    static const struct inflate_limits none;
    autofd int fd = memfd_create("blob", MFD_CLOEXEC);

    assert_int_equal(write(fd, blob->s, blob->n), (ssize_t)blob->n);
    lseek(fd, 0, SEEK_SET);
    return read_all(fd, limits ? limits : &none, 50000, to, e);
}

static void gives(const struct text *blob, const struct text *plain)
{
    autotext struct text seen = {0};
    struct err e = {0};

    if (through(blob, NULL, &seen, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(seen.n, plain->n);
    if (plain->n)
        assert_memory_equal(seen.s, plain->s, plain->n);
}

static void fails(const struct text *blob, const struct inflate_limits *limits, int code,
                  const char *words)
{
    autotext struct text seen = {0};
    struct err e = {0};

    assert_int_equal(through(blob, limits, &seen, &e), -code);
    if (!strstr(e.text, words))
        fail_msg("got: %s", e.text);
}

static void every_kind_is_told_by_its_magic(void **state)
{
    autotext struct text plain = {0}, gz = {0}, zst = {0}, empty = {0};

    (void)state;
    add_plain(&plain);
    add_gzip(&gz, plain.s, plain.n);
    add_zstd(&zst, plain.s, plain.n);
    gives(&plain, &plain);
    gives(&gz, &plain);
    gives(&zst, &plain);
    text_add(&empty, "");
    gives(&empty, &empty);
}

static void members_follow_each_other_empty_ones_too(void **state)
{
    void (*const add[])(struct text *, const char *, size_t) = {add_gzip, add_zstd};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(add); i++) {
        autotext struct text plain = {0}, blob = {0}, twice = {0};

        add_plain(&plain);
        add[i](&blob, "", 0);
        add[i](&blob, plain.s, plain.n);
        add[i](&blob, "", 0);
        add[i](&blob, plain.s, plain.n);
        add[i](&blob, "", 0);
        text_add_n(&twice, plain.s, plain.n);
        text_add_n(&twice, plain.s, plain.n);
        gives(&blob, &twice);
    }
}

static void zeros_may_follow_and_nothing_else(void **state)
{
    void (*const add[])(struct text *, const char *, size_t) = {add_gzip, add_zstd};
    static const char zeros[5000];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(add); i++) {
        autotext struct text plain = {0}, blob = {0};

        text_add(&plain, "hello");
        add[i](&blob, "hello", 5);
        text_add_n(&blob, zeros, sizeof zeros);
        gives(&blob, &plain);
        text_add(&blob, "x");
        fails(&blob, NULL, EINVAL, "junk follows the end of the");
        add[i](&blob, "hello", 5);
        fails(&blob, NULL, EINVAL, "junk follows the end of the");
    }
}

static void a_stream_cut_anywhere_is_an_error(void **state)
{
    void (*const add[])(struct text *, const char *, size_t) = {add_gzip, add_zstd};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(add); i++) {
        autotext struct text blob = {0};
        size_t whole;

        add[i](&blob, "hello hello hello hello", 23);
        whole = blob.n;
        for (blob.n = 4; blob.n < whole; blob.n++)
            fails(&blob, NULL, EINVAL, "stream ends early");
    }
}

static void a_turned_bit_is_an_error(void **state)
{
    autotext struct text plain = {0}, gz = {0};

    (void)state;
    add_plain(&plain);
    add_gzip(&gz, plain.s, plain.n);
    gz.s[gz.n - 6] ^= 1; /* the check sum */
    fails(&gz, NULL, EINVAL, "the gzip stream is damaged");
    gz.s[gz.n - 6] ^= 1;
    gz.s[gz.n - 2] ^= 1; /* the length */
    fails(&gz, NULL, EINVAL, "the gzip stream is damaged");
    gz.s[gz.n - 2] ^= 1;
    gz.s[gz.n / 2] ^= 16;
    fails(&gz, NULL, EINVAL, "the gzip stream is damaged");
}

static void a_bomb_is_stopped(void **state)
{
    struct inflate_limits ratio = {.free_bytes = 1 << 20, .ratio = 100};
    struct inflate_limits size = {.output_bytes = 1 << 20};
    autotext struct text seen = {0}, gz = {0}, zst = {0};
    size_t n = 64 << 20;
    autofree char *big = calloc(1, n);

    (void)state;
    add_gzip(&gz, big, n);
    add_zstd(&zst, big, n);
    fails(&gz, &ratio, EFBIG, "a decompression bomb");
    fails(&zst, &ratio, EFBIG, "a decompression bomb");
    fails(&gz, &size, EFBIG, "it unpacks to more than 1048576 bytes");
    size = (struct inflate_limits){.input_bytes = 1000};
    fails(&gz, &size, EFBIG, "it is longer than the 1000 bytes that were announced");
    gz.n = 0; /* a small one may be as dense as it likes */
    add_gzip(&gz, big, 1000);
    ratio.ratio = 2;
    assert_int_equal(through(&gz, &ratio, &seen, NULL), 0);
}

static void a_stream_may_come_byte_by_byte(void **state)
{
    static const struct inflate_limits none;
    autotext struct text blob = {0}, seen = {0};
    struct err e = {0};
    int pair[2];
    pid_t pid;

    (void)state;
    add_gzip(&blob, "first ", 6);
    add_gzip(&blob, "second", 6);
    text_add_n(&blob, "\0\0\0", 3);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    pid = fork();
    if (pid == 0) {
        close(pair[0]);
        for (size_t i = 0; i < blob.n; i++)
            if (write(pair[1], blob.s + i, 1) != 1)
                _exit(1);
        _exit(0);
    }
    close(pair[1]);
    if (read_all(pair[0], &none, 1, &seen, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(seen.s, "first second");
    close(pair[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_told_by_its_magic),
        cmocka_unit_test(members_follow_each_other_empty_ones_too),
        cmocka_unit_test(zeros_may_follow_and_nothing_else),
        cmocka_unit_test(a_stream_cut_anywhere_is_an_error),
        cmocka_unit_test(a_turned_bit_is_an_error),
        cmocka_unit_test(a_bomb_is_stopped),
        cmocka_unit_test(a_stream_may_come_byte_by_byte),
    };
    int status = 0;
    pid_t pid = fork(); /* the library is chosen once for a process */

    if (pid == 0) {
        setenv("RCTR_NO_ISAL", "1", 1);
        return cmocka_run_group_tests_name("with zlib", tests, NULL, NULL);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return 1;
    return cmocka_run_group_tests_name("with igzip, where the build found it", tests, NULL, NULL) ||
           status;
}
