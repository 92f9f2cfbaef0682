/* attach - a client beside its terminal: relays standard streams, signals and window sizes. */
#ifndef RCTR_ATTACH_H
#define RCTR_ATTACH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

enum { ATTACH_KEYS_MAX = 16 };

struct attach_keys {
    unsigned char v[ATTACH_KEYS_MAX];
    unsigned n; /* 0: no way to detach */
};

struct attach_options {
    bool tty, stdin_open;
    bool forward_signals;
    bool hide[3]; /* standard output, standard error: not shown (-a names others) */
    struct attach_keys keys;
};

/* "ctrl-p,ctrl-q", "ctrl-@", "a,b"; "" for none. */
int attach_parse_keys(const char *text, struct attach_keys *ret, struct err *e);

/* How much of the input is for the program, into `out` (n + ATTACH_KEYS_MAX bytes); the keys are
 * held back until they turn out not to be complete: *matched of them, 0 at first. *ret_detach is
 * set when they are, and what follows them is dropped. */
size_t attach_filter_keys(const struct attach_keys *k, unsigned *matched, const char *in, size_t n,
                          char *out, bool *ret_detach);

/* Wait for the container to run, or to be set up and held: 0, or what the monitor says went wrong.
 */
int attach_wait_running(int sock, struct err *e);
int attach_wait_held(int sock, struct err *e);

/* What a client that did not start the container says first; `output`: it wants it. With `go` a
 * held one is told to run. */
int attach_greet(int sock, bool output, bool go, struct err *e);

/* Go, and leave the container's streams as they are. Takes sock. */
void attach_leave(int sock);

/* Relay until the container ends or the user detaches; the terminal is as before afterwards.
 * Returns the exit status (0 after detaching, *ret_detached is true then). Takes sock. */
int attach_run(int sock, const struct attach_options *o, bool *ret_detached, struct err *e);

#endif
