/* Streams that deflate makes, read back by inflate, whose own tests read what others make. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/text.h"
#include "storage/deflate.h"
#include "storage/inflate.h"
#include "tests/unit/unit.h"

static struct err e;

static int keep(void *arg, const void *bytes, size_t n, struct err *err)
{
    (void)err;
    text_add_n(arg, bytes, n);
    return 0;
}

static int refuse(void *arg, const void *bytes, size_t n, struct err *err)
{
    (void)arg, (void)bytes, (void)n;
    return err_set(err, EPIPE, "nobody listens");
}

/* Bytes that compress a little. */
static void fill(struct text *to, size_t n)
{
    unsigned x = 7;

    for (size_t i = 0; i < n; i++) {
        char c = (char)("abcdefghijklmnopqrstuvwxyz012345"[(x >> 16) % 32]);

        x = x * 1103515245 + 12345;
        text_add_n(to, &c, 1);
    }
}

static void pack(enum deflate_kind kind, int level, const struct text *plain, size_t piece,
                 struct text *to)
{
    struct deflate *d = NULL;

    if (deflate_new(kind, level, keep, to, &d, &e) < 0)
        fail_msg("%s", e.text);
    for (size_t at = 0; at < plain->n; at += piece) {
        size_t n = plain->n - at < piece ? plain->n - at : piece;

        assert_int_equal(deflate_write(d, plain->s + at, n, &e), 0);
    }
    assert_int_equal(deflate_finish(d, &e), 0);
    deflate_free(d);
}

static void unpack(const struct text *packed, const char *kind, struct text *to)
{
    autofd int fd = memfd_create("packed", MFD_CLOEXEC);
    struct inflate *z = NULL;
    char buf[4096];
    ssize_t n;

    assert_int_equal(write(fd, packed->s, packed->n), packed->n);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(inflate_ready(&e), 0);
    assert_int_equal(inflate_new(fd, &(struct inflate_limits){0}, &z, &e), 0);
    while ((n = inflate_read(z, buf, sizeof buf, &e)) > 0)
        text_add_n(to, buf, (size_t)n);
    if (n < 0)
        fail_msg("%s", e.text);
    assert_string_equal(inflate_kind(z), kind);
    inflate_free(z);
}

static const struct {
    enum deflate_kind kind;
    int level;
    const char *name;
} kinds[] = {
    {DEFLATE_NONE, DEFLATE_LEVEL_FAST, "plain"},
    {DEFLATE_GZIP, DEFLATE_LEVEL_FAST, "gzip"},
    {DEFLATE_GZIP, 1, "gzip"},
    {DEFLATE_GZIP, 9, "gzip"},
    {DEFLATE_ZSTD, DEFLATE_LEVEL_FAST, "zstd"},
    {DEFLATE_ZSTD, 19, "zstd"},
};

static void what_is_packed_is_unpacked_again(void **state)
{
    static const size_t sizes[] = {1, 300, 131072, 700000};
    static const size_t pieces[] = {1000, 131072, 1 << 20};

    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
            for (size_t p = 0; p < ARRAY_SIZE(pieces); p++) {
                autotext struct text plain = {0}, packed = {0}, again = {0};

                fill(&plain, sizes[i]);
                pack(kinds[k].kind, kinds[k].level, &plain, pieces[p], &packed);
                unpack(&packed, kinds[k].name, &again);
                assert_int_equal(again.n, plain.n);
                assert_memory_equal(again.s, plain.s, plain.n);
                if (kinds[k].kind != DEFLATE_NONE && sizes[i] > 100000)
                    assert_true(packed.n < plain.n * 3 / 4);
            }
}

static void an_empty_stream_is_one(void **state)
{
    (void)state;
    for (size_t k = 1; k < ARRAY_SIZE(kinds); k++) {
        autotext struct text plain = {0}, packed = {0}, again = {0};

        pack(kinds[k].kind, kinds[k].level, &plain, 1, &packed);
        assert_true(packed.n > 0);
        unpack(&packed, kinds[k].name, &again);
        assert_int_equal(again.n, 0);
    }
}

static void the_same_bytes_give_the_same_stream(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        autotext struct text plain = {0}, one = {0}, two = {0};

        fill(&plain, 200000);
        pack(kinds[k].kind, kinds[k].level, &plain, 65536, &one);
        pack(kinds[k].kind, kinds[k].level, &plain, 65536, &two);
        assert_int_equal(one.n, two.n);
        assert_memory_equal(one.s, two.s, one.n);
    }
}

static void a_sink_that_fails_ends_the_stream(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        autotext struct text plain = {0};
        struct deflate *d = NULL;
        int r;

        fill(&plain, 3 << 20);
        assert_int_equal(deflate_new(kinds[k].kind, kinds[k].level, refuse, NULL, &d, &e), 0);
        r = deflate_write(d, plain.s, plain.n, &e);
        assert_int_equal(r, -EPIPE);
        assert_string_equal(e.text, "nobody listens");
        deflate_free(d);
    }
}

/* Readers are much faster then; what is coded instead is larger by 1/1600. */
static void what_cannot_be_compressed_is_stored(void **state)
{
    autotext struct text plain = {0}, packed = {0}, again = {0};
    unsigned long long x = 88172645463325252ULL;

    (void)state;
    for (size_t i = 0; i < 8 << 20; i += sizeof x) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        text_add_n(&plain, &x, sizeof x);
    }
    pack(DEFLATE_GZIP, DEFLATE_LEVEL_FAST, &plain, DEFLATE_PIECE, &packed);
    assert_true(packed.n < plain.n + plain.n / 2500);
    unpack(&packed, "gzip", &again);
    assert_int_equal(again.n, plain.n);
    assert_memory_equal(again.s, plain.s, plain.n);
}

static void words_and_levels_are_checked(void **state)
{
    enum deflate_kind kind;

    (void)state;
    assert_int_equal(deflate_parse("zstd", &kind, &e), 0);
    assert_int_equal(kind, DEFLATE_ZSTD);
    assert_int_equal(deflate_parse("bzip2", &kind, &e), -EINVAL);
    assert_non_null(strstr(e.text, "'bzip2' is not a compression format"));
    assert_int_equal(deflate_check_level(DEFLATE_GZIP, 9, &e), 0);
    assert_int_equal(deflate_check_level(DEFLATE_GZIP, 10, &e), -EINVAL);
    assert_non_null(strstr(e.text, "gzip has 1 to 9"));
    assert_int_equal(deflate_check_level(DEFLATE_ZSTD, 19, &e), 0);
    assert_int_equal(deflate_check_level(DEFLATE_NONE, 1, &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_is_unpacked_again),
        cmocka_unit_test(an_empty_stream_is_one),
        cmocka_unit_test(the_same_bytes_give_the_same_stream),
        cmocka_unit_test(a_sink_that_fails_ends_the_stream),
        cmocka_unit_test(what_cannot_be_compressed_is_stored),
        cmocka_unit_test(words_and_levels_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
