/* watch - what a room that works beside a running container gets from its monitor.
 *
 * A room such as health is begun when the program runs (LIFE_SERVE in life.h) and ended when it has
 * ended or is paused; so it may be begun and ended several times in one monitor's life. It lives in
 * the monitor's loop: it adds its own descriptors and timers, and removes them when it is ended.
 *
 * Rules for code in a monitor:
 * - nothing waits: what takes time is a child (with a pidfd in the loop; waitpid for that pid only,
 *   never for any child), and every child is killed and waited for in the room's end function;
 * - a child that is forked here has the monitor's signal mask (SIGTERM, SIGUSR1 and SIGCHLD are
 *   blocked) and its ignored SIGPIPE and SIGHUP: set both back before it executes anything;
 * - memory counts: it stays for as long as the container lives (200 KiB in all). */
#ifndef RCTR_WATCH_H
#define RCTR_WATCH_H

#include "core/base/loop.h"
#include "core/monitor/policy.h"
#include "core/runtime/spec.h"
#include "storage/record.h"

struct watch {
    struct loop *loop;
    struct store *store;
    struct record *record; /* as last written; changed through record_update only */
    const struct spec *spec;
    const struct policy *policy; /* as it is now: `rctr update` may change it between two lives */
    pid_t init;                  /* of this life; it is not reaped before the room is ended */
    int init_pidfd;              /* -1 before kernel 5.3 */

    /* What an unhealthy container gets. Called from the loop; ends the room's life later, not at
     * once. `stop`: stop signal, grace, SIGKILL, no restart; else SIGKILL, and the restart policy
     * decides (POLICY_UNHEALTHY_RESTART: `again` starts it again whatever the policy says). */
    void (*give_up)(void *monitor, bool stop, bool again);
    void *monitor;
};

#endif
