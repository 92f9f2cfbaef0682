/* cgroup - the control group of one container: made, entered, frozen, removed.
 *
 * A container gets a group only when a limit needs one (or --cgroups enabled asks for it): without
 * one a start does nothing here. What is made is told as a `place` (core/base/cgroup_folder.h),
 * which the record keeps. */
#ifndef RCTR_CGROUP_H
#define RCTR_CGROUP_H

#include <sys/types.h>

#include "core/runtime/cgroup_ask.h"

/* Can this host give what is asked? Makes nothing; costs nothing when nothing is asked. -EACCES,
 * -ENOTSUP, with the cure, unless ask->best_effort. *ret_instead (may be NULL) is then true: there
 * will be rlimits and affinity instead. */
int cgroup_check(const struct cgroup_ask *ask, bool *ret_instead, struct err *e);

struct cgroup_job {
    const struct cgroup_ask *ask;
    const char *id; /* of the container */
    pid_t pid;      /* just cloned; it waits, still with the caller's user id */
    /* A place that is about to be made, so that it can be written down; may be NULL. Not called for
     * a scope of systemd's, which systemd removes itself. */
    int (*promise)(void *arg, const char *place, struct err *e);
    void *arg;
};
/* Make the container's group, set its limits, put the process in; or set rlimits and affinity on it
 * instead. Also sets its oom_score_adj. *ret_place is new, NULL without a group. On failure nothing
 * is left. */
int cgroup_make(const struct cgroup_job *job, char **ret_place, struct err *e);

/* Put a process of the caller's into the group (of exec). place NULL is success. */
int cgroup_enter(const char *place, pid_t pid, struct err *e);

/* The same, and the rest of what the container's processes have: the oom_score_adj, and what stands
 * in for a group that could not be had. The process must be dumpable still. */
int cgroup_join(const struct cgroup_ask *ask, const char *place, pid_t pid, struct err *e);

/* Set the limits of a running container's group anew; all that ask holds. */
int cgroup_update(const struct cgroup_ask *ask, const char *place, struct err *e);

/* How often the kernel killed for want of memory; 0 when it cannot be told. */
long long cgroup_oom_kills(const char *place);

/* Stop all processes at once, or let them go on; waits until they stand still. -ENOTSUP: the group
 * has no freezer. */
int cgroup_freeze(const char *place, bool frozen, struct err *e);

/* Kill what is left in the group, and remove it. `place` NULL is success. */
int cgroup_remove(const char *place, struct err *e);

#endif
