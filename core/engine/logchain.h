/* logchain - the log files of one container read as one stream, across their turning over.
 *
 * core/monitor/logfile.c writes them: `log` is the newest, log.1 the one before. The reader has one
 * file open at a time; which one comes next is found by the identity of the open file, not by its
 * name. So nothing is lost or read twice unless the writer is a whole chain ahead. */
#ifndef RCTR_LOGCHAIN_H
#define RCTR_LOGCHAIN_H

#include "core/base/err.h"
#include "core/monitor/logline.h"

struct logchain;

/* `dir_fd`: the container's folder, borrowed for the call. `tail`: begin with the last so many
 * lines, of those not after `until_ns` (0: all); -1: with the first one. Reads from the end, so
 * that a few lines of a large log cost little. A log that is not there yet is an empty one. */
int logchain_open(int dir_fd, long long tail, long long until_ns, struct logchain **ret,
                  struct err *e);
/* 1: `ret`, whose text is borrowed until the next call; 0: there is none now. */
int logchain_next(struct logchain *c, struct logline *ret, struct err *e);
/* Were files deleted before they could be read? Tells it once. */
bool logchain_lost(struct logchain *c);
/* Readable when there may be more; call logchain_next until 0 after this one. Borrowed. */
int logchain_wait_fd(struct logchain *c, int *ret_fd, struct err *e);
void logchain_close(struct logchain *c); /* NULL allowed */

#endif
