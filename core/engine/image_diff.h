/* image_diff - what differs between the files of two images. */
#ifndef RCTR_IMAGE_DIFF_H
#define RCTR_IMAGE_DIFF_H

#include "storage/diff.h"
#include "storage/image.h"

/* What `image` has added, changed and lacks, seen from `base`. `image` is mounted for reading, in a
 * namespace of its own, by the driver that containers would have. */
int image_diff_make(struct store *s, const struct image *image, const struct image *base,
                    struct diff_list *ret, struct err *e);

#endif
