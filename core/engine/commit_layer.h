/* commit_layer - what a container changed, as a new layer of the store.
 *
 * A process in the container's user namespace writes the tar archive; here it is hashed and stored
 * as a blob, and at the same time unpacked by the same caged worker that unpacks a pulled layer, so
 * the new one is stored exactly as if it had been pulled. Not compressed: its digest is its
 * diff-id. */
#ifndef RCTR_COMMIT_LAYER_H
#define RCTR_COMMIT_LAYER_H

#include "core/engine/files.h"
#include "storage/layer.h"

struct commit_layer {
    struct unpacker *unpacker; /* owned; NULL: ended */
    struct layer_job job;
    struct digest digest;
    long long bytes;
};

/* Write it: `squash` the whole root file system, else what differs from the image. The blob is in
 * place then, but neither it nor the files are durable. */
int commit_layer_write(struct files *f, bool squash, struct commit_layer *ret, struct err *e);
/* Make durable all that was written to the store until now, and put the layer's files in place. */
int commit_layer_finish(struct store *s, struct commit_layer *l, struct err *e);
void commit_layer_abandon(struct store *s, struct commit_layer *l); /* nothing after _finish */

#endif
