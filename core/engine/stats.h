/* stats - what a running container uses at this moment.
 *
 * From its control group where it has one with the controller; else summed over its processes from
 * /proc, which does not know of shared pages and of processes that ended unseen. */
#ifndef RCTR_STATS_H
#define RCTR_STATS_H

#include <stdbool.h>

#include "storage/record.h"

/* -1: not known. */
struct stats_sample {
    long long when_ns;            /* CLOCK_MONOTONIC */
    long long cpu_ns;             /* of all processors together, since the start */
    long long memory_bytes;       /* without the file cache that the kernel takes back first */
    long long memory_limit_bytes; /* the group's, else the host's memory */
    bool memory_estimated;        /* from /proc: anonymous and shared memory of its processes */
    long long pids, pids_limit;   /* limit 0: none */
    long long net_in_bytes, net_out_bytes; /* without loopback; -1 with the host's network */
    long long block_in_bytes, block_out_bytes;
};

/* -ESRCH: it has ended meanwhile. */
int stats_read(const struct record *r, struct stats_sample *ret, struct err *e);

/* Percent of one processor between two samples; `before` NULL: since the container's start. */
double stats_cpu_percent(const struct record *r, const struct stats_sample *before,
                         const struct stats_sample *now);

#endif
