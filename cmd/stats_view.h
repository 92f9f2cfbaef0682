/* stats_view - the live terminal view of stats: one line a container, with a history. */
#ifndef RCTR_STATS_VIEW_H
#define RCTR_STATS_VIEW_H

#include "cmd/stats_set.h"

struct stats_view_look {
    int columns, rows; /* of the terminal */
    bool colours;      /* not with NO_COLOR or a dumb terminal */
    bool blocks; /* the history as ▁▂▃▄▅▆▇█ (a UTF-8 locale), else as .:-=+*#@ */
    bool no_trunc;
};

/* One frame as bytes for the terminal, from the home position to the end of the screen. Columns
 * that do not fit are left out, the least needed first. */
void stats_view_frame(const struct stats_set *s, const struct stats_view_look *look,
                      struct text *out);

/* Show frames on the terminal every `interval_ms` until q, ^C or a signal that ends programs; the
 * terminal is as it was afterwards. */
int stats_view_run(struct stats_set *s, long long interval_ms, bool no_trunc, struct err *e);

#endif
