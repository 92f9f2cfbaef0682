/* relay - the monitor's side of the streams: the container on one hand, log and clients on the
 * other.
 *
 * All output goes to the log and to each client that listens. While a client does not keep up,
 * nothing is read, so that the container waits instead of our memory growing: for the client that
 * started it as long as it takes, for others that came later for RELAY_PATIENCE_MS; then they are
 * let go, so that a stopped client never stops a container for ever. Nothing here ever blocks: a
 * client that is stopped must not stop the container's network, nor delay the record of its end. */
#ifndef RCTR_RELAY_H
#define RCTR_RELAY_H

#include <stdbool.h>

#include "core/base/loop.h"
#include "core/base/text.h"
#include "core/monitor/inlet.h"
#include "core/monitor/wire.h"

enum { RELAY_CLIENTS = 16, RELAY_PATIENCE_MS = 5000 };

struct relay;

struct relay_client {
    struct relay *r;
    int fd, handle;    /* fd owned; -1: no client here */
    bool is_starter;   /* the container waits for it as long as it takes */
    bool has_greeted;  /* the starter need not */
    bool is_listener;  /* it wants output, and the end */
    unsigned lost;     /* bit i: it cannot write output i any more */
    unsigned behind;   /* bit i: what output i holds is still to be sent to it */
    int patience;      /* the timer that ends it; -1: none */
    unsigned on_way;   /* its messages of input that the container has not taken */
    unsigned owed;     /* answers that it has no room for yet */
    size_t tails_sent; /* bytes of the outputs' tails */
};

/* One direction of output. */
struct relay_output {
    struct relay *r;
    enum wire_kind kind;
    int fd, handle; /* fd owned, unless it is the terminal; -1: at its end */
    size_t held;    /* bytes of buf that some client has not taken yet */
    char *buf;      /* WIRE_DATA_MAX */
};

struct relay {
    /* Set by the caller. */
    struct loop *loop;                                               /* borrowed */
    void (*log)(void *arg, int stream, const void *bytes, size_t n); /* all output; NULL: none */
    void (*signal)(void *arg, int signo);                            /* a client passes one on */
    void (*go)(void *arg);                                           /* WIRE_GO; NULL: no matter */
    void (*idle)(void *arg);                                         /* a second without work */
    void *arg;

    struct relay_client clients[RELAY_CLIENTS];
    struct relay_output out[2];
    struct text tail; /* what was left in the pipes at the end, as wire messages */
    struct inlet in;
    int tty_fd;           /* borrowed; -1: none */
    enum wire_kind state; /* WIRE_RUNNING, WIRE_HELD; 0: neither */
    pid_t init;
    char *memory; /* of the buffers */
    bool touched; /* the buffers were used since they were given back */
    int resting;  /* the timer that gives them back; -1: none */
};

/* `r` is zeroed but for what the caller sets. */
int relay_open(struct relay *r, struct err *e);
void relay_free(struct relay *r); /* closes all */
/* Take a client's socket. The starter hears all from now on; another says first what it wants
 * (WIRE_HELLO). -EMFILE when there are too many. Closes fd on failure. */
int relay_add(struct relay *r, int fd, bool is_starter, struct err *e);

/* A message for all clients; waits until the starter has room. Only before relay_begin. */
void relay_tell(struct relay *r, enum wire_kind kind, const void *payload, size_t n);
/* The container is set up and waits: clients that ask are told so. */
void relay_hold(struct relay *r, pid_t init);
/* It runs: stdin's write end and the outputs (taken), or the terminal for all (borrowed until
 * relay_end; else -1). The clients are told WIRE_RUNNING. */
int relay_begin(struct relay *r, int in_fd, int out_fd, int err_fd, int tty_fd, pid_t init,
                struct err *e);
/* It has ended. What is still in its pipes is read now, for the log and for the clients that
 * listen, and the pipes are closed. */
void relay_end(struct relay *r);
/* The clients that listen get what is left for them, then the end. Who has no room for it is
 * handed to a child of ours, so that it gets all and we are free. */
void relay_tell_end(struct relay *r, const struct wire_exit *x);
/* There is work, not only of the streams: `idle` comes later. */
void relay_touch(struct relay *r);
/* Let go of one client. */
void relay_lose(struct relay_client *c);
/* Let go of all clients: that is what they wait for after WIRE_EXIT. */
void relay_close(struct relay *r);

#endif
