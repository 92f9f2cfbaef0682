/* inflate - a compressed stream read as plain bytes.
 *
 * gzip (isa-l's igzip, else zlib), zstd and plain, told apart by their magic bytes. A gzip or zstd
 * stream may have several members, empty ones too; after the last one only zero padding may
 * follow. Source: RFC 1952, RFC 8878. */
#ifndef RCTR_INFLATE_H
#define RCTR_INFLATE_H

#include <stddef.h>
#include <sys/types.h>

#include "core/base/err.h"

/* A stream that grows beyond `free_bytes` of output may be at most `ratio` times its input; 0 turns
 * a limit off. */
struct inflate_limits {
    unsigned long long input_bytes;  /* never take more than this */
    unsigned long long output_bytes; /* never give more than this */
    unsigned long long free_bytes;
    unsigned ratio;
    unsigned long long part_bytes; /* the stream ends after so many of fd's; 0: with the file */
};

struct inflate;

/* Load what decompression needs, before a cage or a fork: igzip or zlib, and zstd when it is
 * installed. */
int inflate_ready(struct err *e);

/* Read from fd (borrowed), which may be a pipe. *ret is new. */
int inflate_new(int fd, const struct inflate_limits *limits, struct inflate **ret, struct err *e);
void inflate_free(struct inflate *z); /* NULL allowed */

/* Fill up to n bytes. 0 is the end of the stream. -EINVAL: damaged, cut or followed by junk;
 * -EFBIG: a limit is passed. */
ssize_t inflate_read(struct inflate *z, void *buf, size_t n, struct err *e);

unsigned long long inflate_in(const struct inflate *z);  /* compressed bytes taken so far */
unsigned long long inflate_out(const struct inflate *z); /* bytes given so far */
const char *inflate_kind(const struct inflate *z);       /* "gzip", "zstd", "plain" */

#endif
