/* image - what a name in refs/ leads to: manifest, config and layers. */
#ifndef RCTR_IMAGE_H
#define RCTR_IMAGE_H

#include "storage/manifest.h"
#include "storage/ref.h"
#include "storage/store.h"

struct image {
    char name[REF_TEXT_MAX];       /* the full name it was found by; "" when found by id */
    struct digest manifest_digest; /* of the (single-platform) manifest */
    struct digest id;              /* digest of the config: the image's ID */
    struct image_config config;    /* owned */
};

/* Find by name, digest, id or unambiguous id prefix (>= 3 hex digits). A short name is also looked
 * up as localhost/NAME, as podman does. -ENOENT: "NAME: image not known". `want` NULL: any. When
 * the name's platform differs from `want`, -ENOENT. No lock, few system calls: this is on the start
 * path. */
int image_find(const struct store *s, const char *name, const struct platform *want,
               struct image *ret, struct err *e);
void image_free(struct image *i);

/* Point NAME (full ref) at a stored manifest, durably (temp + fsync + rename). All blobs and layers
 * must be durable before. */
int image_name(struct store *s, const struct ref *name, const struct digest *manifest,
               struct err *e);
/* Remove one name; -ENOENT. Objects stay until image_sweep. */
int image_unname(struct store *s, const struct ref *name, struct err *e);

/* All names: calls fn(full name, manifest digest); stops at a negative result. */
int image_each(const struct store *s,
               int (*fn)(void *arg, const struct ref *name, const struct digest *manifest,
                         struct err *e),
               void *arg, struct err *e);

/* Load an OCI archive (a tar with oci-layout, index.json, blobs/…) from fd, under its own names or
 * under `as` when that is not NULL. Used for localhost/NAME from the data folder. */
int image_load_oci(struct store *s, int fd, const struct ref *as, struct image *ret, struct err *e);

/* localhost/NAME that the store lacks: load it from $RCTR_DATADIR/images/NAME.tar, else
 * PKGDATADIR/images. -ENOENT when there is none. */
int image_load_default(struct store *s, const struct ref *name, struct image *ret, struct err *e);

#endif
