/* top_column - the columns that top can show of a process. */
#ifndef RCTR_TOP_COLUMN_H
#define RCTR_TOP_COLUMN_H

#include "core/base/text.h"
#include "core/engine/processes.h"

/* Where the names of users and groups come from: the container's own files, read once. */
struct top_view {
    const struct record *record;
    struct text passwd, group; /* owned; empty when the container has none */
    long long now_ns, memory_bytes;
};
void top_column_view(const struct record *r, struct top_view *ret);
void top_column_view_free(struct top_view *v);

struct top_column {
    const char *name, *heading;
    void (*print)(const struct top_view *v, const struct process *p, struct text *out);
};

/* By ps' name ("pid", "%cpu", "comm"), or podman's code ("%C"). -EINVAL names the nearest. */
int top_column_find(const char *word, const struct top_column **ret, struct err *e);

#endif
