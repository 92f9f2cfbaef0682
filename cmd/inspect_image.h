/* inspect_image - what inspect says of an image. */
#ifndef RCTR_INSPECT_IMAGE_H
#define RCTR_INSPECT_IMAGE_H

#include "core/base/jsonx.h"
#include "storage/store.h"

/* Docker's document of the image `word`, new. -ENOENT: "WORD: image not known". */
int inspect_image(const struct store *s, const char *word, json_t **ret, struct err *e);

#endif
