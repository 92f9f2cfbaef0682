/* file_digest - the SHA-256 of files, without reading those that have not changed since they were
 * read last.
 *
 *   cache/digests   a header, then rows sorted by device and inode
 *
 * A file is the same as long as its device, inode, size, time of change and time of modification
 * are. One that was changed less than two seconds ago is read but not remembered: it could change
 * again without another time. The table is a cache: a damaged one counts as empty. */
#ifndef RCTR_FILE_DIGEST_H
#define RCTR_FILE_DIGEST_H

#include <sys/stat.h>

#include "core/base/hash.h"
#include "storage/store.h"

enum { FILE_DIGEST_ROWS_MAX = 200000 };

struct file_digest;
int file_digest_open(const struct store *s, struct file_digest **ret, struct err *e);
/* Write it when something is new, and free it. Losing it loses time only. NULL allowed. */
void file_digest_close(struct file_digest *t);

/* The digest of the file at `path` below root_fd, which no link leads out of; `st` is what it was
 * when it was found, a regular file. */
int file_digest_of(struct file_digest *t, int root_fd, const char *path, const struct stat *st,
                   struct digest *ret, struct err *e);

/* How many files were really read. */
size_t file_digest_reads(const struct file_digest *t);

#endif
