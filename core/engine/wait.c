/* Theory of operation.
 *
 * A container's record is replaced by a rename whenever something of it changes, and its folder is
 * moved away when it is removed: inotify on the folder tells both without a look in between. The
 * one end that changes no record, the monitor being killed, is told by the monitor's pidfd. Only
 * where inotify is refused (its instances are counted per user) it is a look now and then. */
#include "core/engine/wait.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/near.h"
#include "storage/event.h"

enum { SETTLING_MS = 50 }; /* between two looks at one that is being started */

struct wait_watch {
    const struct store *store; /* borrowed */
    struct wait_options options;
    int inotify; /* -1: none */
};

static const struct {
    const char *name;
    unsigned bit;
} conditions[] = {
    {"stopped", WAIT_STOPPED}, {"exited", WAIT_EXITED},           {"configured", WAIT_CREATED},
    {"created", WAIT_CREATED}, {"initialized", WAIT_INITIALIZED}, {"running", WAIT_RUNNING},
    {"paused", WAIT_PAUSED},   {"removed", WAIT_REMOVED},         {"removing", WAIT_REMOVED},
    {"healthy", WAIT_HEALTHY}, {"unhealthy", WAIT_UNHEALTHY},
};

int wait_parse_condition(const char *text, unsigned *to, struct err *e)
{
    struct near n = {.word = text};

    for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
        near_offer(&n, conditions[i].name);
        if (strcmp(text, conditions[i].name) == 0) {
            *to |= conditions[i].bit;
            return 0;
        }
    }
    if (n.best)
        return err_set(e, EINVAL, "unknown container state: %s; did you mean %s?: invalid argument",
                       text, n.best);
    return err_set(e, EINVAL, "unknown container state: %s: invalid argument", text);
}

int wait_new(const struct store *s, const struct wait_options *o, struct wait_watch **ret,
             struct err *e)
{
    struct wait_watch *w = calloc(1, sizeof *w);

    if (!w)
        return err_memory(e);
    *w = (struct wait_watch){.store = s, .options = *o};
    if (!w->options.conditions)
        w->options.conditions = WAIT_STOPPED;
    w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    *ret = w;
    return 0;
}

void wait_free(struct wait_watch *w)
{
    if (w && w->inotify >= 0)
        close(w->inotify);
    free(w);
}

void wait_add(struct wait_watch *w, const struct record *r)
{
    autofree char *path = record_path(w->store, r);

    if (w->inotify < 0)
        return;
    if (path && inotify_add_watch(w->inotify, path,
                                  IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR) >= 0)
        return;
    if (errno == ENOENT)
        return; /* gone already: the next look finds that out */
    close(w->inotify);
    w->inotify = -1;
}

/* What was read until now is covered by the look that follows. */
static void drain(const struct wait_watch *w)
{
    char events[4096];

    while (w->inotify >= 0 && read(w->inotify, events, sizeof events) > 0)
        ;
}

static void sleep_until_news(const struct wait_watch *w, const struct record *r)
{
    struct pollfd p[2] = {{.fd = w->inotify, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    autofd int monitor = -1;
    int timeout = w->inotify < 0 ? w->options.interval_ms : -1;

    if (record_has_monitor(r->state) && proc_open(&r->monitor, &monitor, NULL) < 0)
        timeout = SETTLING_MS;
    if (r->state == RECORD_STARTING || r->state == RECORD_CREATING)
        timeout = SETTLING_MS; /* its starter may die without a word */
    p[1].fd = monitor;
    (void)poll(p, 2, timeout); /* EINTR: one look more */
}

static bool is_health(const struct record *r, const char *word)
{
    return r->state == RECORD_RUNNING && r->health && strcmp(r->health, word) == 0;
}

/* `first` is what the container was when the waiting began. */
static bool met(unsigned c, const struct record *first, const struct record *r)
{
    bool ended_between = record_has_monitor(first->state) && first->init.pid > 0 &&
                         record_has_monitor(r->state) && r->init.pid > 0 &&
                         (r->init.pid != first->init.pid || r->init.start != first->init.start);

    switch (r->state) {
    case RECORD_CREATING:
    case RECORD_STARTING: return false;
    case RECORD_CREATED: return c & (WAIT_CREATED | WAIT_STOPPED);
    case RECORD_INITIALIZED: return c & WAIT_INITIALIZED;
    case RECORD_RESTARTING: return c & WAIT_STOPPED;
    case RECORD_EXITED: return c & (WAIT_STOPPED | WAIT_EXITED);
    case RECORD_PAUSED:
        return c & WAIT_PAUSED || (ended_between && c & (WAIT_STOPPED | WAIT_EXITED));
    case RECORD_RUNNING:
        return c & WAIT_RUNNING || (ended_between && c & (WAIT_STOPPED | WAIT_EXITED)) ||
               (c & WAIT_HEALTHY && is_health(r, "healthy")) ||
               (c & WAIT_UNHEALTHY && is_health(r, "unhealthy"));
    }
    return false;
}

/* Waiting for its health makes sense only while it has one. */
static int check_health(unsigned c, const struct record *r, struct err *e)
{
    if (c & ~(WAIT_HEALTHY | WAIT_UNHEALTHY))
        return 0;
    if (r->state == RECORD_EXITED)
        return err_set(e, ESRCH, "container %s ended before its health was told", r->name);
    if (r->state == RECORD_RUNNING && !r->health)
        return err_set(e, EINVAL, "container %s has no health check", r->name);
    return 0;
}

static int code_of(const struct record *r)
{
    return r->state == RECORD_CREATED ? 0 : r->exit_code;
}

/* Its folder is gone, as with --rm: its monitor has left the status among the events. */
static int code_of_removed(const struct store *s, const char *id)
{
    autoevents struct event_reader *events = NULL;
    int code = -1;

    if (event_open(s, &events, NULL) < 0)
        return -1;
    for (;;) {
        autojson json_t *j = NULL;
        const char *action = NULL, *who = NULL, *told = NULL;

        if (event_next(events, &j, NULL) < 0)
            return code;
        if (json_unpack(j, "{s:s, s:{s:s, s:{s:s}}}", "Action", &action, "Actor", "ID", &who,
                        "Attributes", "exitCode", &told) == 0 &&
            strcmp(action, "die") == 0 && strcmp(who, id) == 0)
            code = atoi(told);
    }
}

/* One look. 1: there is nothing (any more). */
static int look(struct wait_watch *w, struct record *r, struct err *e)
{
    autorecord struct record fresh = {.dir_fd = -1};
    int n = record_load(w->store, r->id, &fresh, e);

    if (n == 0)
        n = record_settle(w->store, &fresh, e);
    if (n == -ENOENT)
        return 1;
    if (n < 0)
        return n;
    record_free(r);
    *r = fresh;
    fresh = (struct record){.dir_fd = -1};
    return 0;
}

int wait_for(struct wait_watch *w, struct record *r, int *ret_code, struct err *e)
{
    unsigned c = w->options.conditions;
    struct record first = {.state = r->state, .init = r->init, .started_ns = r->started_ns};

    for (;;) {
        int n;

        drain(w);
        n = look(w, r, e);
        if (n < 0)
            return n;
        if (n == 1) {
            *ret_code = r->state == RECORD_EXITED ? r->exit_code : code_of_removed(w->store, r->id);
            return 0;
        }
        if (met(c, &first, r)) {
            *ret_code = code_of(r);
            return 0;
        }
        n = check_health(c, r, e);
        if (n < 0)
            return n;
        sleep_until_news(w, r);
    }
}
