/* draft - an image that is being made: its configuration, its layers and its history, until it is
 * written to the store.
 *
 * Source: OCI image-spec config.md and manifest.md; Docker Image Manifest V2 Schema 2. */
#ifndef RCTR_DRAFT_H
#define RCTR_DRAFT_H

#include "core/base/jsonx.h"
#include "storage/image.h"
#include "storage/layer_tar.h"

enum draft_format { DRAFT_OCI, DRAFT_DOCKER };

struct draft_layer {
    struct digest diff_id, blob;
    long long size; /* of the blob */
    enum manifest_compression compression;
    char *foreign; /* owned: the media type of a foreign layer, kept as it is; else NULL */
};

struct draft {
    enum draft_format format;
    json_t *doc;                /* owned: the image's configuration; without rootfs.diff_ids */
    struct draft_layer *layers; /* owned; bottom first */
    size_t n;
    json_t *annotations; /* owned; NULL: none */
    struct image view;   /* owned: what draft_view gives out, */
    bool viewed;         /* made since the last change */
};

/* On top of an image (all of its configuration is taken over), or of nothing (`base` NULL) for a
 * platform. */
int draft_begin(const struct image *base, const struct platform *p, enum draft_format format,
                struct draft *ret, struct err *e);
int draft_copy(const struct draft *from, struct draft *ret, struct err *e);
void draft_free(struct draft *d);
static inline void draft_auto_(struct draft *d)
{
    draft_free(d);
}
#define autodraft __attribute__((cleanup(draft_auto_)))

/* The object "config", which callers change (borrowed; never NULL). */
json_t *draft_config(struct draft *d);
/* A plain layer of the store on top. */
int draft_add_layer(struct draft *d, const struct digest *diff_id, long long tar_bytes,
                    struct err *e);
/* Only the lowest n stay. */
void draft_cut_layers(struct draft *d, size_t n);
/* An annotation of the manifest, which only OCI's format has. -ENOTSUP, -EINVAL. */
int draft_annotate(struct draft *d, const char *key, const char *value, struct err *e);
/* One step more in the history: texts may be NULL. `empty`: it made no layer. */
int draft_add_history(struct draft *d, long long created_ns, const char *created_by,
                      const char *author, const char *comment, bool empty, struct err *e);

/* It as an image that containers can stand on; borrowed, until the next change. One without layers
 * has the empty layer. */
int draft_view(struct draft *d, struct store *s, const struct image **ret, struct err *e);

/* Configuration and manifest as blobs of the store. Unnamed yet: image_name or image_keep_unnamed
 * follow, under the store's shared lock. `durable` false: the caller makes the whole store durable
 * before that. */
int draft_write(struct draft *d, struct store *s, long long created_ns, bool durable,
                struct digest *ret_id, struct digest *ret_manifest, struct err *e);

#endif
