/* files_lock - one writer at a time in the root of a stopped container.
 *
 * The kernel allows only one overlay over an upper folder. Who mounts a stopped container's root to
 * write into it holds containers/ID/files.lock and then looks at the state; a start first takes the
 * state "starting" and then waits for the lock. So either one sees the other. */
#ifndef RCTR_FILES_LOCK_H
#define RCTR_FILES_LOCK_H

#include "storage/record.h"

/* Until the descriptor is closed. Waits for other writers. */
int files_lock_hold(const struct store *s, struct record *r, int *ret_fd, struct err *e);
/* Until nobody holds it. One system call when nobody ever did. */
int files_lock_wait(const struct store *s, struct record *r, struct err *e);

#endif
