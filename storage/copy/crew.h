/* crew - several blobs copied side by side: a few processes with connections of their own. */
#ifndef RCTR_CREW_H
#define RCTR_CREW_H

#include "storage/copy/sink.h"
#include "storage/copy/source.h"

/* One blob that the sink lacks. */
struct crew_blob {
    const struct descriptor *blob; /* borrowed */
    size_t item;                   /* the caller's number for it */
};

struct crew_event {
    size_t item;
    bool writing, done;
    long long bytes;  /* read, or written, so far */
    const char *note; /* of a retry, else NULL */
};

struct crew {
    struct store *store; /* all borrowed */
    struct source *from;
    struct sink *to;
    void (*tell)(void *arg, const struct crew_event *ev);
    void *arg;
};

/* All of them, or the first failure. Where neither end is a network's there is one process: this
 * one. */
int crew_copy(const struct crew *c, const struct crew_blob *blobs, size_t n, struct err *e);

#endif
