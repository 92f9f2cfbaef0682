/* copy - files and trees into containers, out of them, and from one to another. */
#ifndef RCTR_COPY_H
#define RCTR_COPY_H

#include "storage/record.h"
#include "storage/store.h"

struct copy_place {
    struct record *record; /* taken; NULL: the host */
    const char *called;    /* the container as it was typed */
    const char *path;      /* "-" on the host: a tar stream of the standard input or output */
};

struct copy_request {
    struct copy_place from, to;
    bool archive;   /* what comes into a container belongs to the container's user; false: to whom
                       it belonged */
    bool overwrite; /* a file may replace a folder, and the other way round */
};

/* Copy. The rules about what exists, and trailing "/." are docker's and podman's. What arrives on
 * the host is the caller's own, without set-user-id bits. */
int copy_run(struct store *s, const struct copy_request *q, struct err *e);

#endif
