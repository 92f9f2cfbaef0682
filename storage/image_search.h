/* image_search - what a word means among the images of the store: a name, a digest or an id. */
#ifndef RCTR_IMAGE_SEARCH_H
#define RCTR_IMAGE_SEARCH_H

#include "storage/refs.h"

struct image_found {
    struct ref name;      /* that it was found by; registry[0] == 0: found by id */
    struct digest target; /* a manifest or an index */
    struct digest index;  /* through which the manifest came; hex[0] == 0: through none */
};

/* As image_find (storage/image.h) reads words. A member of an index that a name leads to is found
 * by its own id and digest. -ENOENT: "WORD: image not known"; -ENOTUNIQ: several fit. */
int image_search(const struct store *s, const char *word, struct image_found *ret, struct err *e);

#endif
