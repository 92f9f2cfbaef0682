/* relay - the monitor's side of the streams: container on one hand, client on the other.
 *
 * Output goes to the client as it comes; while the client does not keep up, nothing is read, so
 * that the container waits instead of our memory growing. Without a client, output is dropped.
 * Nothing here ever blocks: a client that is stopped or waits for its pager must not stop the
 * container's network. */
#ifndef RCTR_RELAY_H
#define RCTR_RELAY_H

#include <stdbool.h>

#include "core/base/loop.h"
#include "core/monitor/wire.h"

struct relay;

/* One direction of output. */
struct relay_output {
    struct relay *r;
    enum wire_kind kind;
    int fd; /* owned, unless it is the terminal; -1: at its end */
    int handle;
    size_t held; /* bytes of buf that the client has not taken yet */
    char buf[WIRE_DATA_MAX];
};

struct relay {
    struct loop *loop; /* borrowed */
    int client;        /* owned; -1: gone */
    int client_handle; /* -1: not yet in the loop */
    struct relay_output out[2];
    int in_fd, in_handle; /* -1: none, or closed */
    bool in_keep;         /* a terminal: not closed at the end of input */
    size_t in_held, in_at;
    char in_buf[WIRE_WINDOW * WIRE_DATA_MAX];
    size_t in_sizes[WIRE_WINDOW]; /* of the messages in in_buf, to be answered */
    size_t in_count, owed;        /* owed: answers that the client has no room for yet */
    bool in_end;
    int tty_fd; /* borrowed; for window sizes; -1: none */
    bool ending;
    void (*signal)(void *arg, int signo); /* the client passes one on */
    void (*drained)(void *arg);           /* after relay_end: all output is passed on */
    void *arg;
};

/* `r` is zeroed but for signal, drained and arg. Takes `client`. */
void relay_init(struct relay *r, struct loop *loop, int client);
/* Begin: stdin's write end and the outputs (taken), or the terminal for all (-1: none). */
int relay_begin(struct relay *r, int in_fd, int out_fd, int err_fd, int tty_fd, struct err *e);
/* The container has ended: what is still in the pipes is passed on, then `drained` is called. */
void relay_end(struct relay *r);
/* A message that the client gets now, even if we have to wait for it; only at start and end. */
void relay_tell(struct relay *r, enum wire_kind kind, const void *payload, size_t n);

/* The client's socket is closed: that is what it waits for after WIRE_EXIT. */
void relay_close(struct relay *r);

#endif
