/* session - the caller's terminal or streams, and a program's, until one of them ends.
 *
 * For a program that is our own child (exec): where a container's first process has its monitor
 * between itself and its clients, this one has only us. */
#ifndef RCTR_SESSION_H
#define RCTR_SESSION_H

#include <signal.h>
#include <stdbool.h>

#include "core/base/err.h"
#include "core/monitor/attach.h"
#include "core/runtime/enter.h"

/* Signals are held from here on, so that none is lost while the program is started. */
int session_begin(int *ret_signals_fd, struct err *e);

struct session {
    int signals;             /* of session_begin; borrowed */
    int in, out[2];          /* ends of pipes to the program, owned; -1: none */
    bool stdin_open;         /* with a terminal: keys are read */
    struct attach_keys keys; /* that detach from a terminal */
};

/* Relay and wait for r->pid. The caller's terminal is as before afterwards. Returns the program's
 * exit status as a shell sees it, or 0 with *ret_detached when the user left it running: then a
 * process of ours stays that takes what it still writes. -EIO: some output could not be written. */
int session_run(struct session *s, struct enter_running *r, bool *ret_detached, struct err *e);

/* For a program on a terminal that nobody looks at: leave a process of ours behind that takes what
 * it writes, or it would be hung up. */
void session_leave_behind(struct enter_running *r);

#endif
