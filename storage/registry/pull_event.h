/* pull_event - what a viewer of a pull is told. */
#ifndef RCTR_PULL_EVENT_H
#define RCTR_PULL_EVENT_H

#include <stddef.h>

#include "core/base/hash.h"

/* Digests and names are borrowed for the call. */
enum pull_phase {
    PULL_RESOLVE,
    PULL_EXISTS,
    PULL_WAIT,
    PULL_DOWNLOAD,
    PULL_UNPACK,
    PULL_DONE,
    PULL_RETRY
};
struct pull_event {
    enum pull_phase phase;
    size_t layer, layer_count;   /* which layer; layer_count 0: the image itself */
    const struct digest *digest; /* of the blob */
    long long done_bytes, total_bytes;
    const char *text; /* a retry's reason, a mirror's name */
};

#endif
