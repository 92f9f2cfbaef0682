/* lifecycle - starting again what was made before. */
#ifndef RCTR_LIFECYCLE_H
#define RCTR_LIFECYCLE_H

#include <stdbool.h>

#include "core/base/err.h"
#include "storage/record.h"
#include "storage/store.h"

/* Start one that does not run, with nobody attached; waits until its program runs. `r` has what is
 * known afterwards. -EALREADY: it runs already. */
int lifecycle_start(struct store *s, struct record *r, struct err *e);

struct lifecycle_restart {
    struct record *record; /* borrowed */
    long long grace_s;     /* as stop_item's */
    int signo;             /* likewise */
    int result;            /* the outcome */
    struct err why;
};
/* Stop those that run, all at once, then start each. One with --rm is not removed in between. */
int lifecycle_restart_all(struct store *s, struct lifecycle_restart *v, size_t n);

/* After the host has come up, or after a monitor was killed: is this container, which does not run,
 * one that its restart policy wants to run? "always" does; "unless-stopped" unless a command
 * stopped it; "on-failure" when its end was a failure or nobody knows it. */
bool lifecycle_is_wanted(const struct record *r);

#endif
