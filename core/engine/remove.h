/* remove - taking containers away, many at a time. */
#ifndef RCTR_REMOVE_H
#define RCTR_REMOVE_H

#include <stdbool.h>

#include "core/base/err.h"
#include "storage/record.h"
#include "storage/store.h"

struct remove_options {
    bool force;        /* end those that run first */
    bool volumes;      /* their anonymous volumes too */
    long long grace_s; /* with force: as stop_item's; STOP_NOW is the usual one */
};

struct remove_item {
    struct record *record; /* borrowed, settled */
    bool count_bytes;      /* how much space does it free? */
    /* The outcome: */
    int result; /* 0: it is gone */
    long long bytes;
    struct err why;
};

/* Each has its own result; the sum is 0 or the last failure. -EBUSY: it runs, and force was not
 * given. Needs no free space on the disk. */
int remove_all(const struct store *s, const struct remove_options *o, struct remove_item *v,
               size_t n);

/* Containers whose record cannot be read. `word` is a name, an id or its beginning. Returns 0 and
 * the whole id when it means such a one, -ENOENT when it does not. */
int remove_find_damaged(const struct store *s, const char *word, char ret_id[RECORD_ID_HEX + 1]);
/* Before somebody else removes damaged ones: what they run is ended. */
int remove_end_damaged(const struct store *s, struct err *e);
/* Ends its monitor and what that holds, then removes it. */
int remove_damaged(const struct store *s, const char *id, struct err *e);

#endif
