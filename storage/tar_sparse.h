/* tar_sparse - the maps of sparse files: where in a file the stored bytes belong.
 *
 * Old GNU (in the header and blocks after it), GNU.sparse 0.0 (pairs of pax records), 0.1 (one pax
 * record) and 1.0 (text before the data). Source: the GNU tar manual, "Storing Sparse Files". */
#ifndef RCTR_TAR_SPARSE_H
#define RCTR_TAR_SPARSE_H

#include "storage/tar_field.h"
#include "storage/tar_stream.h"

struct tar_sparse_piece { /* where data lies */
    long long offset, n;
};

struct tar_sparse {
    struct tar_sparse_piece *pieces; /* owned; kept from file to file */
    size_t count, room;
    size_t at;      /* the piece that is being read */
    long long done; /* bytes read of it */
};

/* Forget the map. */
void tar_sparse_clear(struct tar_sparse *s);
void tar_sparse_free(struct tar_sparse *s);

/* One more piece. -EINVAL for absurd numbers and more than 65,536 pieces. */
int tar_sparse_add(struct tar_sparse *s, long long offset, long long n, struct err *e);

/* The map of 0.1 replaces what is there: offset,size,offset,size,… -EINVAL. */
int tar_sparse_text(struct tar_sparse *s, const char *v, size_t n, struct err *e);

/* Old GNU: 4 rows in the header, then blocks of 21 in the stream. *ret_size is the file's. -EINVAL.
 */
int tar_sparse_old_gnu(struct tar_sparse *s, const struct tar_header *h, struct tar_stream *in,
                       long long *ret_size, struct err *e);

/* 1.0: lines at the begin of the data, of which *left bytes are there; the map's are taken off.
 * -EINVAL.
 */
int tar_sparse_v1(struct tar_sparse *s, struct tar_stream *in, long long *left, struct err *e);

/* -EINVAL unless the pieces are in order, within a file of `size` bytes, and as long together as
 * the `stored` bytes. */
int tar_sparse_check(const struct tar_sparse *s, long long size, long long stored, struct err *e);

/* Where the next stored byte belongs, and (returned) how many may follow it in one piece; 0: the
 * file has no more. The reader adds what it took to s->done. */
long long tar_sparse_place(struct tar_sparse *s, long long *ret_offset);

#endif
