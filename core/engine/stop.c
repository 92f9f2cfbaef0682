/* Theory of operation.
 *
 * A command does not end a container; its monitor does, when the container's first process has
 * gone. So to stop is: say in the record that this end is wanted (or the restart policy would act),
 * send the stop signal to the first process, and wait for the *monitor's* end, for then the end is
 * on disk. When the grace is over, SIGKILL. All containers go through these steps side by side: a
 * hundred take as long as the slowest one.
 *
 * The record is marked before the process is looked up. So either the monitor sees the mark when it
 * decides about a restart, or it had decided before, and then the record already names the pause
 * ("restarting") or the new process. In the pause SIGUSR1 makes it look again. */
#include "core/engine/stop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/engine/pause.h"
#include "core/runtime/limits.h"
#include "storage/event.h"

enum {
    KILL_PATIENCE_MS = 10000, /* from SIGKILL to the end of the monitor */
    START_PATIENCE_MS = 20000,
    MONITOR_LEAD_MS = 500, /* its monitor kills it when its grace is over; then we do */
    BLIND_MS = 20,         /* between two looks where there are no pidfds (Linux before 5.3) */
    LOOK_MS = 100,         /* between two looks at a record that is about to change */
    FDS_SPARE = 40,        /* descriptors that are needed for other things */
};

/* A container on its way. */
struct way {
    struct stop_item *item;
    struct proc_id monitor, init;
    int monitor_fd; /* pidfd; -1: ended, or not known by a pidfd */
    bool waiting;
    bool killed;
    long long due_ms; /* SIGKILL, or the end of patience after it */
};

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int stop_signal(const struct record *r)
{
    int signo = SIGTERM;

    if (r->stop_signal && limits_parse_signal(r->stop_signal, &signo, NULL) < 0)
        signo = SIGTERM;
    return signo;
}

static long long grace_ms(const struct stop_item *i)
{
    long long s = i->grace_s;

    if (s == STOP_GRACE_OWN)
        s = i->record->stop_timeout_s >= 0 ? i->record->stop_timeout_s : STOP_GRACE_S;
    return s > LLONG_MAX / 4000 ? LLONG_MAX / 4 : s * 1000;
}

/* ---- the record ---- */

static bool begins(const struct record *r)
{
    return r->state == RECORD_STARTING || r->state == RECORD_CREATING;
}

bool stop_is_needed(const struct record *r)
{
    return record_has_monitor(r->state) || begins(r);
}

/* record_change: this end is wanted. */
static int mark(void *arg, struct record *r, struct err *e)
{
    const struct stop_item *i = arg;
    bool rm = i->then == STOP_THEN_RULE ? r->rm : i->then == STOP_THEN_REMOVE;

    (void)e;
    if (r->state == RECORD_CREATING || !stop_is_needed(r)) /* the former is its maker's alone */
        return 1;
    if ((r->stopped_by_user || i->host_goes_down) && r->rm == rm)
        return 1;
    r->stopped_by_user = r->stopped_by_user || !i->host_goes_down;
    r->rm = rm;
    return 0;
}

/* The full disk must not keep a container running. */
static bool disk_refuses(int r)
{
    return r == -ENOSPC || r == -EDQUOT || r == -EROFS;
}

static void finish(const struct store *s, struct way *w)
{
    struct stop_item *i = w->item;
    int r;

    w->waiting = false;
    r = record_update(s, i->record, NULL, NULL, &i->why);
    if (r == 0)
        r = record_settle(s, i->record, &i->why);
    if (r == -ENOENT) {
        i->gone = true;
        r = 0;
    }
    i->result = r;
}

static void fail(struct way *w, int r)
{
    w->waiting = false;
    w->item->result = r;
}

/* ---- signals ---- */

static void send(const struct proc_id *id, int signo)
{
    autofd int fd = -1;
    int r = id->pid > 0 ? proc_open(id, &fd, NULL) : -ESRCH;

    if (r == 0)
        (void)proc_signal(fd, id->pid, signo);
    else if (r == -ENOSYS && proc_alive(id))
        (void)proc_signal(-1, id->pid, signo);
}

static void signal_kill(struct way *w)
{
    send(&w->init, SIGKILL);
    pause_release(w->item->record); /* a freezer of cgroup v1 holds back even that */
    w->killed = true;
    w->due_ms = now_ms() + KILL_PATIENCE_MS;
}

/* The first signal; the grace begins. */
static void signal_stop(struct way *w)
{
    const struct record *r = w->item->record;
    long long grace = grace_ms(w->item);

    w->monitor = r->monitor;
    w->init = r->init;
    if (r->state == RECORD_RESTARTING)
        send(&w->monitor, SIGUSR1);
    if (grace == 0 || r->state == RECORD_INITIALIZED) {
        if (w->item->host_goes_down)
            send(&w->monitor, SIGTERM);
        signal_kill(w);
        return;
    }
    if (w->item->host_goes_down) /* it stops the container in its own way, and restarts nothing */
        send(&w->monitor, SIGTERM);
    else
        send(&w->init, w->item->signo ? w->item->signo : stop_signal(r));
    if (!w->item->host_goes_down)
        pause_release(r); /* what stands still cannot take leave */
    w->due_ms = now_ms() + grace + (w->item->host_goes_down ? MONITOR_LEAD_MS : 0);
}

/* Its monitor had decided to restart it before the mark was there: the new process has to hear. */
static void look_again(const struct store *s, struct way *w)
{
    autorecord struct record r = {.dir_fd = -1};

    if (record_load(s, w->item->record->id, &r, NULL) < 0)
        return;
    if (r.init.pid == w->init.pid && r.init.start == w->init.start &&
        r.state == w->item->record->state)
        return;
    record_free(w->item->record);
    *w->item->record = r;
    r = (struct record){.dir_fd = -1};
    if (record_has_monitor(w->item->record->state))
        signal_stop(w);
}

/* ---- beginning ---- */

/* One that another command starts (or makes, with `run`) just now is stopped when it runs. */
static int await_start(const struct store *s, struct record *r, struct err *e)
{
    long long end = now_ms() + START_PATIENCE_MS;
    int n = 0;

    while (n == 0 && begins(r)) {
        if (now_ms() > end)
            return err_set(e, EBUSY,
                           "container %s is being started by process %d, which does not get on",
                           r->name, (int)r->creator.pid);
        usleep(2000);
        n = record_update(s, r, NULL, NULL, e);
        if (n == 0)
            n = record_settle(s, r, e);
    }
    return n;
}

/* *ret_unmarked: the mark could not be written. */
static int set_mark(const struct store *s, struct stop_item *i, bool *ret_unmarked)
{
    int r;

    for (;;) {
        r = record_update(s, i->record, mark, i, &i->why);
        *ret_unmarked = disk_refuses(r);
        if (*ret_unmarked)
            r = record_update(s, i->record, NULL, NULL, &i->why);
        if (r == 0)
            r = record_settle(s, i->record, &i->why);
        if (r < 0 || !begins(i->record))
            return r;
        r = await_start(s, i->record, &i->why);
        if (r < 0)
            return r;
    }
}

static void begin(const struct store *s, struct way *w)
{
    struct stop_item *i = w->item;
    bool unmarked;
    int r = set_mark(s, i, &unmarked);

    if (r == -ENOENT) {
        i->gone = true;
        return;
    }
    if (r < 0) {
        fail(w, r);
        return;
    }
    if (!record_has_monitor(i->record->state))
        return;
    i->ran = true;
    r = proc_open(&i->record->monitor, &w->monitor_fd, NULL);
    w->waiting = true;
    if (r < 0 && r != -ENOSYS) {
        finish(s, w);
        return;
    }
    signal_stop(w);
    if (unmarked) /* what could not be written it must be told: no restart */
        send(&w->monitor, SIGTERM);
}

/* ---- the end ---- */

static bool ended(const struct way *w, const struct pollfd *p)
{
    return w->monitor_fd >= 0 ? p->revents != 0 : !proc_alive(&w->monitor);
}

static int hangs(const struct record *r, const struct proc_id *monitor, struct err *e)
{
    return err_set(e, EBUSY,
                   "container %s does not end although it was killed: one of its processes hangs "
                   "in the kernel, or its monitor (process %d) is stopped",
                   r->name, (int)monitor->pid);
}

static void check(const struct store *s, struct way *w, const struct pollfd *p)
{
    if (ended(w, p)) {
        finish(s, w);
        return;
    }
    if (now_ms() >= w->due_ms && w->killed) {
        fail(w, hangs(w->item->record, &w->monitor, &w->item->why));
        return;
    }
    if (now_ms() >= w->due_ms) {
        w->item->forced = true;
        signal_kill(w);
    }
    if (w->item->record->state == RECORD_RESTARTING)
        look_again(s, w);
}

/* How long may poll sleep? */
static int pause_ms(const struct way *v, size_t n)
{
    long long now = now_ms(), least = INT_MAX;

    for (size_t i = 0; i < n; i++) {
        long long left = v[i].due_ms - now;

        if (!v[i].waiting)
            continue;
        if (v[i].monitor_fd < 0 && left > BLIND_MS)
            left = BLIND_MS;
        if (v[i].item->record->state == RECORD_RESTARTING && left > LOOK_MS)
            left = LOOK_MS;
        if (left < least)
            least = left;
    }
    return least < 0 ? 0 : (int)least;
}

static void wait_for_all(const struct store *s, struct way *v, struct pollfd *p, size_t n)
{
    for (;;) {
        size_t left = 0;

        for (size_t i = 0; i < n; i++) {
            p[i] = (struct pollfd){.fd = v[i].waiting ? v[i].monitor_fd : -1, .events = POLLIN};
            left += v[i].waiting;
        }
        if (left == 0)
            return;
        (void)poll(p, n, pause_ms(v, n)); /* EINTR: nothing is readable, another round */
        for (size_t i = 0; i < n; i++)
            if (v[i].waiting)
                check(s, &v[i], &p[i]);
    }
}

/* A descriptor for each container, and each record keeps its folder open. */
static size_t batch_size(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) < 0)
        return 100;
    if (l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &l);
        (void)getrlimit(RLIMIT_NOFILE, &l);
    }
    if (l.rlim_cur < 4 * FDS_SPARE)
        return 1;
    return l.rlim_cur > 100000 ? 50000 : (l.rlim_cur - FDS_SPARE) / 2;
}

static void stop_batch(const struct store *s, struct stop_item *v, size_t n)
{
    autofree struct way *ways = calloc(n, sizeof *ways);
    autofree struct pollfd *p = calloc(n, sizeof *p);

    for (size_t i = 0; i < n; i++) {
        if (!ways || !p) {
            v[i].result = err_memory(&v[i].why);
            continue;
        }
        ways[i] = (struct way){.item = &v[i], .monitor_fd = -1};
        begin(s, &ways[i]);
    }
    if (!ways || !p)
        return;
    wait_for_all(s, ways, p, n);
    for (size_t i = 0; i < n; i++)
        if (ways[i].monitor_fd >= 0)
            close(ways[i].monitor_fd);
}

int stop_all(const struct store *s, struct stop_item *v, size_t n)
{
    size_t most = batch_size();
    int r = 0;

    for (size_t i = 0; i < n; i++) {
        v[i].result = 0;
        v[i].ran = v[i].forced = v[i].gone = false;
    }
    for (size_t i = 0; i < n; i += most)
        stop_batch(s, v + i, n - i < most ? n - i : most);
    for (size_t i = 0; i < n; i++) {
        if (v[i].result < 0)
            r = v[i].result;
        else if (v[i].ran && v[i].then != STOP_THEN_REMOVE)
            event_container(s, v[i].record, "stop", NULL, NULL);
    }
    return r;
}

/* ---- kill ---- */

struct killing {
    int signo;
};

/* record_change: refuses by state, marks an end that is wanted. */
static int mark_kill(void *arg, struct record *r, struct err *e)
{
    const struct killing *k = arg;

    if (r->state != RECORD_RUNNING && r->state != RECORD_PAUSED && r->state != RECORD_RESTARTING)
        return err_set(e, EBUSY,
                       "can only kill running containers. %s is in state %s: container state "
                       "improper",
                       r->id, record_state_name(r->state));
    if ((k->signo != SIGKILL && k->signo != stop_signal(r)) || r->stopped_by_user)
        return 1;
    r->stopped_by_user = true;
    return 0;
}

int stop_kill(const struct store *s, struct record *r, int signo, struct err *e)
{
    struct killing k = {.signo = signo};
    char number[12];
    int n = record_settle(s, r, e);

    if (n == 0)
        n = record_update(s, r, mark_kill, &k, e);
    if (disk_refuses(n))
        n = 0; /* the signal needs no space */
    if (n < 0)
        return n;
    snprintf(number, sizeof number, "%d", signo);
    event_container(s, r, "kill", "signal", number);
    if (r->state == RECORD_RESTARTING)
        send(&r->monitor, SIGUSR1);
    else
        send(&r->init, signo);
    if (signo == SIGKILL || signo == stop_signal(r))
        pause_release(r);
    return 0;
}

int stop_await_killed(const struct record *r, struct err *e)
{
    long long end = now_ms() + KILL_PATIENCE_MS;
    autofd int fd = -1;
    int n = proc_open(&r->monitor, &fd, NULL);

    if (n < 0 && n != -ENOSYS)
        return 0; /* it is not there any more */
    while (fd >= 0 || proc_alive(&r->monitor)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        long long left = end - now_ms();

        if (left <= 0)
            return hangs(r, &r->monitor, e);
        if (poll(&p, 1, fd < 0 && left > BLIND_MS ? BLIND_MS : (int)left) > 0)
            return 0;
    }
    return 0;
}
