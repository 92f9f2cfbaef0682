/* probe - one health check: run in the container, judged, and written down.
 *
 *   containers/ID/health.json   docker's .State.Health: {"Status", "FailingStreak", "Log":
 * [{"Start", "End", "ExitCode", "Output"}]}, the last PROBE_LOG_MAX, oldest first record.health,
 * .health_streak   the same two words, changed only when they change
 *
 * ExitCode -1: the probe took longer than its timeout, or could not be run; Output says which. */
#ifndef RCTR_PROBE_H
#define RCTR_PROBE_H

#include "core/monitor/policy.h"
#include "core/runtime/spec.h"
#include "storage/record.h"

enum { PROBE_LOG_MAX = 5, PROBE_OUTPUT_MAX = 4096 };

/* What docker and podman take where nothing is said. */
#define PROBE_INTERVAL_NS       30000000000LL
#define PROBE_TIMEOUT_NS        30000000000LL
#define PROBE_START_INTERVAL_NS 5000000000LL
enum { PROBE_RETRIES = 3 };

/* Is there anything to be run? */
bool probe_wanted(const struct healthcheck *h);

struct probe_job {
    const struct store *store;
    struct record *record; /* of the life that is asked for its health */
    const struct spec *spec;
    const struct healthcheck *check;
};

enum probe_result {
    PROBE_PASSED,    /* "healthy" */
    PROBE_FAILED,    /* but not as often as it takes, or in the start period */
    PROBE_UNHEALTHY, /* as often as it takes */
};

/* Run it, wait for it (no longer than its timeout), write it down. Blocks; a file system of the
 * container's that hangs can hold it up for longer. Returns an enum probe_result. */
int probe_run(const struct probe_job *j, struct err *e);
/* Write down that it has hung for so long that its process was killed. */
int probe_hung(const struct probe_job *j, struct err *e);

/* A new life: "starting", nothing on the log. */
int probe_reset(const struct store *s, struct record *r, struct err *e);

#endif
