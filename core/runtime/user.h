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
 * has gid 0 and no groups, and a number is always an id, never a name. `group_add` (--group-add,
 * names or numbers; may be NULL) comes on top. Numbers are plain decimal below 4294967295: "-1",
 * "+0", "0x0", " 0", "1000:" are -EINVAL. An unknown name is -ENOENT: "unable to find user x: no
 * matching entries in passwd file". Missing files are as if empty; a FIFO, device or folder in
 * their place, or one of more than 64 MiB is an error (a link cannot lead out of the root). */
int user_resolve(int root_fd, const char *text, const struct strv *group_add, struct user *ret,
                 struct err *e);

/* The same from the two files, opened by someone else (the child, which sees the mounted root);
 * -1 stands for a missing one. Both are read from offset 0; neither is closed. Each is checked to
 * be a regular file when it is needed. */
int user_resolve_files(int passwd_fd, int group_fd, const char *text, const struct strv *group_add,
                       struct user *ret, struct err *e);

void user_free(struct user *u); /* NULL and {0} allowed */

#endif
