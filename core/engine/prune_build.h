/* prune_build - what builds have left for the next ones, given back. */
#ifndef RCTR_PRUNE_BUILD_H
#define RCTR_PRUNE_BUILD_H

#include "core/base/opt.h"
#include "core/base/text.h"
#include "storage/store.h"

struct prune_build {
    bool all; /* also steps whose layers images or containers have; else only those that nobody has
               */
    const struct opt_list *filter; /* until=TIME, unused-for=TIME (since then), type=regular,
                                      type=exec.cachemount */
    long long keep_bytes;          /* stop when the cache takes no more than this; 0: never */
};

/* Are the words of `filter` understood? -EINVAL names the one that is not, and those that there
 * are.
 */
int prune_build_check(const struct opt_list *filter, struct err *e);
/* The least recently used first. `ret_keys` gets their keys; *ret_bytes (added to) is what was
 * freed. Waits for other commands that write to the store. */
int prune_build_run(struct store *s, const struct prune_build *o, struct strv *ret_keys,
                    long long *ret_bytes, struct err *e);

#endif
