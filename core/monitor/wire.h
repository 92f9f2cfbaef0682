/* wire - what a monitor and its client say to each other, one message per packet.
 *
 * A SOCK_SEQPACKET socket: a byte for the kind, then the payload. Standard input is sent with a
 * window: the client may have WIRE_WINDOW messages unanswered, the monitor answers each with
 * WIRE_TAKEN when the container has read it. So the monitor never has to stop listening, and a
 * signal is never stuck behind data. */
#ifndef RCTR_WIRE_H
#define RCTR_WIRE_H

#include <stddef.h>
#include <sys/types.h>

#include "core/base/err.h"

enum wire_kind {
    /* client to monitor */
    WIRE_STDIN = 1, /* bytes */
    WIRE_STDIN_END,
    WIRE_RESIZE, /* struct wire_size */
    WIRE_SIGNAL, /* int */
    WIRE_DETACH,
    WIRE_LOST,  /* int, 1 or 2: this output cannot be written any more */
    WIRE_HELLO, /* struct wire_hello: the first word of a client that did not start the container */
    WIRE_GO,    /* to a container that is held: run */
    /* monitor to client */
    WIRE_STDOUT, /* bytes */
    WIRE_STDERR, /* bytes */
    WIRE_TAKEN,
    WIRE_HELD,    /* int: the pid; it is set up, and waits for WIRE_GO */
    WIRE_RUNNING, /* int: the pid */
    WIRE_FAILED,  /* struct err: the container never ran */
    WIRE_EXIT,    /* struct wire_exit: the last message, even when it is started again */
};

enum { WIRE_DATA_MAX = 32768, WIRE_WINDOW = 4 };

struct wire_hello {
    int output; /* 1: it wants the output from now on, and the end */
};

struct wire_size {
    unsigned short rows, cols;
};

struct wire_exit {
    int status;     /* as a shell sees it */
    int timed_out;  /* --timeout ended it */
    struct err why; /* text is "" or says what should be known about the end */
};

/* 0, -EAGAIN when the other side does not keep up and `wait` is false, -EPIPE when it is gone. */
int wire_send(int sock, enum wire_kind kind, const void *payload, size_t n, int wait);

/* Receive one message into buf (WIRE_DATA_MAX bytes at least). Returns the payload's size; -EPIPE
 * when the other side is gone, -EAGAIN when there is none. */
ssize_t wire_recv(int sock, enum wire_kind *ret_kind, void *buf, size_t size);

#endif
