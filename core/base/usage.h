/* usage - how much of the disk a folder takes, as du counts it. */
#ifndef RCTR_USAGE_H
#define RCTR_USAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct usage {
    long long bytes; /* of the disk, folders too; a file with several names counts once */
    long long files;
    bool hidden; /* some folders could not be read by the caller: their content is missing */
};

/* Adds dir_fd/name and all below it to *ret; links are not followed, other file systems are not
 * entered, what vanishes meanwhile is passed over. Only a lack of memory or descriptors is a
 * failure; a missing name is none. */
int usage_add(int dir_fd, const char *name, struct usage *ret, struct err *e);
/* The same, by a child as root of the user's namespace where the caller's own hands do not reach.
 */
int usage_add_all(int dir_fd, const char *name, struct usage *ret, struct err *e);
/* usage_add_all for `n` names, ret[i] for names[i], with one such child for all of them. */
int usage_add_each(int dir_fd, char *const *names, size_t n, struct usage *ret, struct err *e);

#endif
