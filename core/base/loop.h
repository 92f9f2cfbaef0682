/* loop - one poll(2) loop: file descriptors, timers, and guests that bring their own descriptors.
 *
 * poll and not epoll: a monitor waits for a handful of descriptors, and its guest (libslirp) hands
 * over a fresh list in every round, which epoll would have to be told piece by piece. */
#ifndef RCTR_LOOP_H
#define RCTR_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct loop;

int loop_new(struct loop **ret, struct err *e);
void loop_free(struct loop *l); /* NULL allowed; closes no descriptor of the callers */

/* Call fn(arg, revents) when fd is ready for `events` (POLLIN, POLLOUT; errors always). Returns a
 * handle >= 0. fd is borrowed and must stay open until loop_remove. */
int loop_add(struct loop *l, int fd, short events, void (*fn)(void *arg, short revents), void *arg,
             struct err *e);
void loop_want(struct loop *l, int handle, short events); /* 0: only errors; -1: not at all */
void loop_remove(struct loop *l, int handle);

/* Call fn(arg) once, `after_ms` from now; what is due together is called in the order of its time.
 * Returns a handle for loop_cancel, which means nothing any more once fn was called. */
int loop_timer(struct loop *l, long long after_ms, void (*fn)(void *arg), void *arg, struct err *e);
void loop_cancel(struct loop *l, int handle);

/* A guest with descriptors of its own: fill() lays out one list with the loop's own ones first and
 * may lower the timeout; dispatch() is called after every poll. One guest at most. */
struct loop_guest {
    int (*fill)(void *arg, const struct pollfd *own, size_t own_n, struct pollfd **ret_fds,
                size_t *ret_n, int *timeout_ms, struct err *e);
    void (*dispatch)(void *arg);
    void *arg;
};
void loop_guest(struct loop *l, const struct loop_guest *guest); /* NULL: no guest any more */

/* Run until loop_stop, whose value is returned; negative when poll itself fails. */
int loop_run(struct loop *l, struct err *e);
void loop_stop(struct loop *l, int value);

#endif
