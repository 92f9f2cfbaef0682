#include "core/monitor/book.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/proc.h"
#include "core/runtime/cgroup.h"
#include "core/runtime/cgroup_json.h"
#include "storage/volume_use.h"

struct entry {
    struct book *b;
    pid_t init;
    int status;
    const struct err *why;
};

static long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* A monitor dies with its starter until the record says that the container runs: a killed `run`
 * leaves none. */
void book_open(struct book *b, const struct store *s, struct record *r)
{
    *b = (struct book){.store = s,
                       .record = r,
                       .starter = r->creator.pid,
                       .is_new = r->state == RECORD_CREATING,
                       .has_run = false};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int starter_is_gone(const struct record *r, struct err *e)
{
    return err_set(e, ECANCELED, "whoever started container %s is gone", r->name);
}

/* A name is given to the descriptor-like fields that only the starter's copy has. */
static int keep_driver(const struct book *b, struct record *r, struct err *e)
{
    if (r->driver || !b->record->driver)
        return 0;
    r->driver = strdup(b->record->driver);
    return r->driver ? 0 : err_memory(e);
}

static int keep_cgroup(const struct book *b, struct record *r, struct err *e)
{
    free(r->cgroup);
    r->cgroup = b->cgroup ? strdup(b->cgroup) : NULL;
    return b->cgroup && !r->cgroup ? err_memory(e) : 0;
}

/* `rctr update` may have written other limits since they were read. */
static int read_limits(const struct book *b, struct cgroup_ask *ret, struct err *e)
{
    autojson json_t *config = NULL;
    int dir = -1, r = record_folder(b->store, b->record, &dir, e);

    if (r == 0)
        r = jsonx_load(dir, "config.json", RECORD_CONFIG_MAX, &config, e);
    return r < 0 ? r : cgroup_json_parse(config, ret, e);
}

static int set_cgroup(void *arg, struct record *r, struct err *e)
{
    free(r->cgroup);
    r->cgroup = strdup(arg);
    return r->cgroup ? 0 : err_memory(e);
}

/* Whoever finds us killed removes it. */
static int promise(void *arg, const char *place, struct err *e)
{
    const struct book *b = arg;
    autofree char *copy = strdup(place);

    return copy ? record_update(b->store, b->record, set_cgroup, copy, e) : err_memory(e);
}

int book_enter_cgroup(struct book *b, const struct cgroup_ask *ask, pid_t init, struct err *e)
{
    struct cgroup_ask now = {0};
    const struct cgroup_job job = {.ask = b->has_run ? &now : ask,
                                   .id = b->record->id,
                                   .pid = init,
                                   .promise = promise,
                                   .arg = b};
    int r = b->has_run ? read_limits(b, &now, e) : 0;

    if (r == 0)
        r = cgroup_make(&job, &b->cgroup, e);
    cgroup_ask_free(&now);
    return r;
}

void book_leave_cgroup(struct book *b)
{
    b->oom_killed = cgroup_oom_kills(b->cgroup) > 0;
    (void)cgroup_remove(b->cgroup, NULL); /* systemd removes what is left of a scope of its own */
    free(b->cgroup);
    b->cgroup = NULL;
}

static int set_cloned(void *arg, struct record *r, struct err *e)
{
    const struct entry *n = arg;
    int code;

    /* It may have been settled by somebody who found the starter dead. */
    if (n->b->starter && ((r->state != RECORD_CREATING && r->state != RECORD_STARTING) ||
                          getppid() != n->b->starter))
        return starter_is_gone(r, e);
    code = proc_identify(getpid(), &r->monitor, e);
    if (code == 0)
        code = proc_identify(n->init, &r->init, e);
    r->oom_killed = false;
    if (code == 0)
        code = keep_cgroup(n->b, r, e);
    return code == 0 ? keep_driver(n->b, r, e) : code;
}

int book_cloned(struct book *b, pid_t init, struct err *e)
{
    struct entry n = {.b = b, .init = init};

    return record_update(b->store, b->record, set_cloned, &n, e);
}

/* The parent may have died before the first prctl, too; it is another one then. */
static int leave_starter(struct book *b, struct err *e)
{
    pid_t starter = b->starter;

    if (!starter)
        return 0;
    (void)prctl(PR_SET_PDEATHSIG, 0);
    b->starter = 0;
    return getppid() == starter ? 0 : starter_is_gone(b->record, e);
}

static int set_held(void *arg, struct record *r, struct err *e)
{
    (void)arg;
    (void)e;
    r->state = RECORD_INITIALIZED;
    r->creator = (struct proc_id){0};
    return 0;
}

int book_held(struct book *b, struct err *e)
{
    int code = leave_starter(b, e);

    return code < 0 ? code : record_update(b->store, b->record, set_held, NULL, e);
}

/* Nobody may take the last life's health for this one's. */
static int reset_health(struct record *r, struct err *e)
{
    if (!r->health)
        return 0;
    free(r->health);
    r->health = strdup("starting");
    r->health_streak = 0;
    return r->health ? 0 : err_memory(e);
}

static void keep_reason(struct record *r, const struct err *why)
{
    free(r->error);
    r->error = why ? strdup(why->text) : NULL;
}

static int set_running(void *arg, struct record *r, struct err *e)
{
    (void)arg;
    r->state = RECORD_RUNNING;
    r->started_ns = now_ns();
    r->creator = (struct proc_id){0};
    keep_reason(r, NULL); /* why the last try failed */
    return reset_health(r, e);
}

int book_running(struct book *b, struct err *e)
{
    int code = leave_starter(b, e);

    if (code == 0)
        code = record_update(b->store, b->record, set_running, NULL, e);
    if (code == 0)
        b->has_run = true;
    return code;
}

static int set_resting(void *arg, struct record *r, struct err *e)
{
    const struct entry *n = arg;

    r->state = RECORD_RESTARTING;
    r->oom_killed = n->b->oom_killed;
    (void)keep_cgroup(n->b, r, e);
    r->restart_count++; /* the try that comes, whether it begins or not */
    r->exit_code = n->status;
    r->finished_ns = now_ns();
    r->init = (struct proc_id){0};
    return 0;
}

int book_resting(struct book *b, int status, struct err *e)
{
    struct entry n = {.b = b, .status = status};

    return record_update(b->store, b->record, set_resting, &n, e);
}

static int set_failed(void *arg, struct record *r, struct err *e)
{
    const struct entry *n = arg;

    (void)keep_cgroup(n->b, r, e);
    r->state = r->started_ns ? RECORD_EXITED : RECORD_CREATED;
    r->monitor = r->init = r->creator = (struct proc_id){0};
    if (n->why->status)
        r->exit_code = n->why->status;
    keep_reason(r, n->why);
    return 0;
}

void book_failed(struct book *b, const struct err *why)
{
    struct entry n = {.b = b, .why = why};
    struct err lost; /* the first failure is told */

    if ((b->is_new && b->record->state == RECORD_CREATING) ||
        (record_update(b->store, b->record, set_failed, &n, &lost) == 0 && b->record->rm)) {
        (void)record_remove(b->store, b->record, &lost);
        (void)volume_use_release(b->store, b->record, &lost);
    }
}

static int set_end(void *arg, struct record *r, struct err *e)
{
    const struct entry *n = arg;

    if (r->state != RECORD_RESTARTING) /* else that is when it ended */
        r->finished_ns = now_ns();
    r->state = RECORD_EXITED;
    r->oom_killed = n->b->oom_killed;
    (void)keep_cgroup(n->b, r, e);
    r->exit_code = n->status;
    r->monitor = r->init = r->creator = (struct proc_id){0};
    if (n->why)
        keep_reason(r, n->why);
    return 0;
}

int book_end(struct book *b, int status, const struct err *why, char ret_gone[NAME_MAX],
             struct err *e)
{
    struct entry n = {.b = b, .status = status, .why = why};
    int code = record_update(b->store, b->record, set_end, &n, e);

    ret_gone[0] = 0;
    if (code == 0 && b->record->rm)
        code = record_set_aside(b->store, b->record, ret_gone, e);
    if (code == 0 && b->record->rm && b->record->volumes.n)
        code = volume_use_release(b->store, b->record, e);
    return code;
}

int book_look(struct book *b, struct err *e)
{
    return record_update(b->store, b->record, NULL, NULL, e);
}
