/* cgroup_usage - what a container uses, as its control group counts it. */
#ifndef RCTR_CGROUP_USAGE_H
#define RCTR_CGROUP_USAGE_H

#include <stdbool.h>

#include "core/base/err.h"

/* -1: not counted here (the controller is not enabled). Limits: 0 when there is none. */
struct cgroup_usage {
    long long cpu_usec; /* since the start, all processors together */
    long long cpu_user_usec, cpu_system_usec;
    long long memory_bytes; /* all that is charged, file cache too */
    long long
        inactive_file_bytes; /* of it, what the kernel takes back first; docker leaves it out */
    long long memory_limit_bytes;
    long long pids, pids_limit;
    long long io_read_bytes, io_write_bytes;
};

/* `place` as in core/base/cgroup_folder.h. -ENOENT: the group is gone. */
int cgroup_usage_read(const char *place, struct cgroup_usage *ret, struct err *e);

#endif
