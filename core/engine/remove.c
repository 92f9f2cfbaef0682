#include "core/engine/remove.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/auto.h"
#include "core/base/usage.h"
#include "core/engine/stop.h"
#include "storage/event.h"
#include "storage/volume_use.h"

enum { STATUS_RUNNING = 2, TRIES = 5 }; /* podman rm ends with 2 for one that runs */

static int refuse(const struct record *r, struct err *e)
{
    int n =
        r->state == RECORD_CREATING
            ? err_set(e, EBUSY, "container %s is being made by another command (process %d)", r->id,
                      (int)r->creator.pid)
            : err_set(
                  e, EBUSY,
                  "cannot remove container %s as it is %s - running or paused containers cannot "
                  "be removed without force: container state improper",
                  r->id, record_state_name(r->state));

    if (e)
        e->status = STATUS_RUNNING;
    return n;
}

/* ---- one that does not run ---- */

struct setting_aside {
    const struct store *store;
    char gone[NAME_MAX];
};

/* record_change: under the lock, so that a `start` either came before or finds nothing. */
static int set_aside(void *arg, struct record *r, struct err *e)
{
    struct setting_aside *a = arg;
    int n;

    if (stop_is_needed(r))
        return refuse(r, e);
    n = record_set_aside(a->store, r, a->gone, e);
    return n < 0 ? n : 1; /* there is nothing to save any more */
}

static int remove_still(const struct store *s, struct record *r, struct err *e)
{
    struct setting_aside a = {.store = s};
    int n = record_update(s, r, set_aside, &a, e);

    if (n == -ENOENT)
        return 0;                     /* its monitor or another command was faster */
    if (n == -ENOSPC || n == -EDQUOT) /* not even the lock could be made: then nobody starts it */
        n = set_aside(&a, r, e);
    if (n < 0 || !a.gone[0])
        return n < 0 ? n : 0;
    event_container(s, r, "remove", NULL, NULL);
    return err_wrap(e, store_bury(s, a.gone, e), "container %s", r->id);
}

static void count(const struct store *s, struct remove_item *i)
{
    struct usage u = {0};
    char path[RECORD_ID_HEX + 16];

    snprintf(path, sizeof path, "containers/%s", i->record->id);
    if (usage_add_all(s->fd, path, &u, NULL) == 0)
        i->bytes = u.bytes;
}

/* ---- all ---- */

/* A monitor that removes its container takes the anonymous volumes along. */
static enum stop_then then(const struct remove_options *o, const struct record *r)
{
    return r->volumes.n && !r->rm && !o->volumes ? STOP_THEN_KEEP : STOP_THEN_REMOVE;
}

/* Those that run are stopped with the order to their monitors to remove them. */
static int stop_running(const struct store *s, const struct remove_options *o,
                        struct remove_item *v, size_t n)
{
    autofree struct stop_item *stops = calloc(n, sizeof *stops);
    autofree size_t *whose = calloc(n, sizeof *whose);
    size_t count = 0;

    if (!stops || !whose)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (v[i].result == 0 && stop_is_needed(v[i].record)) {
            stops[count] = (struct stop_item){
                .record = v[i].record, .grace_s = o->grace_s, .then = then(o, v[i].record)};
            whose[count++] = i;
        }
    if (count == 0)
        return 0;
    (void)stop_all(s, stops, count); /* each result is looked at here */
    for (size_t i = 0; i < count; i++) {
        v[whose[i]].result = stops[i].result;
        v[whose[i]].why = stops[i].why;
    }
    return 0;
}

/* Another command may start it again in between. */
static void remove_forced(const struct store *s, const struct remove_options *o,
                          struct remove_item *i)
{
    for (int tries = 0; tries < TRIES && i->result == 0; tries++) {
        i->result = remove_still(s, i->record, &i->why);
        if (i->result != -EBUSY || tries == TRIES - 1)
            return;
        i->result = record_update(s, i->record, NULL, NULL, &i->why);
        if (i->result == -ENOENT)
            i->result = 0;
        else if (i->result == 0 && stop_running(s, o, i, 1) < 0)
            i->result = err_memory(&i->why);
    }
}

int remove_all(const struct store *s, const struct remove_options *o, struct remove_item *v,
               size_t n)
{
    int sum = 0;

    for (size_t i = 0; i < n; i++) {
        v[i].result = 0;
        if (!o->force && stop_is_needed(v[i].record))
            v[i].result = refuse(v[i].record, &v[i].why);
    }
    if (o->force && n && stop_running(s, o, v, n) < 0)
        for (size_t i = 0; i < n; i++)
            v[i].result = err_memory(&v[i].why);
    for (size_t i = 0; i < n; i++) {
        if (v[i].result == 0 && v[i].count_bytes)
            count(s, &v[i]);
        if (v[i].result == 0 && o->force)
            remove_forced(s, o, &v[i]);
        else if (v[i].result == 0)
            v[i].result = remove_still(s, v[i].record, &v[i].why);
        if (v[i].result == 0 && v[i].record->volumes.n && (o->volumes || v[i].record->rm))
            v[i].result = volume_use_release(s, v[i].record, &v[i].why);
        if (v[i].result < 0)
            sum = v[i].result;
    }
    return sum;
}
