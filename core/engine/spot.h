/* spot - a path that files are copied from or to, found on the host or below a container's root.
 *
 * In a container every step is walked below its root, links included; the result is descriptors,
 * which keep meaning the same whatever the container does to the path. */
#ifndef RCTR_SPOT_H
#define RCTR_SPOT_H

#include <limits.h>
#include <stdbool.h>

#include "core/base/err.h"

enum { SPOT_HOST = -1 };

struct spot {
    int folder; /* owned: the folder itself when it is one, else the one that holds it */
    char name[NAME_MAX + 1]; /* in that, links at the end resolved; "" when it is a folder */
    bool exists, is_folder;
};

/* Below root_fd, or on the host (SPOT_HOST). What does not exist is a success when its folder does.
 * -ENOENT, -ENOTDIR: there is no place either. */
int spot_find(int root_fd, const char *path, struct spot *ret, struct err *e);
void spot_close(struct spot *s);

/* What a copy of `path` is called: its last part. "" when the content of a folder is meant
 * ("dir/.",
 * ".", "/"). */
void spot_name(const char *path, char ret[NAME_MAX + 1]);

#endif
