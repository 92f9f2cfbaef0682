/* first_name - files with several names: where the first one of each was put. */
#ifndef RCTR_FIRST_NAME_H
#define RCTR_FIRST_NAME_H

#include <sys/stat.h>

#include "core/base/err.h"

/* *ret: the name that this file was kept with before, borrowed until the end; or NULL: then it is
 * kept now as `folder` and `name` put together. `names` begins as NULL. */
int first_name_find(void **names, const struct stat *st, const char *folder, const char *name,
                    const char **ret, struct err *e);
void first_name_free(void *names);

#endif
