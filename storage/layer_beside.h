/* layer_beside - layers that are unpacked while the archive that brings them is still being read.
 *
 * What may be a layer is given to a worker as its bytes arrive; which of them are layers, and of
 * which digest, is known when the archive's tables are. So work may be in vain (it is dropped), but
 * nothing gets its name before its digest was compared. */
#ifndef RCTR_LAYER_BESIDE_H
#define RCTR_LAYER_BESIDE_H

#include "storage/load_event.h"
#include "storage/manifest.h"
#include "storage/store.h"

struct layer_beside;

/* `progress` may be NULL. No process is started before there is work. The caller ignores SIGPIPE.
 */
int layer_beside_new(struct store *s, void (*progress)(void *arg, const struct load_event *ev),
                     void *arg, struct layer_beside **ret, struct err *e);
/* NULL allowed. Everything that has no name yet is removed. */
void layer_beside_free(struct layer_beside *b);

/* A file that is growing may be a layer: fd (borrowed) will have `size` bytes. Ends when it is told
 * to be whole. Nothing happens when there are too many such files. `name` is only for the viewer.
 */
int layer_beside_begin(struct layer_beside *b, int fd, const struct digest *name, long long size,
                       struct err *e);
int layer_beside_grow(struct layer_beside *b, long long have, struct err *e);
int layer_beside_whole(struct layer_beside *b, const struct digest *blob, struct err *e);

/* Layer `at` of `count` of an image: blob is in the store, its contents must be diff_id. Begins it
 * when that has not happened. A layer that the store has is done. */
int layer_beside_want(struct layer_beside *b, const struct descriptor *blob,
                      const struct digest *diff_id, size_t at, size_t count, struct err *e);
/* Until all that is wanted is unpacked and verified; the rest is dropped. Then the caller makes it
 * durable, and layer_beside_place gives the names. -EBADMSG: other contents. */
int layer_beside_wait(struct layer_beside *b, struct err *e);
int layer_beside_place(struct layer_beside *b, struct err *e);

#endif
