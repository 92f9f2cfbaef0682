/* monitor - the process beside one container.
 *
 * It starts the container, holds its terminal or pipes and its network, relays to a client while
 * one is there, and tells its end. It outlives its client, but not its container. */
#ifndef RCTR_MONITOR_H
#define RCTR_MONITOR_H

#include "core/monitor/policy.h"
#include "core/runtime/spec.h"
#include "storage/record.h"
#include "storage/rootfs.h"
#include "storage/store.h"

struct monitor_job {
    struct store *store;   /* borrowed, as all here */
    struct record *record; /* CREATING or STARTING; becomes "running" and "exited", or is removed */
    const struct spec *spec;
    const struct policy *policy;
    const struct rootfs *rootfs;
};

/* Fork the monitor. On success *ret_client is the client's socket (core/monitor/wire.h): the
 * first message is WIRE_RUNNING or WIRE_FAILED. */
int monitor_start(const struct monitor_job *job, int *ret_client, struct err *e);

#endif
