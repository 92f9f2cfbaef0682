#include "storage/deflate.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#ifdef HAVE_ISAL
#    include <isa-l/igzip_lib.h>
#endif

#include "core/base/auto.h"
#include "core/base/dl.h"

/* isa-l stores what cannot be compressed as it is only when a whole block of it fits the room for
 * output and came in one piece (DEFLATE_PIECE); else it writes codes for it, which take readers
 * five times as long. */
enum { OUTPUT_SIZE = DEFLATE_PIECE, ISAL_LEVEL = 2, ZLIB_LEVEL = 6, ZSTD_LEVEL = 3 };

struct deflate {
    const struct codec *codec;
    int level;
    deflate_sink *sink;
    void *arg;
    z_stream zlib;
    ZSTD_CStream *zstd;
#ifdef HAVE_ISAL
    struct isal_zstream isal;
    unsigned char *isal_room; /* owned */
#endif
    unsigned char output[OUTPUT_SIZE];
};

/* A codec takes all of the bytes, and at the end writes what it has kept. */
struct codec {
    int (*begin)(struct deflate *d, struct err *e);
    int (*go)(struct deflate *d, const void *bytes, size_t n, bool end, struct err *e);
    void (*end)(struct deflate *d);
};

static int give(struct deflate *d, size_t n, struct err *e)
{
    return n ? d->sink(d->arg, d->output, n, e) : 0;
}

/* ---- as it is ---- */

static int plain_begin(struct deflate *d, struct err *e)
{
    (void)d, (void)e;
    return 0;
}

static int plain_go(struct deflate *d, const void *bytes, size_t n, bool end, struct err *e)
{
    (void)end;
    return n ? d->sink(d->arg, bytes, n, e) : 0;
}

static void plain_end(struct deflate *d)
{
    (void)d;
}

static const struct codec plain = {plain_begin, plain_go, plain_end};

/* ---- gzip by zlib ---- */

static struct {
    __typeof__(deflateInit2_) *deflateInit2_;
    __typeof__(deflate) *deflate;
    __typeof__(deflateEnd) *deflateEnd;
} zlib;

static int zlib_begin(struct deflate *d, struct err *e)
{
    static const struct dl_symbol symbols[] = {DL(zlib, deflateInit2_), DL(zlib, deflate),
                                               DL(zlib, deflateEnd)};
    int r = dl_open(SONAME_ZLIB, symbols, ARRAY_SIZE(symbols), e);

    if (r < 0)
        return r;
    return zlib.deflateInit2_(&d->zlib, d->level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY,
                              ZLIB_VERSION, sizeof d->zlib) == Z_OK
               ? 0
               : err_memory(e);
}

static int zlib_go(struct deflate *d, const void *bytes, size_t n, bool end, struct err *e)
{
    z_stream *z = &d->zlib;
    int r, code = 0;

    z->next_in = (unsigned char *)(size_t)bytes;
    do {
        size_t part = n > UINT_MAX ? UINT_MAX : n;

        z->avail_in = (unsigned)part;
        n -= part;
        do {
            z->next_out = d->output;
            z->avail_out = OUTPUT_SIZE;
            r = zlib.deflate(z, end && n == 0 ? Z_FINISH : Z_NO_FLUSH);
            code = give(d, OUTPUT_SIZE - z->avail_out, e);
        } while (code == 0 &&
                 (z->avail_in || z->avail_out == 0 || (end && n == 0 && r != Z_STREAM_END)));
    } while (code == 0 && n);
    return code;
}

static void zlib_end(struct deflate *d)
{
    if (d->zlib.state)
        zlib.deflateEnd(&d->zlib);
}

static const struct codec gzip_by_zlib = {zlib_begin, zlib_go, zlib_end};

/* ---- gzip by igzip ---- */

#ifdef HAVE_ISAL
static struct {
    __typeof__(isal_deflate_init) *isal_deflate_init;
    __typeof__(isal_deflate) *isal_deflate;
} isal;

static int isal_begin(struct deflate *d, struct err *e)
{
    static const struct dl_symbol symbols[] = {DL(isal, isal_deflate_init), DL(isal, isal_deflate)};
    int r = dl_open(SONAME_ISAL, symbols, ARRAY_SIZE(symbols), e);

    if (r < 0)
        return r;
    d->isal_room = malloc(ISAL_DEF_LVL2_DEFAULT);
    if (!d->isal_room)
        return err_memory(e);
    isal.isal_deflate_init(&d->isal);
    d->isal.level = ISAL_LEVEL;
    d->isal.level_buf = d->isal_room;
    d->isal.level_buf_size = ISAL_DEF_LVL2_DEFAULT;
    d->isal.gzip_flag = IGZIP_GZIP;
    return 0;
}

static int isal_go(struct deflate *d, const void *bytes, size_t n, bool end, struct err *e)
{
    struct isal_zstream *z = &d->isal;
    int code = 0;

    z->next_in = (unsigned char *)(size_t)bytes;
    do {
        size_t part = n > UINT_MAX ? UINT_MAX : n;

        z->avail_in = (unsigned)part;
        n -= part;
        z->end_of_stream = end && n == 0;
        do {
            z->next_out = d->output;
            z->avail_out = OUTPUT_SIZE;
            if (isal.isal_deflate(z) != COMP_OK)
                return err_set(e, EIO, "gzip compression failed");
            code = give(d, OUTPUT_SIZE - z->avail_out, e);
        } while (code == 0 && (z->avail_in || z->avail_out == 0));
    } while (code == 0 && n);
    return code;
}

static void isal_end(struct deflate *d)
{
    free(d->isal_room);
}

static const struct codec gzip_by_isal = {isal_begin, isal_go, isal_end};
#endif

/* ---- zstd ---- */

static struct {
    __typeof__(ZSTD_createCStream) *ZSTD_createCStream;
    __typeof__(ZSTD_freeCStream) *ZSTD_freeCStream;
    __typeof__(ZSTD_CCtx_setParameter) *ZSTD_CCtx_setParameter;
    __typeof__(ZSTD_compressStream2) *ZSTD_compressStream2;
    __typeof__(ZSTD_isError) *ZSTD_isError;
    __typeof__(ZSTD_getErrorName) *ZSTD_getErrorName;
} zstd;

static int zstd_begin(struct deflate *d, struct err *e)
{
    static const struct dl_symbol symbols[] = {
        DL(zstd, ZSTD_createCStream),     DL(zstd, ZSTD_freeCStream),
        DL(zstd, ZSTD_CCtx_setParameter), DL(zstd, ZSTD_compressStream2),
        DL(zstd, ZSTD_isError),           DL(zstd, ZSTD_getErrorName),
    };
    int r = dl_open(SONAME_ZSTD, symbols, ARRAY_SIZE(symbols), e);

    if (r < 0)
        return r;
    d->zstd = zstd.ZSTD_createCStream();
    if (!d->zstd)
        return err_memory(e);
    (void)zstd.ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_compressionLevel, d->level);
    (void)zstd.ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_checksumFlag, 1);
    return 0;
}

static int zstd_go(struct deflate *d, const void *bytes, size_t n, bool end, struct err *e)
{
    ZSTD_inBuffer in = {.src = bytes, .size = n};
    size_t left;
    int code;

    do {
        ZSTD_outBuffer out = {.dst = d->output, .size = OUTPUT_SIZE};

        left = zstd.ZSTD_compressStream2(d->zstd, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (zstd.ZSTD_isError(left))
            return err_set(e, EIO, "zstd compression failed: %s", zstd.ZSTD_getErrorName(left));
        code = give(d, out.pos, e);
    } while (code == 0 && (in.pos < in.size || (end && left > 0)));
    return code;
}

static void zstd_end(struct deflate *d)
{
    if (d->zstd)
        zstd.ZSTD_freeCStream(d->zstd);
}

static const struct codec zstd_codec = {zstd_begin, zstd_go, zstd_end};

/* ---- for callers ---- */

int deflate_parse(const char *text, enum deflate_kind *ret, struct err *e)
{
    static const char *const names[] = {"none", "gzip", "zstd"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum deflate_kind)i;
            return 0;
        }
    return err_set(e, EINVAL, "'%s' is not a compression format: it is gzip, zstd or none", text);
}

int deflate_check_level(enum deflate_kind kind, long long level, struct err *e)
{
    int most = kind == DEFLATE_ZSTD ? 19 : 9;

    if (kind == DEFLATE_NONE)
        return err_set(e, EINVAL, "a compression level without compression");
    return level >= 1 && level <= most
               ? 0
               : err_set(e, EINVAL, "compression level %lld: %s has 1 to %d", level,
                         kind == DEFLATE_ZSTD ? "zstd" : "gzip", most);
}

static const struct codec *choose(enum deflate_kind kind, int *level)
{
    bool fast = *level == DEFLATE_LEVEL_FAST;

    if (kind == DEFLATE_NONE)
        return &plain;
    if (kind == DEFLATE_ZSTD) {
        *level = fast ? ZSTD_LEVEL : *level;
        return &zstd_codec;
    }
#ifdef HAVE_ISAL
    if (fast)
        return &gzip_by_isal;
#endif
    *level = fast ? ZLIB_LEVEL : *level;
    return &gzip_by_zlib;
}

int deflate_new(enum deflate_kind kind, int level, deflate_sink *sink, void *arg,
                struct deflate **ret, struct err *e)
{
    struct deflate *d = calloc(1, sizeof *d);
    int r;

    if (!d)
        return err_memory(e);
    d->level = level;
    d->codec = choose(kind, &d->level);
    d->sink = sink;
    d->arg = arg;
    r = d->codec->begin(d, e);
    if (r < 0) {
        deflate_free(d);
        return r;
    }
    *ret = d;
    return 0;
}

int deflate_write(struct deflate *d, const void *bytes, size_t n, struct err *e)
{
    return n ? d->codec->go(d, bytes, n, false, e) : 0;
}

int deflate_finish(struct deflate *d, struct err *e)
{
    return d->codec->go(d, "", 0, true, e);
}

void deflate_free(struct deflate *d)
{
    if (!d)
        return;
    d->codec->end(d);
    free(d);
}
