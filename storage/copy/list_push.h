/* list_push - a manifest list into a registry, with the images in it wherever they are.
 *
 * What the store has of it goes as storage/registry/push_index sends it. What only another registry
 * has (storage/origin) is copied from there first; what the destination has already is left alone.
 */
#ifndef RCTR_LIST_PUSH_H
#define RCTR_LIST_PUSH_H

#include "storage/copy/copier.h"
#include "storage/registry/push.h"

struct list_push_options {
    struct push_options push; /* of the destination; its credentials are for that registry alone */
    enum copier_format format;
    bool list_only; /* the images in it must be there already */
};

/* `bytes`: the list; *ret is its digest there. *ret_lost (may be NULL): docker's format could not
 * hold all that the list said. -ENOENT names the members that are nowhere. */
int list_push(struct store *s, const char *bytes, size_t n, const struct ref *to,
              const struct list_push_options *o, struct digest *ret, bool *ret_lost, struct err *e);

/* The same into an archive or a folder ("oci:…", "oci-archive:…", "dir:…"): layers go as they are
 * in the store. `d`: the stored list; `name` is for messages. */
int list_push_place(struct store *s, const struct digest *d, const char *name, const char *place,
                    const struct list_push_options *o, struct digest *ret, struct err *e);

#endif
