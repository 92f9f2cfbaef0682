/* Theory of operation: each worker takes every n-th blob, reads it from the source and writes it to
 * the sink, over connections that it opens itself (a forked one cannot be shared). What it has to
 * tell goes into one pipe for all: a message is smaller than what a pipe takes as a whole, so they
 * do not mix. The first failure ends the others; files in progress have no names, so nothing is
 * left of them. */
#include "storage/copy/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/proc.h"

enum { WORKERS_MAX = 4, TICK_MS = 100 };

struct message {
    struct crew_event event; /* its note is `why.text` */
    bool noted;
    int result;
    struct err why;
};
_Static_assert(sizeof(struct message) <= PIPE_BUF, "a message goes into the pipe as a whole");

/* One blob under way. */
struct work {
    const struct crew *crew;
    struct crew_event event;
    int out; /* of a worker; -1: it tells the caller itself */
    long long told_ms;
};

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void tell(struct work *w, const char *note)
{
    struct message m = {.event = w->event, .noted = note != NULL};

    if (w->out < 0) {
        m.event.note = note;
        w->crew->tell(w->crew->arg, &m.event);
        return;
    }
    snprintf(m.why.text, sizeof m.why.text, "%s", note ? note : "");
    (void)file_write_fd(w->out, &m, sizeof m, NULL); /* who listens no longer ends us */
}

static void moved(void *arg, long long bytes)
{
    struct work *w = arg;
    long long now = now_ms();

    w->event.bytes = bytes;
    if (now - w->told_ms < TICK_MS)
        return;
    w->told_ms = now;
    tell(w, NULL);
}

static void note(void *arg, const char *text)
{
    tell(arg, text);
}

static int copy_one(struct work *w, const struct crew_blob *b, struct err *e)
{
    const struct crew *c = w->crew;
    autopart struct part p = PART_NONE;
    int r;

    w->event = (struct crew_event){.item = b->item};
    r = source_blob(c->from, b->blob, &p, e);
    w->event.writing = true;
    w->event.bytes = 0;
    if (r == 0)
        r = sink_blob(c->to, b->blob, &p, e);
    if (r == 0) {
        w->event.done = true;
        w->event.bytes = p.size;
        tell(w, NULL);
    }
    return r;
}

static int copy_here(const struct crew *c, const struct crew_blob *blobs, size_t n, struct err *e)
{
    struct work w = {.crew = c, .out = -1};
    int r = 0;

    source_watch(c->from, moved, &w);
    sink_watch(c->to, moved, &w);
    for (size_t i = 0; i < n && r == 0; i++)
        r = copy_one(&w, &blobs[i], e);
    source_watch(c->from, NULL, NULL);
    sink_watch(c->to, NULL, NULL);
    return r;
}

/* ---- workers ---- */

static _Noreturn void work(const struct crew *c, const struct crew_blob *blobs, size_t n,
                           size_t first, size_t step, int out)
{
    struct work w = {.crew = c, .out = out};
    struct message m = {0};
    int r;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    r = source_again(c->from, note, &w, &m.why);
    if (r == 0)
        r = sink_again(c->to, note, &w, &m.why);
    source_watch(c->from, moved, &w);
    sink_watch(c->to, moved, &w);
    for (size_t i = first; i < n && r == 0; i += step)
        r = copy_one(&w, &blobs[i], &m.why);
    m.result = r;
    if (r < 0)
        (void)file_write_fd(out, &m, sizeof m, NULL);
    _exit(0);
}

static bool read_message(int fd, struct message *ret)
{
    for (size_t at = 0; at < sizeof *ret;) {
        ssize_t n = read(fd, (char *)ret + at, sizeof *ret - at);

        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static int collect(const struct crew *c, int fd, size_t n, struct err *e)
{
    struct message m;
    size_t done = 0;

    while (read_message(fd, &m)) {
        if (m.result < 0) {
            if (e)
                *e = m.why;
            return m.result;
        }
        m.event.note = m.noted ? m.why.text : NULL;
        c->tell(c->arg, &m.event);
        done += m.event.done;
    }
    return done < n ? err_set(e, ECHILD, "a process that copied a blob was killed") : 0;
}

static int copy_beside(const struct crew *c, const struct crew_blob *blobs, size_t n, struct err *e)
{
    size_t workers = n < WORKERS_MAX ? n : WORKERS_MAX;
    pid_t pids[WORKERS_MAX];
    int ends[2], tmp, r = store_tmp(c->store, &tmp, e); /* one for all of them */

    if (r < 0)
        return r;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    fflush(NULL); /* what is not printed yet is not printed by each */
    for (size_t i = 0; i < workers; i++) {
        pids[i] = r == 0 ? fork() : -1;
        if (pids[i] == 0) {
            close(ends[0]);
            work(c, blobs, n, i, workers, ends[1]);
        }
        if (pids[i] < 0 && r == 0)
            r = err_sys(e, "cannot start a process for a blob");
    }
    close(ends[1]);
    if (r == 0)
        r = collect(c, ends[0], n, e);
    for (size_t i = 0; i < workers; i++) {
        if (r < 0 && pids[i] > 0)
            (void)kill(pids[i], SIGKILL);
        if (pids[i] > 0)
            (void)proc_wait(pids[i], &(int){0}, NULL);
    }
    close(ends[0]);
    return r;
}

int crew_copy(const struct crew *c, const struct crew_blob *blobs, size_t n, struct err *e)
{
    bool network = c->from->kind->again || c->to->kind->again;

    return n > 1 && network && !c->to->serial ? copy_beside(c, blobs, n, e)
                                              : copy_here(c, blobs, n, e);
}
