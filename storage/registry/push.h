/* push - an image of the store into a registry.
 *
 * A compressed layer goes as its bytes are, so its digest stays. One that was made here is a plain
 * tar: it is compressed while it is sent, and the compressed form is kept, so that the next push
 * finds it there. The manifest that arrives names what was sent. */
#ifndef RCTR_PUSH_H
#define RCTR_PUSH_H

#include "storage/image.h"
#include "storage/ref.h"
#include "storage/registry/push_layer.h"
#include "storage/store.h"

/* Under the tag of `to`, or without one by its digest. *ret: type, digest and size of the manifest
 * there. Adds blobs to the store: takes its lock. */
int push_image(struct store *s, const struct image *image, const struct ref *to,
               const struct push_options *o, struct descriptor *ret, struct err *e);
/* Where a name is written to: mirrors are for reading. */
int push_endpoint(const struct ref *to, struct conf_endpoint *ret, struct err *e);

#endif
