/* load_watch - which files of an archive that is being read may be layers worth unpacking. */
#ifndef RCTR_LOAD_WATCH_H
#define RCTR_LOAD_WATCH_H

#include "storage/archive.h"
#include "storage/layer_beside.h"

struct load_watch {
    struct store *store;
    struct layer_beside *beside;
    bool looked, taken; /* the file at hand: was it judged, and given to `beside`? */
};

/* For archive_read_watched; arg is the struct. */
int load_watch_step(void *arg, const struct archive_step *step, struct err *e);

#endif
