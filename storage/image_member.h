/* image_member - stored manifests and indexes, and what an index leads to.
 *
 * Of the members of an index some may be in the store and others not (only descriptors). Whoever
 * stores a member's manifest has stored its config and layers before, so a member whose manifest
 * is here is here as a whole. Source: OCI image-spec image-index.md; Docker's manifest lists. */
#ifndef RCTR_IMAGE_MEMBER_H
#define RCTR_IMAGE_MEMBER_H

#include "storage/manifest.h"
#include "storage/store.h"

enum { IMAGE_MEMBER_DEPTH = 4 };

struct image_member {
    const struct descriptor *descriptor; /* borrowed */
    bool is_index;                       /* an index within the index: its members follow */
    bool is_image;                       /* neither that nor an attestation */
    bool here;                           /* in the store */
};

/* A stored manifest or index; its bytes are not hashed. -ENOENT: it is not in the store. */
int image_member_document(const struct store *s, const struct digest *d, struct manifest *ret,
                          struct err *e);
/* The image's id of a stored manifest (the digest of its config), an index's own digest. */
int image_member_id(const struct store *s, const struct digest *d, struct digest *ret,
                    struct err *e);
/* All entries of a stored index in their order, those of an index in it after its own (each index
 * is entered once); stops at a negative result of fn. A digest that is no index has none. -ELOOP:
 * nested too deeply. */
int image_member_each(const struct store *s, const struct digest *index,
                      int (*fn)(void *arg, const struct image_member *m, struct err *e), void *arg,
                      struct err *e);
/* The manifest of the member for `want` (NULL: this machine's platform). -ENOENT: the index has
 * none for it, or has it only as a descriptor. */
int image_member_choose(const struct store *s, const struct manifest *index,
                        const struct platform *want, struct digest *ret, struct err *e);
/* 1: the index leads to that manifest, and it is in the store. 0: it does not. */
int image_member_has(const struct store *s, const struct digest *index, const struct digest *d,
                     struct err *e);

#endif
