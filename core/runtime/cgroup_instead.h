/* cgroup_instead - what is left of limits without a cgroup: rlimits and affinity.
 *
 * They bind each process, not the container: with `--limits best-effort` the user has said that
 * this is better than nothing. */
#ifndef RCTR_CGROUP_INSTEAD_H
#define RCTR_CGROUP_INSTEAD_H

#include <sys/types.h>

#include "core/runtime/cgroup_ask.h"

/* Memory → address space of each process; pids → processes of the container's users (kernel 5.14
 * on: before, the host's count too); cpuset → affinity; cpus → affinity to as many processors.
 * `pid` still has the caller's user id. */
int cgroup_instead_set(const struct cgroup_ask *ask, pid_t pid, struct err *e);

/* What is done and what cannot be, in one line for the user. */
int cgroup_instead_say(const struct cgroup_ask *ask, struct text *ret, struct err *e);

#endif
