/* blob - immutable bytes named by their digest.
 *
 * A blob is written in the process's temporary folder, checked, made durable and only then
 * renamed to blobs/sha256/HEX: what has the name is whole. */
#ifndef RCTR_BLOB_H
#define RCTR_BLOB_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/hash.h"
#include "storage/store.h"

bool blob_exists(const struct store *s, const struct digest *d);
/* -ENOENT when it is not there. ret_size may be NULL. */
int blob_open(const struct store *s, const struct digest *d, int *ret_fd, off_t *ret_size,
              struct err *e);
/* Whole small blob (a manifest, a config), appended to *ret after its digest was verified
 * (-EBADMSG). */
int blob_read(const struct store *s, const struct digest *d, size_t max_bytes, struct text *ret,
              struct err *e);
/* The same without the digest check, for the start of a container: the store is the user's own,
 * what came into it was verified, and `rctr system check` verifies it again. */
int blob_load(const struct store *s, const struct digest *d, size_t max_bytes, struct text *ret,
              struct err *e);
/* Store bytes; *ret is their digest. Durable on return. */
int blob_put(struct store *s, const void *bytes, size_t n, struct digest *ret, struct err *e);

/* A blob that arrives in pieces. A broken download is resumed at `written`: the bytes and the
 * running hash stay until blob_commit or blob_abandon. */
struct blob_writer {
    int fd;        /* read and write: it may be read again from its beginning */
    int dir_fd;    /* borrowed: the process's temporary folder */
    char name[80]; /* in it; "" when there is none any more */
    off_t written;
    struct hash *hash;
    bool verified; /* nothing may be added any more */
};
int blob_begin(struct store *s, const struct digest *expect, struct blob_writer *ret,
               struct err *e);
int blob_add(struct blob_writer *w, const void *bytes, size_t n, struct err *e);
/* What arrived is what was named; blob_commit does it too. For callers that act on the bytes before
 * they make them durable. */
int blob_verify(struct blob_writer *w, const struct digest *expect, off_t size, struct err *e);
/* Verify digest (and size when >= 0; -EBADMSG), fsync when `durable`, rename into place. On failure
 * the temporary file is gone. Ends the writer either way. */
int blob_commit(struct store *s, struct blob_writer *w, const struct digest *expect, off_t size,
                bool durable, struct err *e);
void blob_abandon(struct blob_writer *w);
/* The same, but what arrived stays in the temporary folder, for storage/partial. */
void blob_leave(struct blob_writer *w);
/* The same for bytes that will be no blob of the store: the file has no name, so nothing of it
 * stays, whatever happens. The end gives what was written (new, for reading too). */
int blob_begin_loose(struct store *s, struct blob_writer *ret, struct err *e);
int blob_end_loose(struct blob_writer *w, int *ret_fd, struct err *e);
int blob_remove(const struct store *s, const struct digest *d, struct err *e); /* missing is fine */

#endif
