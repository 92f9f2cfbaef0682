/* cgroup_apply - the limits of a cgroup_ask, written into the folders of a group.
 *
 * What is not asked is not written; -1 ("unlimited") is, so that `update` can take a limit back.
 * Source: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of the kernel; the conversion of
 * shares and weights is the one that OCI runtimes use. */
#ifndef RCTR_CGROUP_APPLY_H
#define RCTR_CGROUP_APPLY_H

#include "core/runtime/cgroup_host.h"

/* The folder of a v2 group whose controllers are enabled. Errors name the option. */
int cgroup_apply_v2(const struct cgroup_ask *a, const char *folder, struct err *e);
/* v1: the group's folder of each controller, NULL where it has none. */
int cgroup_apply_v1(const struct cgroup_ask *a, char *const folders[CGROUP_V1_ALL], struct err *e);

/* 2 … 262144 → 1 … 10000, and 10 … 1000 → 1 … 10000. */
unsigned cgroup_apply_cpu_weight(long long shares);
unsigned cgroup_apply_io_weight(long long blkio_weight);

#endif
