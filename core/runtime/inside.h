/* inside - run a function as root of a container, with the container's root folder open.
 *
 * For what a command does to a container's files (cp, export, the content of new volumes): a child
 * process that is root in the container's user namespace and holds its root folder as a descriptor.
 * A running container is joined (user and mount namespace of its first process); the root of a
 * stopped one is mounted in a private mount namespace, with its id map, by the storage driver that
 * it has. Nothing of the root is executed, loaded or asked for names.
 *
 * The container is an attacker that changes its files meanwhile: the function opens everything with
 * walk_open (core/base/walk.h) or by openat with O_NOFOLLOW below `root_fd`, never by an absolute
 * path; /proc may be the container's own, so /proc/self is of no use. The umask is 0.
 *
 * It is a fork: the function sees the caller's memory as it was, and what it changes is lost; only
 * its result and its struct err come back. Descriptors of the caller are usable in it. */
#ifndef RCTR_INSIDE_H
#define RCTR_INSIDE_H

#include "core/base/idmap.h"
#include "core/base/proc.h"
#include "core/base/userns.h"
#include "core/runtime/volume_opt.h"
#include "storage/rootfs.h"

struct inside_job {
    const struct proc_id *init; /* a running container: its first process; NULL: a stopped one */

    /* Of a stopped one; all borrowed. */
    const struct rootfs *rootfs;
    const struct idmap *map;          /* the container's */
    const struct volume_opt *volumes; /* its binds are mounted too, where their source is there */
    size_t volume_count;
    /* Nothing is to be written: overlays are mounted without their upper folder being written, so
     * that any number of readers and a start do not disturb each other. */
    bool read_only;

    /* The root file system alone, without /proc, /dev, volumes and what else is mounted on it. */
    bool root_only;
};

typedef int inside_fn(int root_fd, void *arg, struct err *e);

/* Start fn(root_fd, arg) in a child; *ret goes to userns_finish, which gives back fn's result. The
 * child dies with its parent. -ESRCH: the first process has ended meanwhile. */
int inside_start(const struct inside_job *job, inside_fn *fn, void *arg, struct userns_child *ret,
                 struct err *e);
/* Both. */
int inside_run(const struct inside_job *job, inside_fn *fn, void *arg, struct err *e);

#endif
