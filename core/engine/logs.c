#include "core/engine/logs.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>

#include "core/base/auto.h"
#include "core/base/when.h"
#include "core/engine/logchain.h"
#include "core/engine/logs_journal.h"
#include "core/monitor/logfile.h"

enum {
    NO_PIDFD_MS = 200, /* kernels before 5.3: look at the record so often */
    MS = 1000000,
    JOURNAL_LATE_MS = 1000, /* journald tells its readers of new entries every 250 ms */
};

struct logs {
    const struct store *store;
    struct record *record;
    struct logs_options o;
    struct logchain *chain;
    struct logs_journal *journal; /* the one or the other */
    int monitor;                  /* its pidfd while following; -1: none */
    bool ended;                   /* the container: what is there now is all */
    bool late;                    /* one of the journal's had its extra time */
};

/* ---- the container's end ---- */

static void watch_monitor(struct logs *l)
{
    if (l->monitor >= 0)
        close(l->monitor);
    l->monitor = -1;
    if (record_settle(l->store, l->record, NULL) < 0 || !record_has_monitor(l->record->state))
        l->ended = true;
    else
        (void)proc_open(&l->record->monitor, &l->monitor, NULL); /* else the record is looked at */
}

/* The monitor's end makes the record final; another one may have begun since. */
static void check_end(struct logs *l)
{
    struct pollfd p = {.fd = l->monitor, .events = POLLIN};
    autorecord struct record now = {.dir_fd = -1};

    if (l->o.until_ns && when_now() > l->o.until_ns)
        l->ended = true;
    if (l->ended || (l->monitor >= 0 && poll(&p, 1, 0) == 0))
        return;
    if (record_load(l->store, l->record->id, &now, NULL) < 0) {
        l->ended = true; /* removed */
        return;
    }
    record_free(l->record);
    *l->record = now;
    now = (struct record){.dir_fd = -1};
    watch_monitor(l);
}

/* ---- open and close ---- */

static int open_files(struct logs *l, struct err *e)
{
    int dir = -1, r = record_folder(l->store, l->record, &dir, e);

    return r < 0 ? r : logchain_open(dir, l->o.tail, l->o.until_ns, &l->chain, e);
}

static int open_driver(struct logs *l, struct err *e)
{
    const struct record *rec = l->record;
    enum logfile_driver driver = LOGFILE_JSON_FILE;
    int r = logfile_parse_driver(rec->log_driver, &driver, e);

    if (r < 0)
        return r;
    switch ((int)driver) {
    case LOGFILE_NONE:
    case LOGFILE_PASSTHROUGH:
        return err_set(e, ENOTSUP,
                       "container %s: its log driver '%s' keeps no log that could be read: create "
                       "it with --log-driver json-file",
                       rec->name, logfile_driver_name(driver));
    case LOGFILE_JOURNALD:
        return logs_journal_open(l->o.journalctl, rec->id, l->o.follow, l->o.tail, &l->journal, e);
    default: return open_files(l, e);
    }
}

int logs_open(const struct store *s, struct record *r, const struct logs_options *o,
              struct logs **ret, struct err *e)
{
    struct logs *l = calloc(1, sizeof *l);
    int n;

    if (!l)
        return err_memory(e);
    *l = (struct logs){.store = s, .record = r, .o = *o, .monitor = -1, .ended = !o->follow};
    n = open_driver(l, e);
    if (n < 0) {
        logs_close(l);
        return n;
    }
    if (o->follow)
        watch_monitor(l);
    *ret = l;
    return 0;
}

void logs_close(struct logs *l)
{
    if (!l)
        return;
    logchain_close(l->chain);
    logs_journal_close(l->journal);
    if (l->monitor >= 0)
        close(l->monitor);
    free(l);
}

/* ---- reading ---- */

static int next_any(struct logs *l, struct logline *ret, struct err *e)
{
    return l->chain ? logchain_next(l->chain, ret, e) : logs_journal_next(l->journal, ret, e);
}

/* What was there when the end was seen has been read: nothing more comes from files. The journal is
 * another process, and may be behind. */
static int at_end(struct logs *l)
{
    struct pollfd p = {.fd = l->journal ? logs_journal_fd(l->journal) : -1, .events = POLLIN};

    if (!l->journal || !l->o.follow || l->late)
        return l->journal && !l->o.follow ? 0 : -ENODATA;
    l->late = poll(&p, 1, JOURNAL_LATE_MS) == 0;
    return l->late ? -ENODATA : 0;
}

int logs_next(struct logs *l, struct logline *ret, struct err *e)
{
    for (;;) {
        bool ended = l->ended;
        int r = next_any(l, ret, e);

        if (r < 0)
            return r;
        if (r == 0 && ended)
            return at_end(l);
        if (r == 0) {
            check_end(l);
            if (l->ended)
                continue;
            return 0;
        }
        if (l->o.until_ns && ret->time_ns > l->o.until_ns)
            return -ENODATA; /* lines are in the order of time */
        if (ret->time_ns >= l->o.since_ns)
            return 1;
    }
}

static void limit(int *timeout_ms, long long ns)
{
    long long ms = ns <= 0 ? 0 : ns / MS + 1;

    if (*timeout_ms < 0 || ms < *timeout_ms)
        *timeout_ms = ms > INT_MAX ? INT_MAX : (int)ms;
}

int logs_wait_fds(struct logs *l, int ret_fds[2], int *ret_timeout_ms, struct err *e)
{
    ret_fds[0] = ret_fds[1] = -1;
    *ret_timeout_ms = -1;
    if (l->o.follow && !l->ended) {
        ret_fds[1] = l->monitor;
        if (l->monitor < 0)
            *ret_timeout_ms = NO_PIDFD_MS;
        if (l->o.until_ns)
            limit(ret_timeout_ms, l->o.until_ns - when_now());
    }
    if (l->journal) {
        ret_fds[0] = logs_journal_fd(l->journal);
        return 0;
    }
    return logchain_wait_fd(l->chain, &ret_fds[0], e);
}

bool logs_lost(struct logs *l)
{
    return l->chain && logchain_lost(l->chain);
}
