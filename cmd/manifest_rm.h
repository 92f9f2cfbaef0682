/* manifest_rm - removing a manifest list, for `manifest push --rm` too. */
#ifndef RCTR_MANIFEST_RM_H
#define RCTR_MANIFEST_RM_H

#include "storage/store.h"

/* By its name: that one; the list goes with its last one. By its id: when it has no more than one
 * name. What is removed is printed unless `quiet`. What only the list needed is for gc. */
int manifest_rm_list(struct store *s, const char *word, bool quiet, struct err *e);

#endif
