/* Theory of operation.
 *
 * Between probes there is a timer and nothing else. A probe is a child of the monitor's (the
 * prober) that enters the container, waits, judges and writes all down itself (probe.c): so a
 * hanging container hangs the prober, not the loop, and the memory it takes goes with it. Its end
 * is the end of a pipe, its result the exit status. One that has not even told that time is up is
 * killed, and a second prober only writes that down. */
#include "core/monitor/health.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/self.h"
#include "core/monitor/probe.h"

enum { HANG_MS = 5000, PROBER_LOST = 100 };

struct health {
    const struct watch *w;
    struct loop *loop;
    const struct healthcheck *check;
    pid_t prober;             /* 0: none */
    int done, done_handle;    /* end of file: the prober has ended */
    int timer;                /* the next probe, or the prober's last moment; -1 */
    bool starting;            /* no probe has succeeded, and no failure has counted */
    long long start_until_ms; /* of the start period */
};

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void begin_probe(struct health *h, bool hung);

static void on_due(void *arg)
{
    struct health *h = arg;

    h->timer = -1;
    begin_probe(h, false);
}

static void wait_for_next(struct health *h)
{
    bool start = h->starting && now_ms() < h->start_until_ms;
    long long ns = start ? h->check->start_interval_ns : h->check->interval_ns;

    h->timer = loop_timer(h->loop, ns < 1000000 ? 1 : ns / 1000000, on_due, h, NULL);
}

static void stop_timer(struct health *h)
{
    if (h->timer >= 0)
        loop_cancel(h->loop, h->timer);
    h->timer = -1;
}

/* ---- the prober ---- */

static void close_between(int first, int last)
{
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
        return;
    for (int fd = first; fd <= last && fd < 1 << 16; fd++) /* before 5.9 */
        close(fd);
}

/* The monitor's descriptors are not the prober's business: a pipe to the container that it kept
 * open would not end when the monitor closes it. Returns the store's. */
static int keep_only(int store, int done)
{
    int a = fcntl(store, F_DUPFD_CLOEXEC, 3);
    int b = a < 0 ? -1 : fcntl(done, F_DUPFD_CLOEXEC, a + 1);

    if (b < 0)
        _exit(PROBER_LOST);
    close_between(3, a - 1);
    close_between(a + 1, b - 1);
    close_between(b + 1, INT_MAX);
    return a;
}

static _Noreturn void probe(const struct health *h, int done, bool hung)
{
    struct store store = *h->w->store;
    struct record record = *h->w->record;
    const struct probe_job job = {
        .store = &store, .record = &record, .spec = h->w->spec, .check = h->check};
    sigset_t none;
    int r;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGHUP, SIG_DFL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    self_title("rctr: health check of a container");
    store.fd = keep_only(store.fd, done);
    store.tmp_fd = store.tmp_lock_fd = store.lock_fd = -1;
    record.dir_fd = -1;
    r = hung ? probe_hung(&job, NULL) : probe_run(&job, NULL);
    _exit(r < 0 ? PROBER_LOST : r);
}

static void act(struct health *h)
{
    const struct watch *w = h->w;

    switch (w->policy->unhealthy) {
    case POLICY_UNHEALTHY_NONE: break;
    case POLICY_UNHEALTHY_KILL: w->give_up(w->monitor, false, false); break;
    case POLICY_UNHEALTHY_RESTART: w->give_up(w->monitor, false, true); break;
    case POLICY_UNHEALTHY_STOP: w->give_up(w->monitor, true, false); break;
    }
}

static int end_prober(struct health *h)
{
    int status = 0;

    loop_remove(h->loop, h->done_handle);
    close(take_fd(&h->done));
    while (waitpid(h->prober, &status, 0) < 0 && errno == EINTR)
        continue;
    h->prober = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : PROBER_LOST;
}

static void on_done(void *arg, short revents)
{
    struct health *h = arg;
    int result;

    (void)revents;
    stop_timer(h);
    result = end_prober(h);
    if (result == PROBE_PASSED || result == PROBE_UNHEALTHY)
        h->starting = false;
    wait_for_next(h);
    if (result == PROBE_UNHEALTHY)
        act(h);
}

static void on_hang(void *arg)
{
    struct health *h = arg;

    h->timer = -1;
    (void)kill(h->prober, SIGKILL);
    (void)end_prober(h);
    begin_probe(h, true);
}

static void begin_probe(struct health *h, bool hung)
{
    int p[2];

    if (pipe2(p, O_CLOEXEC) < 0) {
        wait_for_next(h);
        return;
    }
    h->prober = fork();
    if (h->prober == 0)
        probe(h, p[1], hung);
    close(p[1]);
    h->done = p[0];
    h->done_handle = h->prober < 0 ? -1 : loop_add(h->loop, h->done, POLLIN, on_done, h, NULL);
    if (h->prober < 0 || h->done_handle < 0) { /* no processes or memory now: perhaps later */
        if (h->prober > 0) {
            (void)kill(h->prober, SIGKILL);
            (void)waitpid(h->prober, &(int){0}, 0);
        }
        h->prober = 0;
        close(take_fd(&h->done));
        wait_for_next(h);
        return;
    }
    h->timer = loop_timer(h->loop, h->check->timeout_ns / 1000000 + HANG_MS, on_hang, h, NULL);
}

int health_begin(const struct watch *w, bool resumed, struct health **ret, struct err *e)
{
    struct health *h;
    int r = 0;

    *ret = NULL;
    if (!probe_wanted(&w->policy->health))
        return 0;
    h = calloc(1, sizeof *h);
    if (!h)
        return err_memory(e);
    *h = (struct health){.w = w,
                         .loop = w->loop,
                         .check = &w->policy->health,
                         .done = -1,
                         .timer = -1,
                         .starting = !resumed,
                         .start_until_ms = now_ms() + w->policy->health.start_period_ns / 1000000};
    if (!resumed)
        r = probe_reset(w->store, w->record, e);
    if (h->check->interval_ns >= 0) /* "disable": only `rctr healthcheck run` asks */
        wait_for_next(h);
    *ret = h;
    return r;
}

void health_end(struct health *h)
{
    if (!h)
        return;
    stop_timer(h);
    if (h->prober > 0) {
        (void)kill(h->prober, SIGKILL);
        (void)end_prober(h);
    }
    free(h);
}
