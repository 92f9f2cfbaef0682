/* deflate - plain bytes written as a compressed stream: the twin of storage/inflate.
 *
 * The same bytes give the same stream on the same machine: no name, no time in a gzip header.
 * Source: RFC 1952, RFC 8878. */
#ifndef RCTR_DEFLATE_H
#define RCTR_DEFLATE_H

#include <stddef.h>

#include "core/base/err.h"

enum deflate_kind { DEFLATE_NONE, DEFLATE_GZIP, DEFLATE_ZSTD };

/* The fastest that compresses well: gzip by isa-l where configure found it (four times zlib's
 * speed), else zlib's 6; zstd's 3. */
enum { DEFLATE_LEVEL_FAST = -1 };

/* "gzip", "zstd", "none"; anything else is -EINVAL. */
int deflate_parse(const char *text, enum deflate_kind *ret, struct err *e);
/* 1 to 9 of gzip (zlib makes it), 1 to 19 of zstd; anything else is -EINVAL. */
int deflate_check_level(enum deflate_kind kind, long long level, struct err *e);

/* Takes what comes out; a negative result ends the stream with it. */
typedef int deflate_sink(void *arg, const void *bytes, size_t n, struct err *e);

/* Pieces of this size compress best. */
enum { DEFLATE_PIECE = 512 << 10 };

struct deflate;
/* *ret is new. The library is loaded here. */
int deflate_new(enum deflate_kind kind, int level, deflate_sink *sink, void *arg,
                struct deflate **ret, struct err *e);
int deflate_write(struct deflate *d, const void *bytes, size_t n, struct err *e);
int deflate_finish(struct deflate *d, struct err *e); /* the end of the stream */
void deflate_free(struct deflate *d);                 /* NULL allowed */

#endif
