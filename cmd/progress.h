/* progress - shows a pull: a live line per layer on a terminal, plain lines elsewhere. */
#ifndef RCTR_PROGRESS_H
#define RCTR_PROGRESS_H

#include <stdbool.h>

#include "storage/registry/pull.h"

enum { PROGRESS_ROWS = 16 };

struct progress {
    bool quiet, live, colour;
    int width;
    size_t shown; /* live lines on the screen */
    long long drawn_ms;
    struct progress_row {
        bool used;
        size_t layer;
        char digest[13];
        enum pull_phase phase;
        long long done_bytes, total_bytes, began_ms;
    } rows[PROGRESS_ROWS];
};

/* All output goes to standard error. NO_COLOR and TERM=dumb are respected. */
void progress_begin(struct progress *p, bool quiet);
/* For pull_options.progress; arg is the struct. */
void progress_event(void *arg, const struct pull_event *ev);
/* Remove the live lines; before any other output. */
void progress_end(struct progress *p);

#endif
