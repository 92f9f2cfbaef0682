#include "core/engine/update.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/proc.h"
#include "core/engine/definition.h"
#include "core/runtime/cgroup.h"
#include "storage/event.h"

struct update {
    const struct store *s;
    const struct update_request *q;
};

static bool gives_limits(const struct cgroup_ask_words *w)
{
    const char *const all[] = {w->memory,      w->memory_swap, w->reservation, w->swappiness,
                               w->cpus,        w->cpu_quota,   w->cpu_period,  w->cpu_shares,
                               w->cpuset_cpus, w->cpuset_mems, w->pids,        w->blkio_weight};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i] && *all[i])
            return true;
    return w->conf.n > 0;
}

/* --memory alone, below or above the old --memory-swap: the old one goes by docker's rule. */
static void follow_memory(const struct cgroup_ask_words *w, struct cgroup_ask *a)
{
    if (w->memory && *w->memory && !(w->memory_swap && *w->memory_swap) && a->memory_swap > 0)
        a->memory_swap = 0;
}

static int set_limits(const struct update *u, const struct record *r, struct spec *spec,
                      struct err *e)
{
    bool runs = r->state == RECORD_RUNNING || r->state == RECORD_PAUSED;
    int n;

    if (!gives_limits(&u->q->limits))
        return 0;
    follow_memory(&u->q->limits, &spec->cgroup);
    n = cgroup_ask_parse(&u->q->limits, &spec->cgroup, e);
    if (n < 0)
        return n;
    if (!runs)
        return cgroup_check(&spec->cgroup, NULL, e);
    if (!r->cgroup)
        return err_set(e, ENOTSUP,
                       "container %s runs without a cgroup of its own, because it was started "
                       "without limits: stop it, update it, and start it again",
                       r->name);
    return cgroup_update(&spec->cgroup, r->cgroup, e);
}

static int set_restart(const char *text, struct definition *d, struct record *r, struct err *e)
{
    char buf[40];
    int n;

    if (!text || !*text)
        return 0;
    n = policy_parse_restart(text, &d->policy, e);
    if (n < 0)
        return err_wrap(e, n, "--restart");
    free(r->restart);
    r->restart = NULL;
    if (d->policy.restart == POLICY_RESTART_NO)
        return 0;
    if (r->rm)
        return err_set(e, EINVAL, "--restart %s: container %s is removed when it ends (--rm)", text,
                       r->name);
    r->restart = strdup(policy_restart_text(&d->policy, buf));
    return r->restart ? 0 : err_memory(e);
}

/* record_change: under the record's lock, so that two updates are one after the other. */
static int change(void *arg, struct record *r, struct err *e)
{
    const struct update *u = arg;
    autodefinition struct definition d = {0};
    int n = definition_load(u->s, r, &d, NULL, e);

    if (n == 0)
        n = set_restart(u->q->restart, &d, r, e);
    if (n == 0)
        n = set_limits(u, r, &d.spec, e);
    return n < 0 ? n : definition_save(u->s, r, &d, e);
}

int update_container(const struct store *s, struct record *r, const struct update_request *q,
                     struct err *e)
{
    struct update u = {.s = s, .q = q};
    autofd int monitor = -1;
    int n = record_settle(s, r, e);

    if (n == 0)
        n = record_update(s, r, change, &u, e);
    if (n < 0)
        return n;
    event_container(s, r, "update", NULL, NULL);
    /* It reads the policy again. */
    if (record_has_monitor(r->state) && proc_open(&r->monitor, &monitor, NULL) == 0)
        (void)proc_signal(monitor, r->monitor.pid, SIGUSR1);
    return 0;
}
