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
    struct manifest manifest;      /* owned */
    struct image_config config;    /* owned */
    struct digest index_digest;    /* of the index it came through; hex[0] == 0: through none */
    bool is_index_name;            /* what was asked for leads to that index, not to the image */
};

/* Find by name, digest, id or unambiguous id prefix (>= 3 hex digits). A short name is looked up as
 * localhost/NAME, docker.io/library/NAME, and then as the end of any name of the store, as podman
 * does. -ENOENT: "NAME: image not known". `want` NULL: any. When the platform differs from `want`,
 * -ENOENT. -ENOTUNIQ: several images fit. What leads to an index (storage/image_index.h) is its
 * member for `want`, else for this machine; -ENOENT when the store lacks that one. No lock, few
 * system calls: this is on the start path. */
int image_find(const struct store *s, const char *name, const struct platform *want,
               struct image *ret, struct err *e);
/* The image of a stored manifest; ret->name is "". The bytes are not hashed (blob_load). */
int image_open(const struct store *s, const struct digest *manifest, struct image *ret,
               struct err *e);
void image_free(struct image *i);
static inline void image_auto_(struct image *i)
{
    image_free(i);
}
#define autoimage __attribute__((cleanup(image_auto_)))

/* Point NAME (full ref) at a stored manifest or index, durably (temp + fsync + rename). All blobs
 * and layers must be durable before. Another image that loses its last name to this one stays as an
 * unnamed one (refs_unnamed); the one that gets a name is no longer unnamed. */
int image_name(struct store *s, const struct ref *name, const struct digest *digest, struct err *e);
/* The same of a manifest that was chosen from a stored index, which the name remembers. A name that
 * leads to that very index already goes on doing so: the manifest is a member of it. */
int image_name_through(struct store *s, const struct ref *name, const struct digest *manifest,
                       const struct digest *index, struct err *e);
/* Point NAME at a new version of the index it led to, which is not kept. */
int image_name_edited(struct store *s, const struct ref *name, const struct digest *index,
                      struct err *e);
/* Keep a stored manifest without a name. */
int image_keep_unnamed(struct store *s, const struct digest *manifest, struct err *e);
/* Remove one name; -ENOENT. Objects stay until gc_run. */
int image_unname(struct store *s, const struct ref *name, struct err *e);

/* All names (not the unnamed ones: refs_each has them too): calls fn(full name, manifest digest);
 * stops at a negative result. */
int image_each(const struct store *s,
               int (*fn)(void *arg, const struct ref *name, const struct digest *manifest,
                         struct err *e),
               void *arg, struct err *e);

#endif
