/* volume_filter - which volumes `--filter KEY=VALUE` leaves.
 *
 *   name=REGEX, driver=WORD, scope=WORD, opt=KEY[=VALUE]
 *   label=K, label=K=V; label!=K, label!=K=V
 *   dangling=BOOL       no container uses it (or some does)
 *   anonymous=BOOL
 *   until=TIME|DURATION, after=VOLUME, since=VOLUME    by the time of creation
 *
 * Several values of one key are alternatives, but every label must fit; different keys must all
 * fit. Source: podman-volume-ls(1), docker's `volume ls` FILTERING. */
#ifndef RCTR_VOLUME_FILTER_H
#define RCTR_VOLUME_FILTER_H

#include <stdbool.h>

#include "core/base/opt.h"
#include "storage/volume_use.h"

struct volume_filter_term;

/* Start with {0}; an empty one takes everything. */
struct volume_filter {
    struct volume_filter_term *terms; /* owned */
    size_t n;
};

/* The words are borrowed. -EINVAL: an unknown key (with the nearest one) or a wrong value. */
int volume_filter_parse(const struct store *s, const struct opt_list *words,
                        struct volume_filter *ret, struct err *e);
/* `users`: how many containers use it. */
bool volume_filter_takes(const struct volume_filter *f, const struct volume *v, size_t users);
void volume_filter_free(struct volume_filter *f);
#define autovolume_filter __attribute__((cleanup(volume_filter_free)))

#endif
