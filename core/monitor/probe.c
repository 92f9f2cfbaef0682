/* Theory of operation.
 *
 * The program is entered supervised: a process of ours beside it in the container inherits what its
 * descendants leave behind, so that all of them hang below it and can be killed when time is up,
 * whatever sessions they made (enter_kill). Both outputs come through one pipe; the first
 * PROBE_OUTPUT_MAX bytes are kept, the rest is read and dropped. The pipe may outlive the program
 * in somebody's hands; the program's end ends the probe.
 *
 * What is written is written under the record's lock, and only when the record still speaks of the
 * life that was asked. */
#include "core/monitor/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/when.h"
#include "core/runtime/enter.h"
#include "storage/event.h"

enum { HEALTH_FILE_MAX = 1 << 20, TICK_MS = 20 };

struct probe {
    const struct probe_job *job;
    long long start_ns, end_ns;
    int code; /* of the program; -1: see the header */
    struct text output;
    enum probe_result result;
};

bool probe_wanted(const struct healthcheck *h)
{
    return h->test.n > 0 && strcmp(h->test.v[0], "NONE") != 0 &&
           (h->test.n > 1 ||
            (strcmp(h->test.v[0], "CMD") != 0 && strcmp(h->test.v[0], "CMD-SHELL") != 0));
}

/* ---- running it ---- */

/* ["CMD", program, …], ["CMD-SHELL", text]; podman's lists may do without the word. */
static int make_args(const struct healthcheck *h, struct strv *ret, struct err *e)
{
    bool shell = strcmp(h->test.v[0], "CMD-SHELL") == 0;
    size_t first = shell || strcmp(h->test.v[0], "CMD") == 0 ? 1 : 0;
    int r = 0;

    if (shell) {
        r = strv_add(ret, "/bin/sh", e);
        if (r == 0)
            r = strv_add(ret, "-c", e);
    }
    for (size_t i = first; i < h->test.n && r == 0; i++)
        r = strv_add(ret, h->test.v[i], e);
    return r;
}

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void listen_to(struct probe *p, int *fd)
{
    char buf[PROBE_OUTPUT_MAX];
    ssize_t n = read(*fd, buf, sizeof buf);

    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
        close(take_fd(fd));
    if (n > 0 && p->output.n < PROBE_OUTPUT_MAX) {
        size_t room = PROBE_OUTPUT_MAX - p->output.n;

        text_add_n(&p->output, buf, (size_t)n < room ? (size_t)n : room);
    }
}

static bool has_ended(const struct enter_running *run, int *ret_status)
{
    return waitpid(run->pid, ret_status, WNOHANG) == run->pid;
}

/* Until the program ends or its time is up: false. */
static bool follow(struct probe *p, const struct enter_running *run, int out, long long until_ms)
{
    int status = 0;

    for (bool ended = false; !ended;) {
        long long left = until_ms - now_ms();
        struct pollfd f[2] = {{.fd = out, .events = POLLIN}, {.fd = run->pidfd, .events = POLLIN}};

        if (left <= 0) {
            close(out);
            return false;
        }
        if (run->pidfd < 0 && left > TICK_MS) /* before kernel 5.3 */
            left = TICK_MS;
        (void)poll(f, 2, left > 1000000 ? 1000000 : (int)left);
        ended = has_ended(run, &status);
        if (f[0].revents)
            listen_to(p, &out);
    }
    /* What is still in the pipe was said before the end. */
    for (int i = 0; i < 16 && out >= 0; i++) {
        struct pollfd f = {.fd = out, .events = POLLIN};

        if (poll(&f, 1, 0) <= 0)
            break;
        listen_to(p, &out);
    }
    if (out >= 0)
        close(out);
    p->code = proc_status(status);
    return true;
}

static void say_timeout(struct probe *p)
{
    char buf[WHEN_MAX];

    p->code = -1;
    text_free(&p->output);
    text_addf(&p->output, "Health check exceeded timeout (%s)",
              when_format_duration(p->job->check->timeout_ns, buf));
}

/* Returns a failure only when it could not be run. */
static int run(struct probe *p, struct err *e)
{
    struct spec spec = *p->job->spec; /* its parts stay the job's */
    struct enter_job job = {.spec = &spec,
                            .init = &p->job->record->init,
                            .cgroup = p->job->record->cgroup,
                            .stdio = {-1, -1, -1},
                            .die_with_caller = true,
                            .supervise = true};
    struct enter_running running = ENTER_NOT_RUNNING;
    long long until_ms = now_ms() + p->job->check->timeout_ns / 1000000;
    struct strv args = {0};
    int out[2], r = make_args(p->job->check, &args, e);

    spec.args = args;
    spec.tty = false;
    if (r == 0 && pipe2(out, O_CLOEXEC) < 0)
        r = err_sys(e, "cannot make a pipe");
    if (r == 0) {
        job.stdio[1] = job.stdio[2] = out[1];
        r = enter_start(&job, &running, e);
        close(out[1]);
        if (r < 0)
            close(out[0]);
    }
    strv_free(&args);
    if (r < 0)
        return r;
    if (!follow(p, &running, out[0], until_ms)) {
        enter_kill(&running);
        (void)proc_wait(running.pid, &(int){0}, NULL);
        say_timeout(p);
    }
    enter_close(&running);
    return 0;
}

/* ---- writing it down ---- */

static json_t *entry_json(const struct probe *p)
{
    char start[WHEN_MAX], end[WHEN_MAX];
    json_t *o = json_object();
    const char *text = p->output.s ? p->output.s : "";
    json_t *output = json_stringn(text, p->output.n);

    if (!output) { /* not UTF-8 */
        autotext struct text plain = {0};

        for (size_t i = 0; i < p->output.n; i++)
            text_add_n(&plain, (unsigned char)text[i] < 0x80 ? &text[i] : "?", 1);
        output = json_stringn(plain.s ? plain.s : "", plain.n);
    }
    json_object_set_new(o, "Start", json_string(when_format(p->start_ns, start)));
    json_object_set_new(o, "End", json_string(when_format(p->end_ns, end)));
    json_object_set_new(o, "ExitCode", json_integer(p->code));
    json_object_set_new(o, "Output", output);
    return o;
}

static int save_log(const struct store *s, struct record *r, const struct probe *p, struct err *e)
{
    autojson json_t *old = NULL;
    autojson json_t *doc = json_object();
    json_t *log = json_array();
    const json_t *before;
    autofree char *text = NULL;
    int dir = -1, code = record_folder(s, r, &dir, e);

    json_object_set_new(doc, "Status", json_string(r->health ? r->health : ""));
    json_object_set_new(doc, "FailingStreak", json_integer(r->health_streak));
    json_object_set_new(doc, "Log", log);
    if (code < 0)
        return code;
    if (p && jsonx_load(dir, "health.json", HEALTH_FILE_MAX, &old, NULL) == 0) {
        before = json_object_get(old, "Log");
        for (size_t i = 0, n = json_array_size(before); i < n; i++)
            if (i + PROBE_LOG_MAX > n)
                json_array_append(log, json_array_get(before, i));
    }
    if (p)
        json_array_append_new(log, entry_json(p));
    text = jsonx_dump(doc, 0);
    return text ? file_replace(dir, "health.json", text, strlen(text), 0600, false, e)
                : err_memory(e);
}

static int set_health(struct record *r, const char *word, struct err *e)
{
    char *copy = strdup(word);

    if (!copy)
        return err_memory(e);
    free(r->health);
    r->health = copy;
    return 0;
}

struct note {
    struct probe *p;
    bool changed;
};

static bool in_start_period(const struct probe *p, const struct record *r)
{
    return strcmp(r->health ? r->health : "", "starting") == 0 &&
           p->start_ns - r->started_ns < p->job->check->start_period_ns;
}

/* docker's rules: a failure in the start period does not count; a success ends that period. */
static const char *judge(struct probe *p, struct record *r)
{
    const char *now = r->health ? r->health : "starting";

    if (p->code == 0) {
        r->health_streak = 0;
        p->result = PROBE_PASSED;
        return "healthy";
    }
    p->result = PROBE_FAILED;
    if (in_start_period(p, r))
        return "starting";
    r->health_streak++;
    if (r->health_streak < p->job->check->retries)
        return now;
    p->result = PROBE_UNHEALTHY;
    return "unhealthy";
}

static int write_down(void *arg, struct record *r, struct err *e)
{
    struct note *n = arg;
    const struct record *asked = n->p->job->record;
    int streak = r->health_streak, code = 0;
    const char *word;

    if (r->init.pid != asked->init.pid || r->init.start != asked->init.start)
        return err_set(e, ESRCH, "container %s has ended", r->name);
    word = judge(n->p, r);
    n->changed = !r->health || strcmp(r->health, word) != 0;
    if (n->changed)
        code = set_health(r, word, e);
    if (code == 0)
        code = save_log(n->p->job->store, r, n->p, e);
    return code < 0 ? code : !n->changed && streak == r->health_streak;
}

static int book(struct probe *p, struct err *e)
{
    struct note n = {.p = p};
    struct record *r = p->job->record;
    int code = record_update(p->job->store, r, write_down, &n, e);

    if (code == 0 && n.changed)
        event_container(p->job->store, r, "health_status", "health_status", r->health);
    return code < 0 ? code : (int)p->result;
}

int probe_run(const struct probe_job *j, struct err *e)
{
    struct probe p = {.job = j, .start_ns = when_now()};
    struct err why;
    int r = run(&p, &why);

    if (r == -ESRCH) {
        if (e)
            *e = why;
        return r;
    }
    if (r < 0) {
        p.code = why.status ? why.status : -1;
        text_add(&p.output, why.text);
    }
    p.end_ns = when_now();
    r = book(&p, e);
    text_free(&p.output);
    return r;
}

int probe_hung(const struct probe_job *j, struct err *e)
{
    struct probe p = {.job = j, .end_ns = when_now()};
    int r;

    p.start_ns = p.end_ns - j->check->timeout_ns;
    say_timeout(&p);
    r = book(&p, e);
    text_free(&p.output);
    return r;
}

static int start_anew(void *arg, struct record *r, struct err *e)
{
    int code = set_health(r, "starting", e);

    r->health_streak = 0;
    return code < 0 ? code : save_log(arg, r, NULL, e);
}

int probe_reset(const struct store *s, struct record *r, struct err *e)
{
    return record_update(s, r, start_anew, (void *)(uintptr_t)s, e);
}
