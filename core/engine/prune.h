/* prune - images that nobody needs any more. */
#ifndef RCTR_PRUNE_H
#define RCTR_PRUNE_H

#include "core/base/opt.h"
#include "core/base/text.h"
#include "storage/store.h"

struct prune_images {
    bool all;                      /* those with names too; else only dangling ones */
    const struct opt_list *filter; /* label=K[=V], label!=K[=V], until=TIME; each must fit */
};

/* -EINVAL: a filter that is none (named, with those there are). */
int prune_check_filter(const struct opt_list *filter, struct err *e);

/* Take the names from images that no container was made from, then free what nothing else needs.
 * `ret_ids` gets their ids; *ret_bytes (added to) is what was freed on the disk: also what earlier
 * commands had left. Waits for other commands that write to the store. */
int prune_images_run(struct store *s, const struct prune_images *o, struct strv *ret_ids,
                     long long *ret_bytes, struct err *e);

#endif
