/* stop - bringing running containers to their end, many at a time. */
#ifndef RCTR_STOP_H
#define RCTR_STOP_H

#include <stdbool.h>

#include "core/base/err.h"
#include "storage/record.h"
#include "storage/store.h"

enum { STOP_GRACE_S = 10, STOP_NOW = 0, STOP_GRACE_OWN = -1 };

/* What its monitor does with the record at the end. */
enum stop_then {
    STOP_THEN_RULE,   /* keeps the container, or removes it if that was asked for with --rm */
    STOP_THEN_REMOVE, /* removes it */
    STOP_THEN_KEEP,   /* keeps it, also with --rm: it is to be started again */
};

struct stop_item {
    struct record *record; /* borrowed; afterwards what is known of it */
    long long grace_s;     /* between its stop signal and SIGKILL; STOP_NOW: SIGKILL at once;
                              STOP_GRACE_OWN: the container's own, else STOP_GRACE_S */
    int signo;             /* instead of its own stop signal; 0: that */
    enum stop_then then;
    bool host_goes_down; /* it is not marked as stopped by the user: `start --all --restart` starts
                            it again */
    /* The outcome: */
    int result;  /* 0: it does not run (any more); else -errno with `why` */
    bool ran;    /* it did run before */
    bool forced; /* the grace was over: SIGKILL */
    bool gone;   /* the container was removed */
    struct err why;
};

/* Stop them all, at once: no restart policy starts them again, and on return their end is on disk.
 * One that does not run is a success. Each has its own result; the sum is 0 or the last failure. */
int stop_all(const struct store *s, struct stop_item *v, size_t n);

/* Send a signal to a running container's first process. SIGKILL and the container's stop signal
 * count as stopping it: no restart follows. -EBUSY: it does not run. */
int stop_kill(const struct store *s, struct record *r, int signo, struct err *e);

/* Wait until one that got SIGKILL has ended, and its end is on disk. -EBUSY: it does not end. */
int stop_await_killed(const struct record *r, struct err *e);

/* Does it run, or is a command just about to let it run? */
bool stop_is_needed(const struct record *r);

/* The number of its stop signal. */
int stop_signal(const struct record *r);

#endif
