#include "core/build/build_crew.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/proc.h"

enum { CREW_MAX = 16, MESSAGE_MAX = 1 << 20, TICK_MS = 100 };

/* What a worker writes into its pipe: this, the text with its NUL, the bytes. */
struct message {
    bool last; /* the end of the stage: `result`, `why` */
    int result;
    struct err why;
    struct build_event event; /* its pointers mean nothing */
    size_t text_n;
};

struct worker {
    size_t stage;
    pid_t pid; /* 0: this place is free */
    int fd;
    struct text got;
    bool ended;
    int result;
    struct err why;
};

struct crew {
    struct build *b;
    struct worker v[CREW_MAX];
    size_t places, busy;
    bool *begun; /* one for each stage */
};

/* ---- in a worker ---- */

static void send_message(int fd, struct message *m, const char *text, const char *bytes, size_t n)
{
    m->text_n = text ? strlen(text) + 1 : 0;
    if (file_write_fd(fd, m, sizeof *m, NULL) < 0 ||
        (text && file_write_fd(fd, text, m->text_n, NULL) < 0) ||
        (n && file_write_fd(fd, bytes, n, NULL) < 0))
        _exit(1); /* nobody listens: the build has ended */
}

static void pass_event(void *arg, const struct build_event *ev)
{
    struct message m = {.event = *ev};

    if (ev->phase == BUILD_TICK) /* the parent has a clock of its own */
        return;

    send_message(*(const int *)arg, &m, ev->text, ev->bytes, ev->n);
}

static _Noreturn void work(struct build *b, size_t stage, int fd)
{
    struct build_request q = *b->q;
    struct message m = {.last = true};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    q.event = pass_event;
    q.arg = &fd;
    b->q = &q;
    m.result = build_from_stage(b, stage, &m.why);
    file_digest_close(b->digests); /* what was read need not be read by the parent */
    send_message(fd, &m, NULL, NULL, 0);
    _exit(0);
}

/* ---- in the parent ---- */

static int start(struct crew *c, size_t stage, struct err *e)
{
    struct worker *w = c->v;
    int ends[2];

    while (w->pid)
        w++;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    *w = (struct worker){.stage = stage, .fd = ends[0]};
    w->pid = fork();
    if (w->pid == 0) {
        close(ends[0]);
        work(c->b, stage, ends[1]);
    }
    close(ends[1]);
    if (w->pid < 0) {
        w->pid = 0;
        close(ends[0]);
        return err_sys(e, "cannot start a process for a stage");
    }
    c->busy++;
    return 0;
}

/* One whole message at the beginning of what has arrived. */
static bool take_message(struct crew *c, struct worker *w)
{
    const struct build_request *q = c->b->q;
    struct message m;
    size_t all;

    if (w->got.n < sizeof m)
        return false;
    memcpy(&m, w->got.s, sizeof m);
    all = sizeof m + m.text_n + (m.last ? 0 : m.event.n);
    if (w->got.n < all)
        return false;
    m.event.text = m.text_n ? w->got.s + sizeof m : NULL;
    m.event.bytes = w->got.s + sizeof m + m.text_n;
    m.event.beside = true;
    m.event.stage_name = c->b->graph.stages[w->stage].stage->name;
    if (m.last) {
        w->ended = true;
        w->result = m.result;
        w->why = m.why;
    } else if (q->event) {
        q->event(q->arg, &m.event);
    }
    memmove(w->got.s, w->got.s + all, w->got.n - all);
    text_cut(&w->got, w->got.n - all);
    return true;
}

static void let_go(struct crew *c, struct worker *w)
{
    close(w->fd);
    (void)proc_wait(w->pid, &(int){0}, NULL);
    text_free(&w->got);
    w->pid = 0;
    c->busy--;
}

/* The stage once more, out of the cache, for its image. */
static int go_through(struct build *b, size_t stage, struct err *e)
{
    int r;

    file_digest_close(b->digests); /* the worker has written what it read */
    b->digests = NULL;
    r = file_digest_open(b->q->store, &b->digests, e);
    b->muted = true;
    if (r == 0)
        r = build_from_stage(b, stage, e);
    b->muted = false;
    return r;
}

static int listen_to(struct crew *c, struct worker *w, struct err *e)
{
    char piece[1 << 16];
    ssize_t n = read(w->fd, piece, sizeof piece);
    int r;

    if (n < 0 && errno == EINTR)
        return 0;
    if (n > 0) {
        text_add_n(&w->got, piece, (size_t)n);
        if (text_check(&w->got, e) < 0 || w->got.n > MESSAGE_MAX)
            return err_set(e, E2BIG, "a process of the build says too much at once");
        while (take_message(c, w))
            ;
        return 0;
    }
    r = w->ended ? w->result : err_set(&w->why, ECHILD, "the process of a stage was killed");
    if (r < 0 && e)
        *e = w->why;
    let_go(c, w);
    return r < 0 ? r : go_through(c->b, w->stage, e);
}

static bool all_done(const struct build *b)
{
    for (size_t i = 0; i < b->graph.order_count; i++)
        if (!b->stages[b->graph.order[i]].done)
            return false;
    return true;
}

static bool is_ready(const struct crew *c, size_t stage)
{
    const struct graph_stage *g = &c->b->graph.stages[stage];

    if (c->begun[stage])
        return false;
    for (size_t i = 0; i < g->need_count; i++)
        if (!c->b->stages[g->needs[i]].done)
            return false;
    return true;
}

static size_t count_ready(const struct crew *c, size_t *ret_first)
{
    size_t n = 0;

    for (size_t i = c->b->graph.order_count; i-- > 0;)
        if (is_ready(c, c->b->graph.order[i])) {
            *ret_first = c->b->graph.order[i];
            n++;
        }
    return n;
}

static int wait_for_some(struct crew *c, struct err *e)
{
    struct pollfd fds[CREW_MAX];
    struct worker *of[CREW_MAX];
    nfds_t n = 0;
    const struct build_event tick = {.phase = BUILD_TICK, .stages = c->b->graph.n, .beside = true};
    int r = 0;

    for (size_t i = 0; i < c->places; i++)
        if (c->v[i].pid) {
            of[n] = &c->v[i];
            fds[n++] = (struct pollfd){.fd = c->v[i].fd, .events = POLLIN};
        }
    if (poll(fds, n, TICK_MS) < 0)
        return errno == EINTR ? 0 : err_sys(e, "cannot wait for the stages");
    if (c->b->q->event)
        c->b->q->event(c->b->q->arg, &tick);
    for (nfds_t i = 0; i < n && r == 0; i++)
        if (fds[i].revents)
            r = listen_to(c, of[i], e);
    return r;
}

/* One stage alone is done here, several by workers. */
static int advance(struct crew *c, struct err *e)
{
    size_t stage = 0, ready = count_ready(c, &stage);
    int r = 0;

    if (!c->busy && (ready == 1 || c->places == 1)) {
        c->begun[stage] = true;
        return build_from_stage(c->b, stage, e);
    }
    while (ready && c->busy < c->places && r == 0) {
        c->begun[stage] = true;
        r = start(c, stage, e);
        ready = count_ready(c, &stage);
    }
    return r == 0 && c->busy ? wait_for_some(c, e) : r;
}

int build_crew_run(struct build *b, struct err *e)
{
    int cpus = proc_cpus(), r;
    size_t places = b->q->jobs ? b->q->jobs : (size_t)cpus;
    struct crew c = {.b = b, .places = places < CREW_MAX ? places : CREW_MAX};

    c.begun = calloc(b->graph.n, sizeof *c.begun);
    r = c.begun ? 0 : err_memory(e);
    while (r == 0 && !all_done(b))
        r = advance(&c, e);
    for (size_t i = 0; i < c.places; i++)
        if (c.v[i].pid) {
            (void)kill(c.v[i].pid, SIGKILL);
            let_go(&c, &c.v[i]);
        }
    free(c.begun);
    return r;
}
