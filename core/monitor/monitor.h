/* monitor - the process beside one container.
 *
 * It starts the container, holds its terminal or pipes and its network, keeps its log, relays to
 * clients while they are there, starts it again where the policy says so, and tells its end. It
 * outlives its clients, but not its container. */
#ifndef RCTR_MONITOR_H
#define RCTR_MONITOR_H

#include "core/monitor/policy.h"
#include "core/runtime/spec.h"
#include "storage/record.h"
#include "storage/rootfs.h"
#include "storage/store.h"

struct monitor_job {
    struct store *store;   /* borrowed, as all here */
    struct record *record; /* CREATING or STARTING by this process; then the monitor's to change */
    const struct spec *spec;
    const struct policy *policy;
    const struct rootfs *rootfs;
    bool hold; /* set all up, but let the program begin only when it is told (WIRE_GO) */
};

/* Fork the monitor. On success *ret_client is the client's socket (core/monitor/wire.h): the
 * first message is WIRE_RUNNING (WIRE_HELD with `hold`) or WIRE_FAILED. Until then the monitor and
 * its container die with this process; a client that wants no output says WIRE_DETACH
 * (attach_leave) before it closes the socket. */
int monitor_start(const struct monitor_job *job, int *ret_client, struct err *e);

/* What the forked process does, until its container has ended. `client` is the other end of the
 * socket; taken. */
void monitor_run(const struct monitor_job *job, int client);

#endif
