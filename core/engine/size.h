/* size - how much a container takes of the disk, for `ps -s` and `inspect -s`. */
#ifndef RCTR_SIZE_H
#define RCTR_SIZE_H

#include "storage/record.h"
#include "storage/store.h"

struct size {
    long long rw_bytes;    /* what it wrote: of its own folder of files */
    long long image_bytes; /* of the layers below it */
};

/* A layer that is missing counts as nothing. Walks the container's files, in the user's namespace
 * where needed: milliseconds, or seconds for a large one. */
int size_of(const struct store *s, struct record *r, struct size *ret, struct err *e);

#endif
