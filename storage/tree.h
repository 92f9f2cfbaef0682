/* tree - a folder of files copied or laid over another one, with all that makes a file.
 *
 * Contents (shared with the original where the file system can: reflinks), owners, modes, times,
 * extended attributes, hard links, links, FIFOs and whiteouts. Runs as root of the user's namespace
 * (core/base/userns). Never follows a link. */
#ifndef RCTR_TREE_H
#define RCTR_TREE_H

#include <stdbool.h>

#include "core/base/idmap.h"

struct tree_rules {
    /* Lay over what is there, as overlayfs shows it: whiteouts remove, opaque folders hide. Without
     * it `to` is empty and gets the whiteouts too. */
    bool merge;
    /* Owners that mean under `to` what the files' own mean under `from`; all as seen from a
     * namespace with the map `base`. NULL: the same owners. */
    const struct idmap *base, *from, *to;
};

/* Copy what is in from_fd (and its own mode, owner and times) to to_fd. */
int tree_copy(int from_fd, int to_fd, const struct tree_rules *rules, struct err *e);

/* A file's owner under the rules. -EINVAL when it has none. */
int tree_uid(const struct tree_rules *rules, unsigned uid, unsigned *ret, struct err *e);
int tree_gid(const struct tree_rules *rules, unsigned gid, unsigned *ret, struct err *e);

#endif
