/* origin - where a manifest can be had that the store knows only by its digest.
 *
 *   origins/HEX -> REGISTRY/REPO      a symlink: it is written in one step
 *   origins/lock
 *
 * A member of an index that was put together here may be in a registry only; the index names it by
 * its digest and must not say more, since its bytes are for others. An origin is a hint: what is
 * fetched from there is checked against the digest. gc removes those that no index needs. */
#ifndef RCTR_ORIGIN_H
#define RCTR_ORIGIN_H

#include "storage/ref.h"
#include "storage/store.h"

/* Durable on return. Registry and repository of `where` count. */
int origin_write(struct store *s, const struct digest *d, const struct ref *where, struct err *e);
/* *ret is the full name with that digest; -ENOENT when nothing is known. */
int origin_read(const struct store *s, const struct digest *d, struct ref *ret, struct err *e);
int origin_remove(const struct store *s, const struct digest *d,
                  struct err *e); /* missing is fine */

#endif
