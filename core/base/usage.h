/* usage - how much of the disk a folder takes. */
#ifndef RCTR_USAGE_H
#define RCTR_USAGE_H

#include <stdbool.h>

#include "core/base/err.h"

struct usage {
    long long bytes; /* of the disk; a file with several names counts once for each name */
    long long files;
    bool hidden; /* some folders could not be read by the caller: their content is missing */
};

/* Adds dir_fd/name and all below it to *ret; links are not followed, what vanishes meanwhile is
 * passed over. Only a lack of memory or descriptors is a failure; a missing name is none. */
int usage_add(int dir_fd, const char *name, struct usage *ret, struct err *e);
/* The same, by a child as root of the user's namespace where the caller's own hands do not reach.
 */
int usage_add_all(int dir_fd, const char *name, struct usage *ret, struct err *e);

#endif
