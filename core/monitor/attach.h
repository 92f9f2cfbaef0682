/* attach - a client beside its terminal: relays standard streams, signals and window sizes. */
#ifndef RCTR_ATTACH_H
#define RCTR_ATTACH_H

#include <stdbool.h>

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

/* Wait for the container to run: 0, or what the monitor says went wrong. */
int attach_wait_running(int sock, struct err *e);

/* Relay until the container ends or the user detaches; the terminal is as before afterwards.
 * Returns the exit status (0 after detaching, *ret_detached is true then). Takes sock. */
int attach_run(int sock, const struct attach_options *o, bool *ret_detached, struct err *e);

#endif
