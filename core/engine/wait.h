/* wait - until a container has come to a state. */
#ifndef RCTR_WAIT_H
#define RCTR_WAIT_H

#include "core/base/err.h"
#include "storage/record.h"
#include "storage/store.h"

/* Bits; one that is met is enough. */
enum {
    WAIT_STOPPED = 1 << 0, /* it does not run: also one that never ran, or is about to restart */
    WAIT_EXITED = 1 << 1,
    WAIT_CREATED = 1 << 2,
    WAIT_INITIALIZED = 1 << 3,
    WAIT_RUNNING = 1 << 4,
    WAIT_PAUSED = 1 << 5,
    WAIT_REMOVED = 1 << 6,
    WAIT_HEALTHY = 1 << 7,
    WAIT_UNHEALTHY = 1 << 8,
};
/* "stopped", "exited", …: adds the bit. -EINVAL: `unknown container state: x`, with the nearest. */
int wait_parse_condition(const char *text, unsigned *to, struct err *e);

struct wait_options {
    unsigned conditions; /* 0: WAIT_STOPPED */
    int interval_ms;     /* between two looks, where the system has no notices for us */
};

struct wait_watch; /* what is seen of some containers from the moment on when they are added */
int wait_new(const struct store *s, const struct wait_options *o, struct wait_watch **ret,
             struct err *e);
void wait_free(struct wait_watch *w);
/* Before anything is waited for: no end of `r` is missed from now on. */
void wait_add(struct wait_watch *w, const struct record *r);
/* Wait for one. *ret_code is its exit status: of its last end, or of the end that was waited for;
 * 0 for one that never ran, -1 when it runs or nobody knows. `r` is what was found last.
 * -ESRCH: it ended, so it will not become healthy. */
int wait_for(struct wait_watch *w, struct record *r, int *ret_code, struct err *e);

#endif
