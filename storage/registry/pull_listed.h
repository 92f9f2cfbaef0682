/* pull_listed - the image of a manifest list of the store, when only a registry has it. */
#ifndef RCTR_PULL_LISTED_H
#define RCTR_PULL_LISTED_H

#include "storage/manifest.h"
#include "storage/ref.h"
#include "storage/store.h"

/* Is `word` a list that was made here (localhost/NAME), and is its member for `want` (NULL: this
 * machine's platform) to be had from a registry (storage/origin)? 1: *ret names it there, by its
 * digest. 0: it is not, or the list cannot be read, which who uses it next will say. */
int pull_listed(const struct store *s, const char *word, const struct platform *want,
                struct ref *ret);

#endif
