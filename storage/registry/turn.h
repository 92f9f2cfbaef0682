/* turn - which of several pulls does what all of them want: one works, the others wait for it.
 *
 * A flock on cache/pull/HEX, one for each layer (its diff-id) and each image (its config). The
 * kernel lets go of it when its holder dies, so the next one goes on. */
#ifndef RCTR_TURN_H
#define RCTR_TURN_H

#include "core/base/hash.h"
#include "storage/store.h"

struct turn {
    int folder, lock; /* owned by the turn; -1: not ours */
    struct digest what;
};
#define TURN_NONE \
    (struct turn) \
    { \
        .folder = -1, .lock = -1 \
    }

/* 0: it is ours until turn_end; -EWOULDBLOCK: another's. */
int turn_take(const struct store *s, const struct digest *what, struct turn *ret, struct err *e);
void turn_end(struct turn *t);
/* Remove the locks that nobody holds: those of pulls that were killed. */
void turn_clear(const struct store *s);

#endif
