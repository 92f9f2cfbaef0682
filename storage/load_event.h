/* load_event - what a viewer of a load is told: plain data. */
#ifndef RCTR_LOAD_EVENT_H
#define RCTR_LOAD_EVENT_H

#include <stddef.h>

#include "core/base/hash.h"

enum load_phase {
    LOAD_READ,   /* the archive is being read; it is unpacked at the same time */
    LOAD_UNPACK, /* all of it is read */
    LOAD_DONE,
    LOAD_EXISTS, /* it was there before */
};

struct load_event {
    enum load_phase phase;
    size_t layer, layer_count; /* from 0; as many as are known of so far */
    const struct digest
        *digest; /* borrowed: of the blob; its name in the archive while it is read */
    long long done_bytes, total_bytes;
};

#endif
