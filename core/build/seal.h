/* seal - what a build step changed becomes a layer of the store.
 *
 * The step's upper folder itself becomes the layer's tree: nothing is copied. What the overlay and
 * rctr left in it that is no change (folders copied up, places to mount on, marks) is taken out,
 * and its digest is that of the archive that would be written of it (storage/layer_tar). */
#ifndef RCTR_SEAL_H
#define RCTR_SEAL_H

#include "storage/layer_tar.h"
#include "storage/rootfs.h"

/* What times the files get: --timestamp and SOURCE_DATE_EPOCH. */
struct seal_times {
    enum { SEAL_AS_THEY_ARE, SEAL_ALL, SEAL_LATER_ONES } which;
    long long seconds; /* since 1970 */
};

/* tmp_fd/NAME is the step's folder, `fs` the root that was planned in it, which is mounted no more;
 * `map` the store's. The folder is the caller's to remove, whatever happens. The layer is in place
 * and durable on return, but for its name (layer_settle). */
int seal_step(struct store *s, int tmp_fd, const char *name, const struct rootfs *fs,
              const struct idmap *map, const struct seal_times *times, struct layer_tar *ret,
              struct err *e);

#endif
