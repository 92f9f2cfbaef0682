#include "core/engine/lifecycle.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/engine/container.h"
#include "core/engine/stop.h"
#include "core/monitor/attach.h"
#include "storage/event.h"

int lifecycle_start(struct store *s, struct record *r, struct err *e)
{
    struct container c;
    int client = -1, n = container_load(s, r, &c, e);

    if (n < 0)
        return n;
    n = container_start(&c, &client, e);
    if (n == 0)
        attach_leave(client);
    *r = c.record;
    c.record = (struct record){.dir_fd = -1};
    container_free(&c);
    return n;
}

/* record_change: --rm counts again. */
static int set_rm(void *arg, struct record *r, struct err *e)
{
    (void)arg, (void)e;
    r->rm = true;
    return 0;
}

/* An overlay that was mounted "volatile" (with --rm) refuses a second mount, because a crash of the
 * host may have lost what was not synced. There was none: this process has seen its end. */
static int forget_volatile(const struct store *s, struct record *rec, struct err *e)
{
    int dir = -1, r = record_folder(s, rec, &dir, e);

    return r < 0 ? r : store_remove_tree(dir, "work", e);
}

static int start_again(struct store *s, struct lifecycle_restart *i, bool ran, bool rm)
{
    int r = ran && rm ? forget_volatile(s, i->record, &i->why) : 0;

    if (r == 0)
        r = lifecycle_start(s, i->record, &i->why);
    if (r == 0 && ran)
        event_container(s, i->record, "restart", NULL, NULL);
    if (r == -EALREADY) /* another command was faster: it runs, as was wished */
        r = 0;
    if (r == 0 && rm)
        r = record_update(s, i->record, set_rm, NULL, &i->why);
    if (r == -ENOENT && rm) /* it has ended and gone already */
        r = 0;
    return r;
}

int lifecycle_restart_all(struct store *s, struct lifecycle_restart *v, size_t n)
{
    autofree struct stop_item *stops = calloc(n + 1, sizeof *stops);
    autofree bool *rm = calloc(n + 1, sizeof *rm);
    int sum = 0;

    for (size_t i = 0; i < n; i++) {
        v[i].result = stops && rm ? 0 : err_memory(&v[i].why);
        if (v[i].result < 0)
            sum = v[i].result;
    }
    if (sum < 0)
        return sum;
    for (size_t i = 0; i < n; i++) {
        rm[i] = v[i].record->rm;
        stops[i] = (struct stop_item){.record = v[i].record,
                                      .grace_s = v[i].grace_s,
                                      .signo = v[i].signo,
                                      .then = STOP_THEN_KEEP};
    }
    (void)stop_all(s, stops, n); /* each result is looked at here */
    for (size_t i = 0; i < n; i++) {
        v[i].result = stops[i].result;
        v[i].why = stops[i].why;
        if (v[i].result == 0 && stops[i].gone)
            v[i].result =
                err_set(&v[i].why, ENOENT, "container %s was removed meanwhile", v[i].record->name);
        if (v[i].result == 0)
            v[i].result = start_again(s, &v[i], stops[i].ran, rm[i]);
        if (v[i].result < 0)
            sum = v[i].result;
    }
    return sum;
}

bool lifecycle_is_wanted(const struct record *r)
{
    struct policy p = {0};

    if (record_has_monitor(r->state) || r->state == RECORD_STARTING || !r->started_ns ||
        !r->restart || policy_parse_restart(r->restart, &p, NULL) < 0)
        return false;
    switch (p.restart) {
    case POLICY_RESTART_NO: return false;
    case POLICY_RESTART_ALWAYS: return true;
    case POLICY_RESTART_UNLESS_STOPPED: return !r->stopped_by_user;
    case POLICY_RESTART_ON_FAILURE:
        return !r->stopped_by_user && r->exit_code != 0 &&
               (!p.restart_max || r->restart_count < p.restart_max);
    }
    return false;
}
