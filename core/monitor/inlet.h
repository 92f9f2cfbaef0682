/* inlet - what clients send into the container's standard input.
 *
 * Messages wait in one queue until the container reads them; who sent one is told when it is taken,
 * and may then send another (wire.h). Never blocks. */
#ifndef RCTR_INLET_H
#define RCTR_INLET_H

#include <stdbool.h>

#include "core/base/loop.h"

struct inlet_message;

struct inlet {
    struct loop *loop;                     /* borrowed */
    void (*taken)(void *arg, void *owner); /* one message of `owner` is with the container */
    void *arg;
    int fd, handle; /* -1: nothing is open: what comes is taken and dropped */
    bool is_tty;    /* fd is borrowed, and has no end */
    struct inlet_message *first, *last;
};

/* `i` is zeroed but for loop, taken and arg. */
void inlet_init(struct inlet *i);
/* A container that reads. Takes fd, unless it is the terminal; -1: it reads nothing. */
int inlet_open(struct inlet *i, int fd, bool is_tty, struct err *e);
/* Copies. `is_end`: nothing comes after it (not said to a terminal). */
int inlet_add(struct inlet *i, void *owner, const void *bytes, size_t n, bool is_end);
/* The owner is gone; what it said still counts. */
void inlet_forget(struct inlet *i, const void *owner);
/* The container has ended: the rest is dropped. */
void inlet_close(struct inlet *i);

#endif
