/* push_index - an index (manifest list) into a registry, with the images that the store has of it.
 *
 * Images come before their index, which comes last. One that is sent in another form than it has
 * here (an own layer is compressed on the way) gets its new digest in the index that arrives. */
#ifndef RCTR_PUSH_INDEX_H
#define RCTR_PUSH_INDEX_H

#include "storage/registry/push.h"

/* `bytes`: the index, whose members need not all be in the store; *ret is its digest there. -ENOENT
 * names the members that are neither here nor in the registry: nothing was sent then. */
int push_index(struct store *s, const char *bytes, size_t n, const struct ref *to,
               const struct push_options *o, struct digest *ret, struct err *e);

#endif
