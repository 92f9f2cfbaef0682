/* Theory of operation: one input buffer, and a codec that turns input into output member by member.
 * A codec knows only how to begin a member and how to go on in it; when a member has ended, this
 * file looks at the next bytes: the magic of another member, zero padding up to the end, or junk.
 */
#include "storage/inflate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#ifdef HAVE_ISAL
#    include <isa-l/igzip_lib.h>
#endif

#include "core/base/auto.h"
#include "core/base/dl.h"

enum { INPUT_SIZE = 128 << 10, MAGIC_MAX = 4 };

struct inflate {
    int fd;
    struct inflate_limits limits;
    const struct codec *codec; /* NULL until the magic was seen */
    bool in_member, at_end, input_end;
    unsigned long long in, out; /* in: what was taken from the buffer */
    size_t at, have;            /* the unread part of input */
    unsigned char input[INPUT_SIZE];
    z_stream zlib;
    ZSTD_DStream *zstd;
#ifdef HAVE_ISAL
    struct inflate_state isal;
#endif
};

struct codec {
    const char *kind;
    int (*begin)(struct inflate *z, struct err *e); /* a member */
    /* Take from input, give to buf; *ret_n is what was given. 1: the member has ended. */
    int (*go)(struct inflate *z, void *buf, size_t n, size_t *ret_n, struct err *e);
    void (*end)(struct inflate *z);
};

static void took(struct inflate *z, size_t n)
{
    z->at += n;
    z->have -= n;
    z->in += n;
}

static int damaged(const char *kind, const char *why, struct err *e)
{
    return err_set(e, EINVAL, "the %s stream is damaged (%s)", kind, why);
}

/* ---- gzip by zlib ---- */

static struct {
    __typeof__(inflateInit2_) *inflateInit2_;
    __typeof__(inflateReset) *inflateReset;
    __typeof__(inflate) *inflate;
    __typeof__(inflateEnd) *inflateEnd;
} zlib;

static int zlib_begin(struct inflate *z, struct err *e)
{
    if (z->zlib.state)
        return zlib.inflateReset(&z->zlib) == Z_OK ? 0 : err_memory(e);
    return zlib.inflateInit2_(&z->zlib, 15 + 16, ZLIB_VERSION, sizeof z->zlib) == Z_OK
               ? 0
               : err_memory(e);
}

static int zlib_go(struct inflate *z, void *buf, size_t n, size_t *ret_n, struct err *e)
{
    int r;

    z->zlib.next_in = z->input + z->at;
    z->zlib.avail_in = (unsigned)z->have;
    z->zlib.next_out = buf;
    z->zlib.avail_out = (unsigned)n;
    r = zlib.inflate(&z->zlib, Z_NO_FLUSH);
    took(z, z->have - z->zlib.avail_in);
    *ret_n = n - z->zlib.avail_out;
    if (r == Z_STREAM_END)
        return 1;
    if (r == Z_OK || r == Z_BUF_ERROR)
        return 0;
    return r == Z_MEM_ERROR ? err_memory(e)
                            : damaged("gzip", z->zlib.msg ? z->zlib.msg : "unknown", e);
}

static void zlib_end(struct inflate *z)
{
    if (z->zlib.state)
        zlib.inflateEnd(&z->zlib);
}

static const struct codec gzip_by_zlib = {"gzip", zlib_begin, zlib_go, zlib_end};

/* ---- gzip by igzip ---- */

#ifdef HAVE_ISAL
static struct {
    __typeof__(isal_inflate_init) *isal_inflate_init;
    __typeof__(isal_inflate_reset) *isal_inflate_reset;
    __typeof__(isal_inflate) *isal_inflate;
} isal;

static int isal_begin(struct inflate *z, struct err *e)
{
    (void)e;
    isal.isal_inflate_init(&z->isal);
    z->isal.crc_flag = ISAL_GZIP;
    return 0;
}

static int isal_go(struct inflate *z, void *buf, size_t n, size_t *ret_n, struct err *e)
{
    int r;

    z->isal.next_in = z->input + z->at;
    z->isal.avail_in = (unsigned)z->have;
    z->isal.next_out = buf;
    z->isal.avail_out = (unsigned)n;
    r = isal.isal_inflate(&z->isal);
    took(z, z->have - z->isal.avail_in);
    *ret_n = n - z->isal.avail_out;
    if (r == ISAL_INCORRECT_CHECKSUM)
        return damaged("gzip", "incorrect data check", e);
    if (r < 0)
        return damaged("gzip", r == ISAL_INVALID_WRAPPER ? "its header" : "its data", e);
    return z->isal.block_state == ISAL_BLOCK_FINISH;
}

static void isal_end(struct inflate *z)
{
    (void)z;
}

static const struct codec gzip_by_isal = {"gzip", isal_begin, isal_go, isal_end};
#endif

/* ---- zstd ---- */

static struct {
    __typeof__(ZSTD_createDStream) *ZSTD_createDStream;
    __typeof__(ZSTD_freeDStream) *ZSTD_freeDStream;
    __typeof__(ZSTD_initDStream) *ZSTD_initDStream;
    __typeof__(ZSTD_decompressStream) *ZSTD_decompressStream;
    __typeof__(ZSTD_isError) *ZSTD_isError;
    __typeof__(ZSTD_getErrorName) *ZSTD_getErrorName;
} zstd;

static int zstd_begin(struct inflate *z, struct err *e)
{
    if (!zstd.ZSTD_createDStream)
        return err_set(e, ENOENT, "it is compressed with zstd, but %s is not installed",
                       SONAME_ZSTD);
    if (!z->zstd)
        z->zstd = zstd.ZSTD_createDStream();
    if (!z->zstd)
        return err_memory(e);
    zstd.ZSTD_initDStream(z->zstd);
    return 0;
}

static int zstd_go(struct inflate *z, void *buf, size_t n, size_t *ret_n, struct err *e)
{
    ZSTD_inBuffer from = {.src = z->input + z->at, .size = z->have};
    ZSTD_outBuffer to = {.dst = buf, .size = n};
    size_t r = zstd.ZSTD_decompressStream(z->zstd, &to, &from);

    took(z, from.pos);
    *ret_n = to.pos;
    if (zstd.ZSTD_isError(r))
        return damaged("zstd", zstd.ZSTD_getErrorName(r), e);
    return r == 0;
}

static void zstd_end(struct inflate *z)
{
    if (z->zstd)
        zstd.ZSTD_freeDStream(z->zstd);
}

static const struct codec zstd_codec = {"zstd", zstd_begin, zstd_go, zstd_end};

/* ---- plain ---- */

static int plain_begin(struct inflate *z, struct err *e)
{
    (void)z;
    (void)e;
    return 0;
}

static int plain_go(struct inflate *z, void *buf, size_t n, size_t *ret_n, struct err *e)
{
    (void)e;
    *ret_n = n < z->have ? n : z->have;
    memcpy(buf, z->input + z->at, *ret_n);
    took(z, *ret_n);
    return 0;
}

static void plain_end(struct inflate *z)
{
    (void)z;
}

static const struct codec plain_codec = {"plain", plain_begin, plain_go, plain_end};

/* ---- the stream ---- */

static const struct codec *gzip_codec;

int inflate_ready(struct err *e)
{
    static const struct dl_symbol zlib_symbols[] = {DL(zlib, inflateInit2_), DL(zlib, inflateReset),
                                                    DL(zlib, inflate), DL(zlib, inflateEnd)};
    static const struct dl_symbol zstd_symbols[] = {
        DL(zstd, ZSTD_createDStream),    DL(zstd, ZSTD_freeDStream), DL(zstd, ZSTD_initDStream),
        DL(zstd, ZSTD_decompressStream), DL(zstd, ZSTD_isError),     DL(zstd, ZSTD_getErrorName)};
    int r;

    if (gzip_codec)
        return 0;
#ifdef HAVE_ISAL
    static const struct dl_symbol isal_symbols[] = {
        DL(isal, isal_inflate_init), DL(isal, isal_inflate_reset), DL(isal, isal_inflate)};
    const char *forbid = getenv("RCTR_NO_ISAL");

    if (!(forbid && *forbid == '1') &&
        dl_open(SONAME_ISAL, isal_symbols, ARRAY_SIZE(isal_symbols), NULL) == 0)
        gzip_codec = &gzip_by_isal;
#endif
    if (!gzip_codec) {
        r = dl_open(SONAME_ZLIB, zlib_symbols, ARRAY_SIZE(zlib_symbols), e);
        if (r < 0)
            return r;
        gzip_codec = &gzip_by_zlib;
    }
    /* Without zstd only zstd layers fail, and say so. */
    if (dl_open(SONAME_ZSTD, zstd_symbols, ARRAY_SIZE(zstd_symbols), NULL) < 0)
        memset(&zstd, 0, sizeof zstd);
    return 0;
}

int inflate_new(int fd, const struct inflate_limits *limits, struct inflate **ret, struct err *e)
{
    int r = inflate_ready(e);
    struct inflate *z;

    if (r < 0)
        return r;
    z = malloc(sizeof *z);
    if (!z)
        return err_memory(e);
    memset(z, 0, offsetof(struct inflate, input));
    memset(&z->zlib, 0, sizeof z->zlib);
    z->zstd = NULL;
    z->fd = fd;
    z->limits = *limits;
    *ret = z;
    return 0;
}

void inflate_free(struct inflate *z)
{
    if (z && z->codec)
        z->codec->end(z);
    free(z);
}

/* How much may be read now. */
static size_t room(const struct inflate *z)
{
    unsigned long long taken = z->in + z->have, part = z->limits.part_bytes;
    size_t n = INPUT_SIZE - z->have;

    return part && part - taken < n ? (size_t)(part - taken) : n;
}

/* Have at least `want` bytes, or all that there are. */
static int refill(struct inflate *z, size_t want, struct err *e)
{
    if (z->have >= want || z->input_end)
        return 0;
    memmove(z->input, z->input + z->at, z->have);
    z->at = 0;
    while (z->have < want && !z->input_end) {
        ssize_t n = read(z->fd, z->input + z->have, room(z));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "cannot read the compressed stream");
        z->input_end = n == 0;
        z->have += (size_t)n;
    }
    if (z->limits.input_bytes && z->in + z->have > z->limits.input_bytes)
        return err_set(e, EFBIG, "it is longer than the %llu bytes that were announced",
                       z->limits.input_bytes);
    return 0;
}

static const struct codec *codec_of(const unsigned char *p, size_t n)
{
    if (n >= 2 && p[0] == 0x1f && p[1] == 0x8b)
        return gzip_codec;
    if (n >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0)
        return &zstd_codec;
    if (n >= 4 && (p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0)
        return &zstd_codec; /* a skippable frame */
    return &plain_codec;
}

static int only_zeros_follow(struct inflate *z, struct err *e)
{
    int r = 0;

    while (r == 0 && z->have) {
        for (size_t i = 0; i < z->have; i++)
            if (z->input[z->at + i])
                return err_set(e, EINVAL, "junk follows the end of the %s stream", z->codec->kind);
        took(z, z->have);
        r = refill(z, 1, e);
    }
    z->at_end = r == 0;
    return r;
}

/* Between members: begin the next one, or find the end. */
static int next_member(struct inflate *z, struct err *e)
{
    int r = refill(z, MAGIC_MAX, e);

    if (r < 0)
        return r;
    if (!z->codec)
        z->codec = codec_of(z->input + z->at, z->have);
    else if (z->have == 0 || codec_of(z->input + z->at, z->have) != z->codec)
        return only_zeros_follow(z, e);
    r = z->codec->begin(z, e);
    z->in_member = r == 0;
    return r;
}

static int check_limits(const struct inflate *z, struct err *e)
{
    const struct inflate_limits *l = &z->limits;

    if (l->output_bytes && z->out > l->output_bytes)
        return err_set(e, EFBIG, "it unpacks to more than %llu bytes", l->output_bytes);
    if (l->ratio && z->out > l->free_bytes && z->out / l->ratio > z->in)
        return err_set(e, EFBIG,
                       "a decompression bomb: %llu bytes have become more than %u times as many",
                       z->in, l->ratio);
    return 0;
}

ssize_t inflate_read(struct inflate *z, void *buf, size_t n, struct err *e)
{
    size_t got = 0;

    while (got == 0 && !z->at_end) {
        int r = z->in_member ? 0 : next_member(z, e);

        if (r == 0 && z->in_member)
            r = refill(z, 1, e);
        if (r < 0)
            return r;
        if (!z->in_member)
            continue;
        if (z->have == 0 && z->input_end && z->codec == &plain_codec) {
            z->at_end = true;
            break;
        }
        bool starved = z->have == 0;

        r = z->codec->go(z, buf, n, &got, e);
        if (r < 0)
            return r;
        z->in_member = r == 0;
        if (z->in_member && got == 0 && starved && z->input_end)
            return err_set(e, EINVAL, "the %s stream ends early", z->codec->kind);
    }
    z->out += got;
    if (check_limits(z, e) < 0)
        return -EFBIG;
    return (ssize_t)got;
}

unsigned long long inflate_in(const struct inflate *z)
{
    return z->in;
}

unsigned long long inflate_out(const struct inflate *z)
{
    return z->out;
}

const char *inflate_kind(const struct inflate *z)
{
    return z->codec ? z->codec->kind : "plain";
}
