/* The reader against archives of tests/data/tar: good ones have a `list` of their entries, bad ones
 * an `error`. Each is read in pieces of several sizes, because pieces end anywhere. */
#include <errno.h>

#include "core/base/auto.h"
#include "core/base/text.h"
#include "storage/tar.h"
#include "tests/tar_bytes.h"
#include "tests/unit/cases.h"

/* " 0+5 100+7 sum 1234": where data lies, and the sum of its bytes. */
static int dump_data(struct tar *t, struct text *to, struct err *e)
{
    long long offset, begin = -1, end = -1;
    const unsigned char *p;
    const void *piece;
    unsigned long sum = 0;
    size_t n = 0;
    int r;

    while ((r = tar_data(t, &piece, &n, &offset, e)) == 0 && n) {
        if (offset != end) {
            if (begin >= 0)
                text_addf(to, " %lld+%lld", begin, end - begin);
            begin = offset;
        }
        end = offset + (long long)n;
        p = piece;
        for (size_t i = 0; i < n; i++)
            sum += p[i];
    }
    if (begin >= 0)
        text_addf(to, " %lld+%lld sum %lu", begin, end - begin, sum);
    return r;
}

static void dump_entry(const struct tar_entry *x, struct text *to)
{
    static const char types[] = {
        [TAR_FILE] = 'f',  [TAR_HARDLINK] = 'h', [TAR_SYMLINK] = 'l', [TAR_CHAR] = 'c',
        [TAR_BLOCK] = 'b', [TAR_FOLDER] = 'd',   [TAR_FIFO] = 'p'};

    text_addf(to, "%c %04o %llu:%llu %lld '%s'", types[x->type], (unsigned)x->mode, x->uid, x->gid,
              x->mtime, x->name);
    if (x->mtime_ns)
        text_addf(to, " ns %ld", x->mtime_ns);
    if (*x->link)
        text_addf(to, " -> '%s'", x->link);
    if (x->type == TAR_CHAR || x->type == TAR_BLOCK)
        text_addf(to, " %u,%u", x->major, x->minor);
    if (x->size)
        text_addf(to, " size %lld", x->size);
    for (size_t i = 0; i < x->xattr_count; i++)
        text_addf(to, " %s[%zu]", x->xattrs[i].name, x->xattrs[i].n);
}

static int dump(const char *bytes, size_t n, size_t piece, bool with_data, struct text *to,
                struct err *e)
{
    struct tar_bytes b = {bytes, n, piece};
    struct tar_source source = {tar_bytes_next, &b};
    struct tar_entry x;
    struct tar *t;
    int r;

    assert_int_equal(tar_new(&source, &t, NULL), 0);
    while ((r = tar_next(t, &x, e)) == 1) {
        dump_entry(&x, to);
        if (with_data && (r = dump_data(t, to, e)) < 0)
            break;
        text_add(to, "\n");
    }
    tar_free(t);
    assert_int_equal(text_check(to, NULL), 0);
    return r;
}

static void is_listed(const char *folder)
{
    static const size_t pieces[] = {1, 7, 512, 1000, 1 << 20};
    size_t n = 0;
    char *input = cases_read(folder, "input.tar", &n), *list = cases_read(folder, "list", NULL);

    assert_non_null(input);
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        autotext struct text seen = {0}, without = {0};
        struct err e = {0};

        if (dump(input, n, pieces[i], true, &seen, &e) < 0)
            fail_msg("%s", e.text);
        if (!list || strcmp(seen.s, list) != 0)
            fail_msg("pieces of %zu bytes:\n%s", pieces[i], seen.s);
        assert_int_equal(dump(input, n, pieces[i], false, &without, &e), 0); /* data is skipped */
    }
    free(input);
    free(list);
}

static void is_refused(const char *folder)
{
    static const size_t pieces[] = {3, 512, 1 << 20};
    size_t n = 0;
    char *input = cases_read(folder, "input.tar", &n), *error = cases_read(folder, "error", NULL);

    assert_non_null(input);
    assert_non_null(error);
    error[strcspn(error, "\n")] = 0;
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        autotext struct text seen = {0};
        struct err e = {0};

        assert_true(dump(input, n, pieces[i], true, &seen, &e) < 0);
        if (!strstr(e.text, error))
            fail_msg("got: %s", e.text);
    }
    free(input);
    free(error);
}

static void good_archives_are_listed_in_pieces_of_any_size(void **state)
{
    (void)state;
    cases_each("tar", "good", is_listed);
}

static void bad_archives_are_refused_in_words(void **state)
{
    (void)state;
    cases_each("tar", "bad", is_refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_archives_are_listed_in_pieces_of_any_size),
        cmocka_unit_test(bad_archives_are_refused_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
