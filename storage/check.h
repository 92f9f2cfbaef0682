/* check - verifies everything that the store holds, and removes what is broken. */
#ifndef RCTR_CHECK_H
#define RCTR_CHECK_H

#include <stdbool.h>

#include "storage/store.h"

struct check_options {
    bool quick;  /* look, but hash no blobs and compare no files */
    bool repair; /* remove what is broken: a later pull brings it back */
    /* Told of every problem, in words; `repaired` says that it is gone. */
    void (*tell)(void *arg, const char *text, bool repaired);
    void *arg;
};

struct check_result {
    size_t blobs, layers, names, containers, volumes; /* looked at */
    size_t problems, repaired;
};

/* Blobs against their digests; layers against their meta.json and, where the blob is still there,
 * file by file against it; every name down to its layers; every container and its name; every
 * volume (which are never removed: they hold the only copy of something). Waits for
 * other writers when it repairs. 0 whatever is found: see `ret`. */
int check_store(struct store *s, const struct check_options *o, struct check_result *ret,
                struct err *e);

#endif
