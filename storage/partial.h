/* partial - what a dead process has downloaded of a blob, taken over by one that goes on with it.
 *
 * The temporary file of a blob (storage/blob) stays in the dead process's folder below tmp/ until
 * somebody clears it away; its name is all that says what it is. So it is a hint and no more: its
 * bytes are hashed again from the first one, and count only when the whole has the wanted digest.
 * After a power cut there may be anything in them. */
#ifndef RCTR_PARTIAL_H
#define RCTR_PARTIAL_H

#include "storage/blob.h"

/* Like blob_begin, with the longest of the files that dead processes have left of this blob, of
 * `size` bytes at most. *ret_found > 0 is how many there are; none has yet been hashed (`written`
 * is 0): partial_hash does it. -ENOENT: there is none. Two callers never get the same file.
 * `wait`: one has died just now; until its locks are free, some milliseconds may pass. */
int partial_adopt(struct store *s, const struct digest *expect, off_t size, bool wait,
                  struct blob_writer *ret, off_t *ret_found, struct err *e);

/* Hash `max` more of the *found bytes; `written` grows. At the end of them the writer is as if they
 * had been added. *found shrinks when the file is shorter than it seemed. */
int partial_hash(struct blob_writer *w, off_t *found, size_t max, struct err *e);

#endif
