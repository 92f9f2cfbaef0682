/* image_index - names of the store that lead to an index of images for several platforms: an OCI
 * index, or what docker calls a manifest list. */
#ifndef RCTR_IMAGE_INDEX_H
#define RCTR_IMAGE_INDEX_H

#include "storage/image_member.h"
#include "storage/ref.h"
#include "storage/store.h"

/* Find by name, digest or id, as image_find does. *ret_name: the full name it was found by
 * (registry "" when by id); *ret: the index's digest; its bytes are appended to *ret_bytes, their
 * digest verified. Any of the three may be NULL. -ENOENT: "NAME: image not known"; -EINVAL:
 * "NAME is an image, not a manifest list". */
int image_find_index(const struct store *s, const char *name, struct ref *ret_name,
                     struct digest *ret, struct text *ret_bytes, struct err *e);

/* What a word leads to, be it an image or an index. */
struct image_target {
    char name[REF_TEXT_MAX]; /* the full name it was found by; "" when by id */
    struct digest digest;    /* of the manifest or the index */
    struct digest index;     /* of the index that a manifest came through; hex[0] == 0: none */
    struct digest id;        /* the image's, or the index's own digest */
    bool is_index;
};
/* -ENOENT, -ENOTUNIQ as image_find; -EBADMSG: it is named, but missing. */
int image_find_target(const struct store *s, const char *name, struct image_target *ret,
                      struct err *e);

#endif
