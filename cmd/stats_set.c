#include "cmd/stats_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"

void stats_set_free(struct stats_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        record_free(&s->v[i].record);
    free(s->v);
    s->v = NULL;
    s->n = 0;
}

int stats_set_add(struct stats_set *s, struct record *r, struct err *e)
{
    struct stats_line *v = realloc(s->v, (s->n + 1) * sizeof *v);

    if (!v)
        return err_memory(e);
    s->v = v;
    v[s->n++] = (struct stats_line){.record = *r, .seen = true};
    *r = (struct record){.dir_fd = -1};
    return 0;
}

static struct stats_line *find(const struct stats_set *s, const char *id)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->v[i].record.id, id) == 0)
            return &s->v[i];
    return NULL;
}

/* What is known of the container now; a new life begins without a past. */
static void renew(struct stats_line *l, struct record *r)
{
    if (l->record.started_ns != r->started_ns) {
        l->sampled = l->again = false;
        l->history_n = 0;
    }
    record_free(&l->record);
    l->record = *r;
    *r = (struct record){.dir_fd = -1};
    l->seen = true;
}

/* -ENOENT: it is gone. */
static int look(struct stats_set *s, const char *id, struct err *e)
{
    autorecord struct record r = {.dir_fd = -1};
    struct stats_line *l = find(s, id);
    int n = record_load(s->store, id, &r, NULL);

    if (n == 0)
        n = record_settle(s->store, &r, NULL);
    if (n < 0)
        return n == -ENOMEM ? err_memory(e) : -ENOENT;
    if (l) {
        if (record_has_monitor(r.state) || !s->everything || s->stopped)
            renew(l, &r);
        return 0;
    }
    return s->everything && (record_has_monitor(r.state) || s->stopped) ? stats_set_add(s, &r, e)
                                                                        : 0;
}

static void drop_unseen(struct stats_set *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].seen)
            s->v[kept++] = s->v[i];
        else
            record_free(&s->v[i].record);
    }
    s->n = kept;
}

double stats_set_cpu(const struct stats_line *l)
{
    return l->sampled ? stats_cpu_percent(&l->record, l->again ? &l->before : NULL, &l->now) : 0;
}

static void sample(struct stats_line *l)
{
    struct stats_sample now;

    if (!record_has_monitor(l->record.state) || l->record.init.pid <= 0 ||
        stats_read(&l->record, &now, NULL) < 0) {
        l->sampled = l->again = false;
        return;
    }
    l->before = l->now;
    l->again = l->sampled;
    l->now = now;
    l->sampled = true;
    if (l->history_n == STATS_HISTORY)
        memmove(l->history, l->history + 1, --l->history_n * sizeof *l->history);
    l->history[l->history_n++] = stats_set_cpu(l);
}

static int by_created(const void *a, const void *b)
{
    const struct stats_line *x = a, *y = b;

    return (x->record.created_ns > y->record.created_ns) -
           (x->record.created_ns < y->record.created_ns);
}

int stats_set_refresh(struct stats_set *s, struct err *e)
{
    autostrv struct strv ids = {0};
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->n; i++) {
        s->v[i].seen = false;
        if (!s->everything)
            r = strv_add(&ids, s->v[i].record.id, e);
    }
    if (r == 0 && s->everything)
        r = record_ids(s->store, &ids, e);
    for (size_t i = 0; r == 0 && i < ids.n; i++) {
        r = look(s, ids.v[i], e);
        if (r == -ENOENT)
            r = 0;
    }
    if (r < 0)
        return r;
    drop_unseen(s);
    if (s->everything && s->n)
        qsort(s->v, s->n, sizeof *s->v, by_created);
    for (size_t i = 0; i < s->n; i++)
        sample(&s->v[i]);
    return 0;
}
