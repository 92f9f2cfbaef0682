/* tar_stream - the bytes of a tar archive, pulled from their source a piece at a time. */
#ifndef RCTR_TAR_STREAM_H
#define RCTR_TAR_STREAM_H

#include <stddef.h>

#include "core/base/err.h"

/* Where the bytes come from: give the next piece (borrowed until the next call); *ret_n 0 is the
 * end. */
struct tar_source {
    int (*next)(void *arg, const void **ret, size_t *ret_n, struct err *e);
    void *arg;
};

struct tar_stream {
    struct tar_source source;
    const unsigned char *at; /* the unread part of the source's piece */
    size_t have;             /* its bytes */
};

/* Make s->have more than 0; it stays 0 at the end of the stream only. Errors are the source's. */
int tar_stream_more(struct tar_stream *s, struct err *e);

/* Copy up to n bytes; *ret_got is less at the end of the stream only. */
int tar_stream_copy(struct tar_stream *s, void *to, size_t n, size_t *ret_got, struct err *e);

/* Pass over n bytes, all of which must be there. */
int tar_stream_skip(struct tar_stream *s, long long n, struct err *e);

/* -EINVAL, and the words for an archive that ends too early. */
int tar_stream_cut(struct err *e);

#endif
