/* progress - shows how far a transfer of layers is: on a terminal a live line for each layer, plain
 * lines elsewhere, or a JSON object a line for programs (its fields: rctr-pull(1)).
 *
 * All output goes to standard error. NO_COLOR and TERM=dumb are respected. */
#ifndef RCTR_PROGRESS_H
#define RCTR_PROGRESS_H

#include <stdbool.h>

#include "core/base/hash.h"

enum { PROGRESS_ROWS = 16 };

enum progress_mode { PROGRESS_NONE, PROGRESS_PLAIN, PROGRESS_TTY, PROGRESS_JSON };

enum progress_phase {
    PROGRESS_RESOLVE,  /* the image itself: text is its name */
    PROGRESS_WAIT,     /* another process is at it */
    PROGRESS_DOWNLOAD, /* these five are told again and again */
    PROGRESS_UPLOAD,
    PROGRESS_READ,
    PROGRESS_WRITE,
    PROGRESS_UNPACK,
    PROGRESS_RETRY, /* text is the reason */
    PROGRESS_DONE,  /* these three end an item; text, when given, says how */
    PROGRESS_EXISTS,
    PROGRESS_MOUNTED,
    PROGRESS_CONFIG, /* of the image: its documents */
    PROGRESS_MANIFEST,
};

/* Borrowed for the call. */
struct progress_step {
    enum progress_phase phase;
    size_t item, items;                /* which layer, from 0, of how many; items 0: the image */
    const struct digest *digest;       /* or NULL */
    long long done_bytes, total_bytes; /* total 0: not known */
    const char *text;                  /* or NULL */
};

struct progress {
    enum progress_mode mode;
    bool colour;
    int cells[PROGRESS_ROWS]; /* widths of the live lines on the screen */
    size_t shown;
    long long began_ms, drawn_ms;
    struct progress_row {
        bool used;
        size_t item;
        char digest[13];
        enum progress_phase phase;
        long long done_bytes, total_bytes;
        long long began_ms, began_bytes;
        long long from_ms, from_bytes, rate; /* bytes a second, of the last second */
        bool told;                           /* of JSON: the item's first line is out */
    } rows[PROGRESS_ROWS];
};

/* The row of an option table: the struct needs a `const char *progress`. */
#define PROGRESS_OPTION(T) \
    OPT_TEXT(0, "progress", T, progress, "auto|tty|plain|json|none", \
             "Show live lines, plain lines, JSON lines or nothing (auto: live on a terminal)", \
             .preset = "auto")

/* "auto" and the others; -EINVAL for other words. `quiet` makes it none whatever the word. */
int progress_open(struct progress *p, const char *word, bool quiet, struct err *e);
/* The same with "auto". */
void progress_begin(struct progress *p, bool quiet);
void progress_show(struct progress *p, const struct progress_step *step);
/* Remove the live lines; before any other output. */
void progress_end(struct progress *p);

/* What the transfers' own options call, arg is the struct. */
struct pull_event;
void progress_event(void *arg, const struct pull_event *ev);
struct push_event;
void progress_push(void *arg, const struct push_event *ev);
struct load_event;
void progress_load(void *arg, const struct load_event *ev);
struct save_event;
void progress_save(void *arg, const struct save_event *ev);

/* The live lines (cmd/progress_draw.c). */
void progress_draw_erase(struct progress *p);
void progress_draw_rows(struct progress *p);

#endif
