/* load_index - the images of an index that an archive brings. */
#ifndef RCTR_LOAD_INDEX_H
#define RCTR_LOAD_INDEX_H

#include "storage/archive.h"

/* The manifests (hex) of the images that the archive or the store has, through indexes in the
 * index; attestations are left out. What was brought into the store for it, the index among them,
 * is added to *blobs (hex). A digest that is no index has none. */
int load_index_images(struct archive *a, const struct digest *index, struct strv *ret,
                      struct strv *blobs, struct err *e);

#endif
