/* gc - removes what no name and no container needs.
 *
 * Mark and sweep: the marks are refs/, then the manifests, configs and layers they lead to, and
 * what the records of containers and of the build cache stand on. There are no counters that a
 * crash could leave wrong. */
#ifndef RCTR_GC_H
#define RCTR_GC_H

#include "core/base/text.h"
#include "storage/store.h"

struct gc_result {
    size_t blobs, layers;
    long long blob_bytes, layer_bytes;
};

/* Remove all blobs and layers that are not in use. Whoever adds objects holds the store's lock
 * shared; this takes it exclusively: with `wait` it waits, without it returns -EWOULDBLOCK when
 * others are writing (what is left then goes with the next run). Containers that start at the same
 * time hold no lock: see gc.c. -EBADMSG: a named image is damaged, so nothing is certain and
 * nothing was removed. `ret` may be NULL. */
int gc_run(struct store *s, bool wait, struct gc_result *ret, struct err *e);

/* The blobs that gc_run would leave: their hex digits, sorted (some of them twice). -EBADMSG: as
 * above, then it would leave all. */
int gc_needed_blobs(const struct store *s, struct strv *ret, struct err *e);

#endif
