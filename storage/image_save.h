/* image_save - images of the store as an archive or a folder.
 *
 * The same images give the same bytes: no times, no owners, an order of its own. An OCI archive or
 * folder holds the blobs as they are, so that digests stay; a docker archive holds the layers
 * uncompressed, named by their diff-ids, and is the one that older tools read. Source: OCI
 * image-spec image-layout.md; docker's image-spec v1.2. */
#ifndef RCTR_IMAGE_SAVE_H
#define RCTR_IMAGE_SAVE_H

#include "storage/image.h"

enum image_save_format { IMAGE_SAVE_DOCKER, IMAGE_SAVE_OCI, IMAGE_SAVE_OCI_DIR };

struct image_save_item {
    struct image image;  /* owned */
    struct digest index; /* hex[0]: it is an index with what the store has of it, and no image;
                            not in a docker archive, which knows none */
    struct strv names;   /* full names to write with it; may be empty */
};

/* What a viewer of a save is told, again and again: plain data. All of the layer is written when
 * done_bytes is total_bytes. */
struct save_event {
    size_t layer, layer_count;
    const struct digest *digest; /* borrowed: of the blob in the store */
    long long done_bytes, total_bytes;
};

struct image_save_view {
    void (*progress)(void *arg, const struct save_event *ev);
    void *arg;
};

/* fd: where the archive goes, or for IMAGE_SAVE_OCI_DIR an open folder; what it holds already
 * stays. view may be NULL. The caller removes what was written when it fails. -ENOENT: a blob is
 * missing in the
 * store. */
int image_save(struct store *s, const struct image_save_item *items, size_t n,
               enum image_save_format format, int fd, const struct image_save_view *view,
               struct err *e);

#endif
