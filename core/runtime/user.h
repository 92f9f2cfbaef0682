/* user - who runs inside: --user or the image's User, looked up in the image's own files.
 *
 * /etc/passwd and /etc/group belong to the image and are hostile: they are opened below the root
 * folder (core/base/walk.h), must be regular files, and are read line by line in bounded memory.
 * Source: OCI image-spec config.md "User"; passwd(5), group(5). */
#ifndef RCTR_USER_H
#define RCTR_USER_H

#include <stddef.h>

#include "core/base/err.h"
#include "core/base/text.h"

enum { USER_GROUPS_MAX = 1024 }; /* supplementary groups; more is -E2BIG */

struct user {
    unsigned uid, gid;
    unsigned *groups; /* owned; exactly these, also when there are none (setgroups(0, NULL)) */
    size_t group_count;
    char *name; /* owned; "" when the uid has no entry */
    char *home; /* owned; "/" when there is none */
};

/* `text` is "", NAME, UID, NAME:GROUP, UID:GID, NAME:GID, UID:GROUP or ":GROUP". "" is root.
 * A name's groups are those whose member list has it, and its primary gid is passwd's. An explicit
 * group replaces the primary one and, as in podman, leaves no others. A number without an entry
 * has gid 0 and no groups. `group_add` (--group-add, names or numbers; may be NULL) comes on top.
 * Numbers are plain decimal below 4294967295: "-1", "+0", "0x0", " 0", "1000:" are -EINVAL.
 * An unknown name is -ENOENT: "unable to find user x: no matching entries in passwd file".
 * Missing files are as if empty; a FIFO, folder or link out of the root is -EINVAL when a name has
 * to be looked up in it, and as if empty for numbers. */
int user_resolve(int root_fd, const char *text, const struct strv *group_add, struct user *ret,
                 struct err *e);
void user_free(struct user *u); /* NULL and {0} allowed */

#endif
