/* step_cache - what the steps of builds have made, by what went into them.
 *
 *   cache/build/KEY    one small file per step: its layer, and when it was made
 *
 * KEY is the digest of everything that the step depends on: the key of the step before, the
 * instruction, and its inputs (core/build/step_key). The file's time is that of its last use. A
 * record whose layer is gone, or that a power cut has cut short, is as if it were not there. */
#ifndef RCTR_STEP_CACHE_H
#define RCTR_STEP_CACHE_H

#include <stdbool.h>

#include "core/base/hash.h"
#include "storage/store.h"

struct step_cache {
    struct digest layer;  /* its diff-id; "": the step made none */
    long long tar_bytes;  /* of the layer's archive */
    long long created_ns; /* since 1970 */
};

/* -ENOENT: the step has to be done. Marks it as used now. */
int step_cache_find(const struct store *s, const struct digest *key, struct step_cache *ret,
                    struct err *e);
/* The layer is in place and durable before. */
int step_cache_put(const struct store *s, const struct digest *key, const struct step_cache *step,
                   struct err *e);
int step_cache_remove(const struct store *s, const struct digest *key, struct err *e);

/* All of them, in the order of their keys; stops at a negative result. Unreadable ones are passed
 * over. */
int step_cache_each(const struct store *s,
                    int (*fn)(void *arg, const struct digest *key, const struct step_cache *step,
                              long long used_ns, struct err *e),
                    void *arg, struct err *e);

#endif
