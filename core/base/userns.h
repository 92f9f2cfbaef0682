/* userns - run a function in a child that is root in a user namespace of the caller's map.
 *
 * What an unprivileged caller cannot do to files of the range (set owners, remove them) its own
 * namespace can. The child also has a mount namespace of its own. It is a plain fork: the
 * function may use everything, but should fork before the caller's heap is large. */
#ifndef RCTR_USERNS_H
#define RCTR_USERNS_H

#include "core/base/err.h"
#include "core/base/idmap.h"

struct userns_child {
    pid_t pid;
    int result_fd; /* becomes readable when the function has returned or the child has died */
};

/* Start fn(arg) as root of a new namespace. The child dies with its parent. */
int userns_start(const struct idmap *map, int (*fn)(void *arg, struct err *e), void *arg,
                 struct userns_child *ret, struct err *e);
/* The same, with first(arg) in those namespaces while the child is still the caller: for what root
 * inside, who may be somebody else, could not open. */
int userns_start_first(const struct idmap *map, int (*first)(void *arg, struct err *e),
                       int (*fn)(void *arg, struct err *e), void *arg, struct userns_child *ret,
                       struct err *e);
/* fn(arg) in a child that stays in the caller's namespaces, and may join others by itself. */
int userns_fork(int (*fn)(void *arg, struct err *e), void *arg, struct userns_child *ret,
                struct err *e);
/* Wait and give back what the function returned, with its err. */
int userns_finish(struct userns_child *c, struct err *e);
/* Both. */
int userns_run(const struct idmap *map, int (*fn)(void *arg, struct err *e), void *arg,
               struct err *e);

/* Run fn(arg), which is expected to exec a program; wait for it. Returns the program's exit status
 * as a shell sees it, or what fn failed with. Keyboard signals are the program's. */
int userns_exec(const struct idmap *map, int (*fn)(void *arg, struct err *e), void *arg,
                struct err *e);

/* Why this host gives no user namespace, in words with the cure; called after clone or unshare
 * failed with `code`. */
int userns_explain(int code, struct err *e);

#endif
