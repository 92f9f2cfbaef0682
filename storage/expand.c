#include "storage/expand.h"

#include <archive.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/dl.h"

enum { PIECE = 1 << 16, HEADER = 512 };

struct expand {
    struct inflate_limits limits;
    struct inflate *inflate; /* owned */
    struct archive *foreign; /* owned; NULL: not needed */
    bool begun;
    size_t have; /* bytes of `piece` that were looked at and not given yet */
    unsigned long long out;
    struct err why;     /* of inflate, on its way through libarchive */
    char packed[PIECE]; /* what libarchive reads */
    size_t packed_have; /* of it, before the first read */
    char piece[PIECE];  /* what comes out */
};

static struct {
    __typeof__(archive_read_new) *archive_read_new;
    __typeof__(archive_read_support_filter_bzip2) *archive_read_support_filter_bzip2;
    __typeof__(archive_read_support_filter_xz) *archive_read_support_filter_xz;
    __typeof__(archive_read_support_format_raw) *archive_read_support_format_raw;
    __typeof__(archive_read_open) *archive_read_open;
    __typeof__(archive_read_next_header) *archive_read_next_header;
    __typeof__(archive_read_data) *archive_read_data;
    __typeof__(archive_read_free) *archive_read_free;
    __typeof__(archive_error_string) *archive_error_string;
    bool loaded;
} lib;

static int load(struct err *e)
{
    static const struct dl_symbol symbols[] = {
        DL(lib, archive_read_new),
        DL(lib, archive_read_support_filter_bzip2),
        DL(lib, archive_read_support_filter_xz),
        DL(lib, archive_read_support_format_raw),
        DL(lib, archive_read_open),
        DL(lib, archive_read_next_header),
        DL(lib, archive_read_data),
        DL(lib, archive_read_free),
        DL(lib, archive_error_string),
    };
    int r = lib.loaded ? 0 : dl_open(SONAME_ARCHIVE, symbols, ARRAY_SIZE(symbols), e);

    lib.loaded = r == 0;
    return r;
}

int expand_ready(struct err *e)
{
    (void)load(NULL);
    return inflate_ready(e);
}

int expand_new(int fd, const struct inflate_limits *limits, struct expand **ret, struct err *e)
{
    struct expand *x = calloc(1, sizeof *x);
    int r;

    if (!x)
        return err_memory(e);
    x->limits = *limits;
    r = inflate_new(fd, limits, &x->inflate, e);
    if (r < 0) {
        free(x);
        return r;
    }
    *ret = x;
    return 0;
}

void expand_free(struct expand *x)
{
    if (!x)
        return;
    if (x->foreign)
        lib.archive_read_free(x->foreign);
    inflate_free(x->inflate);
    free(x);
}

/* ---- bzip2 and xz ---- */

static la_ssize_t give_packed(struct archive *a, void *arg, const void **ret)
{
    struct expand *x = arg;
    ssize_t n = (ssize_t)x->packed_have;

    (void)a;
    *ret = x->packed;
    x->packed_have = 0;
    if (!n)
        n = inflate_read(x->inflate, x->packed, sizeof x->packed, &x->why);
    return n;
}

static int foreign_failed(struct expand *x, struct err *e)
{
    const char *words = lib.archive_error_string(x->foreign);

    if (x->why.code) {
        if (e)
            *e = x->why;
        return -x->why.code;
    }
    return err_set(e, EINVAL, "the compressed stream is damaged: %s", words ? words : "unknown");
}

static int begin_foreign(struct expand *x, struct err *e)
{
    struct archive_entry *entry;
    int r = load(e);

    if (r < 0)
        return err_wrap(e, r, "it is compressed with bzip2 or xz");
    x->foreign = lib.archive_read_new();
    if (!x->foreign)
        return err_memory(e);
    lib.archive_read_support_filter_bzip2(x->foreign);
    lib.archive_read_support_filter_xz(x->foreign);
    lib.archive_read_support_format_raw(x->foreign);
    if (lib.archive_read_open(x->foreign, x, NULL, give_packed, NULL) != ARCHIVE_OK ||
        lib.archive_read_next_header(x->foreign, &entry) != ARCHIVE_OK)
        return foreign_failed(x, e);
    return 0;
}

static int check_size(struct expand *x, struct err *e)
{
    const struct inflate_limits *l = &x->limits;

    if ((l->output_bytes && x->out > l->output_bytes) ||
        (l->ratio && x->out > l->free_bytes && x->out / l->ratio > inflate_in(x->inflate)))
        return err_set(e, EFBIG,
                       "it grows beyond all measure when it is unpacked (%llu bytes out of %llu)",
                       x->out, inflate_in(x->inflate));
    return 0;
}

/* ---- reading ---- */

static bool is_foreign(const char *p, size_t n)
{
    return (n >= 6 && memcmp(p,
                             "\xfd"
                             "7zXZ",
                             6) == 0) ||
           (n >= 4 && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' && p[3] <= '9');
}

/* At most n bytes; 0 is the end. */
static ssize_t read_some(struct expand *x, char *to, size_t n, struct err *e)
{
    la_ssize_t got;
    int r;

    if (!x->foreign)
        return inflate_read(x->inflate, to, n, e);
    got = lib.archive_read_data(x->foreign, to, n);
    if (got < 0)
        return foreign_failed(x, e);
    x->out += (unsigned long long)got;
    r = check_size(x, e);
    return r < 0 ? r : got;
}

/* So many bytes of what inflate gives as tell what it is. */
static int begin(struct expand *x, struct err *e)
{
    ssize_t n = 1;
    int r;

    x->begun = true;
    while (x->have < HEADER && n > 0) {
        n = inflate_read(x->inflate, x->piece + x->have, HEADER - x->have, e);
        if (n < 0)
            return (int)n;
        x->have += (size_t)n;
    }
    if (strcmp(inflate_kind(x->inflate), "plain") != 0 || !is_foreign(x->piece, x->have))
        return 0;
    memcpy(x->packed, x->piece, x->have);
    x->packed_have = x->have;
    x->have = 0;
    r = begin_foreign(x, e);
    for (n = 1; r == 0 && x->have < HEADER && n > 0;) {
        n = read_some(x, x->piece + x->have, HEADER - x->have, e);
        if (n < 0)
            return (int)n;
        x->have += (size_t)n;
    }
    return r;
}

int expand_is_tar(struct expand *x, struct err *e)
{
    const unsigned char *p = (const unsigned char *)x->piece;
    unsigned long sum = 0, want;
    char field[9] = "";
    int r = x->begun ? 0 : begin(x, e);

    if (r < 0 || x->have < HEADER)
        return r;
    for (size_t i = 0; i < HEADER; i++)
        sum += i >= 148 && i < 156 ? ' ' : p[i];
    memcpy(field, p + 148, 8);
    want = strtoul(field, NULL, 8);
    return want == sum;
}

int expand_next(struct expand *x, const void **ret, size_t *ret_n, struct err *e)
{
    int r = x->begun ? 0 : begin(x, e);
    ssize_t n;

    if (r < 0)
        return r;
    n = (ssize_t)x->have;
    x->have = 0;
    if (n == 0)
        n = read_some(x, x->piece, sizeof x->piece, e);
    if (n < 0)
        return (int)n;
    *ret = x->piece;
    *ret_n = (size_t)n;
    return 0;
}

static int next(void *arg, const void **ret, size_t *ret_n, struct err *e)
{
    return expand_next(arg, ret, ret_n, e);
}

struct tar_source expand_source(struct expand *x)
{
    return (struct tar_source){next, x};
}
