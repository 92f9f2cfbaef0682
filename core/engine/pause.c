/* The record says "paused" before the first process is stopped, and "running" after the last one
 * goes on: whatever is killed between, `unpause` finds what it has to do. */
#include "core/engine/pause.h"

#include <errno.h>
#include <signal.h>

#include "core/base/auto.h"
#include "core/base/proc.h"
#include "core/runtime/cgroup.h"
#include "core/runtime/standstill.h"
#include "storage/event.h"

static int improper(const struct record *r, const char *is_not, const char *cannot, struct err *e)
{
    return err_set(e, EINVAL, "\"%s\" is not %s, can't %s: container state improper", r->id, is_not,
                   cannot);
}

static int set_paused(void *arg, struct record *r, struct err *e)
{
    (void)arg;
    if (r->state != RECORD_RUNNING)
        return improper(r, "running", "pause", e);
    r->state = RECORD_PAUSED;
    return 0;
}

static int set_running(void *arg, struct record *r, struct err *e)
{
    (void)arg;
    (void)e;
    if (r->state != RECORD_PAUSED) /* it has ended meanwhile */
        return 1;
    r->state = RECORD_RUNNING;
    return 0;
}

/* Health checks rest as long as it is paused. */
static void tell_monitor(const struct record *r)
{
    autofd int fd = -1;

    if (proc_open(&r->monitor, &fd, NULL) == 0)
        (void)proc_signal(fd, r->monitor.pid, SIGUSR1);
}

static int stand_still(const struct record *r, bool *ret_signals, struct err *e)
{
    int n = cgroup_freeze(r->cgroup, true, e);

    *ret_signals = n == -ENOTSUP;
    return *ret_signals ? standstill_begin(&r->init, e) : n;
}

static int go_on(const struct record *r, struct err *e)
{
    int n = cgroup_freeze(r->cgroup, false, e);

    return n == -ENOTSUP ? standstill_end(&r->init, e) : n;
}

int pause_container(const struct store *s, struct record *r, bool *ret_signals, struct err *e)
{
    int n = record_settle(s, r, e);

    if (n == 0)
        n = record_update(s, r, set_paused, NULL, e);
    if (n < 0)
        return n;
    n = stand_still(r, ret_signals, e);
    if (n < 0) {
        (void)record_update(s, r, set_running, NULL, NULL); /* the first failure is told */
        return err_wrap(e, n, "cannot pause container %s", r->name);
    }
    tell_monitor(r);
    event_container(s, r, "pause", NULL, NULL);
    return 0;
}

int pause_end(const struct store *s, struct record *r, struct err *e)
{
    int n = record_settle(s, r, e);

    if (n < 0)
        return n;
    if (r->state != RECORD_PAUSED)
        return improper(r, "paused", "unpause", e);
    n = go_on(r, e);
    if (n == 0)
        n = record_update(s, r, set_running, NULL, e);
    if (n < 0)
        return err_wrap(e, n, "cannot unpause container %s", r->name);
    tell_monitor(r);
    event_container(s, r, "unpause", NULL, NULL);
    return 0;
}

void pause_release(const struct record *r)
{
    if (r->state == RECORD_PAUSED)
        (void)go_on(r, NULL); /* at worst the grace passes, and SIGKILL does it */
}
