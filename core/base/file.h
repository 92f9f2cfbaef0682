/* file - whole small files, durable writes and locks, all relative to an open folder. */
#ifndef RCTR_FILE_H
#define RCTR_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "core/base/text.h"

/* Read all of dir_fd/name into *ret (appended). More than max bytes is -EFBIG; anything but a
 * regular file is -EINVAL; a missing file is -ENOENT. Never blocks on a FIFO. */
int file_read(int dir_fd, const char *name, size_t max_bytes, struct text *ret, struct err *e);
int file_read_fd(int fd, size_t max_bytes, struct text *ret, struct err *e); /* from its offset */

/* All bytes, through EINTR, short writes and O_NONBLOCK. */
int file_write_fd(int fd, const void *bytes, size_t n, struct err *e);

/* Some bytes of `from` at *at into `to`, *at moved behind them, where the file system cannot
 * splice: as splice(2) returns, 0 at the end, -1 with errno (EAGAIN: `to` is full). */
ssize_t file_copy_some(int from, int to, off_t *at);

/* Replace dir_fd/name as one step: temporary file beside it, write, fsync when `durable`, rename,
 * fsync of the folder when `durable`. */
int file_replace(int dir_fd, const char *name, const void *bytes, size_t n, mode_t mode,
                 bool durable, struct err *e);

/* Remove what calls of file_replace for this name have left that were killed. The caller holds a
 * lock that all who replace the file hold. */
void file_forget(int dir_fd, const char *name);

/* A file that the user has named for us to write into: made when it is missing, emptied first. */
int file_put(const char *path, const char *text, mode_t mode, struct err *e);

/* Open (making it) and lock a file with flock: `how` is LOCK_SH or LOCK_EX, with LOCK_NB
 * possible (-EWOULDBLOCK then). Closing the fd unlocks. */
int file_lock(int dir_fd, const char *name, int how, int *ret_fd, struct err *e);

/* mkdirat that is content with a folder already there, and opens it. mode as for mkdir. */
int file_folder(int dir_fd, const char *name, mode_t mode, int *ret_fd, struct err *e);

#endif
