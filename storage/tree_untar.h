/* tree_untar - a tar archive unpacked into a folder that is already in use (cp).
 *
 * Unlike a layer (storage/unpack) it is laid over files of others: a file takes a file's place, a
 * folder a folder's, and only with `overwrite` one the other's. No link of the folder or of the
 * archive is ever followed (with `follow`: never out of the folder), so nothing is made outside of
 * it, whoever changes it meanwhile. Names that begin with ".wh." mean nothing here. */
#ifndef RCTR_TREE_UNTAR_H
#define RCTR_TREE_UNTAR_H

#include "storage/tar.h"

struct tree_untar_rules {
    const char *rename; /* the first part of all names becomes this ("": is left out, so that what
                           it holds goes into the folder itself); NULL: as they are */
    bool overwrite;     /* a file may take a folder's place, and a folder a file's */
    bool follow; /* links of the folder on the way to an entry count, resolved inside of it */
    bool top;    /* an entry of the folder itself ("./") gives it owner, mode and time */
    bool single; /* there is one user only (idmap.single): all owners are 0 */
    enum {
        TREE_UNTAR_OURS,  /* files belong to whom we are */
        TREE_UNTAR_GIVEN, /* to uid and gid */
        TREE_UNTAR_KEPT,  /* to whom the archive says */
    } owner;
    unsigned uid, gid;
};

struct tree_untar_count {
    long long files;
    long long left_out; /* devices, which a user cannot make */
};

/* Errors name the entry. What was made stays. */
int tree_untar(struct tar *t, int folder_fd, const struct tree_untar_rules *rules,
               struct tree_untar_count *ret, struct err *e);

#endif
