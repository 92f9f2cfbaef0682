/* source_store - an image or a manifest list of the store as a source; members of a list that only
 * another registry has (storage/origin) are read from there. */
#ifndef RCTR_SOURCE_STORE_H
#define RCTR_SOURCE_STORE_H

#include "storage/copy/place.h"

/* `d` is the digest of a stored manifest or index; `name` is for messages. What `o` points to is
 * borrowed until the end, but for the credentials: they are for somebody else. Takes the store's
 * lock. */
int source_store_open(struct store *s, const struct digest *d, const char *name,
                      const struct place_options *o, struct source *ret, struct err *e);

#endif
