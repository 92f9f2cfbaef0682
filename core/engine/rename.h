/* rename - another name for a container, also while it runs. */
#ifndef RCTR_RENAME_H
#define RCTR_RENAME_H

#include "core/base/err.h"
#include "storage/record.h"
#include "storage/store.h"

/* -EEXIST: another container has the name. -EBUSY: another command was faster to rename this one.
 * Its own name again is a success. `r` has the new name afterwards. */
int rename_container(const struct store *s, struct record *r, const char *name, struct err *e);

#endif
