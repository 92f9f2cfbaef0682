/* filter - which containers `--filter KEY=VALUE` leaves, for ps, rm, stop, prune and the others.
 *
 *   name=REGEX          the name, or "/" and the name (docker's spelling)
 *   id=PREFIX           or an extended regular expression
 *   label=K, label=K=V; label!=K, label!=K=V
 *   status=WORD         created initialized running paused restarting exited (or stopped)
 *   exited=N            has ended with this status
 *   ancestor=IMAGE      was made from this image, or from one that stands on its layers
 *   health=WORD         starting healthy unhealthy none
 *   volume=NAME|PATH    uses the volume, host path or mount point; SOURCE:DESTINATION both
 *   network=MODE, restart-policy=WORD
 *   before=CONTAINER, since=CONTAINER, until=TIME|DURATION    by the time of creation
 *
 * Several values of one key are alternatives, but a container must have every label; different keys
 * must all fit. Source: podman-ps(1), FILTERING. */
#ifndef RCTR_FILTER_H
#define RCTR_FILTER_H

#include <stdbool.h>

#include "core/base/opt.h"
#include "storage/record.h"
#include "storage/store.h"

struct filter_term;

/* Start with {0}. */
struct filter {
    struct filter_term *terms; /* owned */
    size_t n;
};

/* Read the words. Containers and images that are named must be there. -EINVAL: an unknown key (the
 * text has the nearest one) or a value that the key cannot have. Nothing is held on failure. */
int filter_parse(const struct store *s, const struct opt_list *words, struct filter *ret,
                 struct err *e);
/* Does the container pass? The record has been settled by the caller if its state matters. An empty
 * filter takes everything. */
bool filter_takes(const struct filter *f, const struct record *r);
/* Is one of the terms about this key ("status")? */
bool filter_has(const struct filter *f, const char *key);
void filter_free(struct filter *f);
#define autofilter __attribute__((cleanup(filter_free)))

#endif
