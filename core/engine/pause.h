/* pause - a running container stands still, and goes on again. */
#ifndef RCTR_PAUSE_H
#define RCTR_PAUSE_H

#include <stdbool.h>

#include "storage/record.h"
#include "storage/store.h"

/* All its processes stand still: by the freezer of its cgroup, else by signals (*ret_signals).
 * -EINVAL: it does not run, or is paused already. */
int pause_container(const struct store *s, struct record *r, bool *ret_signals, struct err *e);
/* -EINVAL: it is not paused. */
int pause_end(const struct store *s, struct record *r, struct err *e);

/* What `r` says that it is paused goes on, so that it can take a signal; nothing is written. */
void pause_release(const struct record *r);

#endif
