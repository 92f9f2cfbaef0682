/* expand - a stream as plain bytes, whatever it is compressed with.
 *
 * gzip, zstd and plain by storage/inflate; bzip2 and xz by libarchive, which is loaded when one of
 * them comes. Told apart by content, never by name. For archives from elsewhere (ADD, build
 * contexts); layers go through storage/inflate alone. */
#ifndef RCTR_EXPAND_H
#define RCTR_EXPAND_H

#include "storage/inflate.h"
#include "storage/tar_stream.h"

struct expand;

/* Load all that may be needed (before a cage). libarchive may be missing: then bzip2 and xz are
 * refused with words. */
int expand_ready(struct err *e);

/* Read from fd (borrowed), which may be a pipe. The limits are of both ways. *ret is new. */
int expand_new(int fd, const struct inflate_limits *limits, struct expand **ret, struct err *e);
void expand_free(struct expand *x); /* NULL allowed */

/* 1: what comes is a tar archive, by its first header; 0: something else. Nothing is consumed. */
int expand_is_tar(struct expand *x, struct err *e);

/* The next bytes (borrowed until the next call); *ret_n 0 is the end. As inflate_read fails. */
int expand_next(struct expand *x, const void **ret, size_t *ret_n, struct err *e);
/* The same for storage/tar. */
struct tar_source expand_source(struct expand *x);

#endif
