/* stats_set - the containers that stats watches, with their last samples. */
#ifndef RCTR_STATS_SET_H
#define RCTR_STATS_SET_H

#include "core/engine/stats.h"
#include "storage/record.h"
#include "storage/store.h"

enum { STATS_HISTORY = 32 };

struct stats_line {
    struct record record; /* owned */
    bool sampled, again;  /* `now` is there; `before` too */
    struct stats_sample now, before;
    double history[STATS_HISTORY]; /* percent of a processor, the newest last */
    size_t history_n;
    bool seen; /* in this round */
};

struct stats_set {
    const struct store *store;
    bool everything;      /* also containers that come up later; else only those of `v` */
    bool stopped;         /* with `everything`: those that do not run too */
    struct stats_line *v; /* owned; the oldest container first */
    size_t n;
};

/* Watch one more; takes the record. */
int stats_set_add(struct stats_set *s, struct record *r, struct err *e);
/* Look again: new containers come, removed ones go, each that runs gets a new sample. */
int stats_set_refresh(struct stats_set *s, struct err *e);
void stats_set_free(struct stats_set *s);

/* Percent of one processor: since the sample before, or since its start when there is none. */
double stats_set_cpu(const struct stats_line *l);

#endif
