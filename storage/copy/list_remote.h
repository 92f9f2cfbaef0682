/* list_remote - what is put into a manifest list, when only a registry has it: of the image nothing
 * is fetched but its manifest and config. */
#ifndef RCTR_LIST_REMOTE_H
#define RCTR_LIST_REMOTE_H

#include "storage/copy/place.h"
#include "storage/list_member.h"

/* `name` may be a short one: the first registry that has it counts. */
int list_remote_find(struct store *s, const struct ref *name, const struct list_member_choice *c,
                     const struct place_options *o, struct list_member *ret, struct err *e);

/* Open the source that a name leads to. ret->ref is its full name. */
int list_remote_open(struct store *s, const struct ref *name, const struct place_options *o,
                     struct source *ret, struct err *e);

#endif
