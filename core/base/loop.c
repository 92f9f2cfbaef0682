#include "core/base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { SOURCES_MAX = 64, TIMERS_MAX = 32 };

struct source {
    int fd;
    short events; /* -1: not polled */
    bool used;
    void (*fn)(void *arg, short revents);
    void *arg;
    unsigned long born; /* in which round */
};

struct timer {
    long long due_ms;
    void (*fn)(void *arg);
    void *arg;
    unsigned long born;
};

struct loop {
    struct source sources[SOURCES_MAX];
    struct timer timers[TIMERS_MAX]; /* fn NULL: free */
    struct loop_guest guest;
    struct pollfd own[SOURCES_MAX];
    int handle_of[SOURCES_MAX];
    size_t own_n;
    unsigned long round; /* of run: what is added in one is served from the next on */
    bool stopped;
    int value;
};

__attribute__((hot)) static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

int loop_new(struct loop **ret, struct err *e)
{
    struct loop *l = calloc(1, sizeof *l);

    if (!l)
        return err_memory(e);
    *ret = l;
    return 0;
}

void loop_free(struct loop *l)
{
    free(l);
}

int loop_add(struct loop *l, int fd, short events, void (*fn)(void *arg, short revents), void *arg,
             struct err *e)
{
    for (int i = 0; i < SOURCES_MAX; i++) {
        if (l->sources[i].used)
            continue;
        l->sources[i] = (struct source){
            .fd = fd, .events = events, .used = true, .fn = fn, .arg = arg, .born = l->round};
        return i;
    }
    return err_set(e, EMFILE, "the event loop has no place for another descriptor");
}

void loop_want(struct loop *l, int handle, short events)
{
    l->sources[handle].events = events;
}

void loop_remove(struct loop *l, int handle)
{
    l->sources[handle].used = false;
}

int loop_timer(struct loop *l, long long after_ms, void (*fn)(void *arg), void *arg, struct err *e)
{
    for (int i = 0; i < TIMERS_MAX; i++) {
        if (l->timers[i].fn)
            continue;
        l->timers[i] =
            (struct timer){.due_ms = now_ms() + after_ms, .fn = fn, .arg = arg, .born = l->round};
        return i;
    }
    return err_set(e, EMFILE, "the event loop has no place for another timer");
}

void loop_cancel(struct loop *l, int handle)
{
    l->timers[handle].fn = NULL;
}

void loop_guest(struct loop *l, const struct loop_guest *guest)
{
    l->guest = guest ? *guest : (struct loop_guest){0};
}

__attribute__((hot)) static void collect(struct loop *l, int *timeout_ms)
{
    l->own_n = 0;
    for (int i = 0; i < SOURCES_MAX; i++) {
        if (!l->sources[i].used || l->sources[i].events < 0)
            continue;
        l->handle_of[l->own_n] = i;
        l->own[l->own_n++] =
            (struct pollfd){.fd = l->sources[i].fd, .events = l->sources[i].events};
    }
    *timeout_ms = -1;
    for (int i = 0; i < TIMERS_MAX; i++) {
        long long left;

        if (!l->timers[i].fn)
            continue;
        left = l->timers[i].due_ms - now_ms();
        left = left < 0 ? 0 : left > 3600000 ? 3600000 : left;
        if (*timeout_ms < 0 || left < *timeout_ms)
            *timeout_ms = (int)left;
    }
}

/* The earliest one that is due and was there before this round; NULL: none. */
__attribute__((hot)) static struct timer *next_due(struct loop *l, long long now)
{
    struct timer *first = NULL;

    for (int i = 0; i < TIMERS_MAX; i++) {
        struct timer *t = &l->timers[i];

        if (t->fn && t->due_ms <= now && t->born < l->round &&
            (!first || t->due_ms < first->due_ms))
            first = t;
    }
    return first;
}

__attribute__((hot)) static void fire_timers(struct loop *l)
{
    long long now = now_ms();
    struct timer *first;

    while (!l->stopped && (first = next_due(l, now))) {
        struct timer t = *first;

        first->fn = NULL;
        t.fn(t.arg);
    }
}

__attribute__((hot)) static void fire_sources(struct loop *l, const struct pollfd *fds)
{
    for (size_t i = 0; i < l->own_n && !l->stopped; i++) {
        struct source *s = &l->sources[l->handle_of[i]];

        /* An earlier call of this round may have removed it or given its place away, and the
         * newcomer may even have the same descriptor. */
        if (fds[i].revents && s->used && s->born < l->round && s->events >= 0)
            s->fn(s->arg, fds[i].revents);
    }
}

__attribute__((hot)) int loop_run(struct loop *l, struct err *e)
{
    l->stopped = false;
    while (!l->stopped) {
        struct pollfd *fds = l->own;
        size_t n;
        int timeout_ms, ready, r = 0;

        l->round++;
        collect(l, &timeout_ms);
        n = l->own_n;
        if (l->guest.fill)
            r = l->guest.fill(l->guest.arg, l->own, l->own_n, &fds, &n, &timeout_ms, e);
        if (r < 0)
            return r;
        ready = poll(fds, n, timeout_ms);
        if (ready < 0 && errno != EINTR)
            return err_sys(e, "cannot wait for events");
        if (l->guest.dispatch && ready >= 0)
            l->guest.dispatch(l->guest.arg);
        if (ready > 0)
            fire_sources(l, fds);
        fire_timers(l);
    }
    return l->value;
}

void loop_stop(struct loop *l, int value)
{
    l->stopped = true;
    l->value = value;
}
