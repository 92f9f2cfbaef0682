/* tree_tar - a folder and all below it as a tar archive, in the order of the names.
 *
 * What it writes depends on the files alone: contents, owners as seen from here, modes, times,
 * hard links (the first name has the bytes), symbolic links, FIFOs, devices, extended attributes
 * user.* and file capabilities. Sockets, and the marks of overlayfs and fuse-overlayfs, are left
 * out.
 *
 * The tree may belong to a running container that changes it meanwhile: everything is opened step
 * by step, no link is followed, no FIFO or device is opened. What vanishes or becomes something
 * else is left out; a file that shrinks is filled up with zeros. */
#ifndef RCTR_TREE_TAR_H
#define RCTR_TREE_TAR_H

#include "core/base/idmap.h"
#include "storage/tar_write.h"

struct tree_tar_rules {
    const char *as; /* what the top is called in the archive; "": the root of it */
    bool top;       /* the top folder itself is an entry too */
    bool layer;     /* the tree is an overlay's upper folder: whiteouts are no files of it */
    bool whiteouts; /* the tree is a layer's: whiteouts and opaque folders become .wh. entries */
    bool nanoseconds;
    bool mounts; /* also what is mounted below, but for the kernel's own (/proc, /sys) */
    const struct idmap
        *map; /* owners as this map's namespace calls them; NULL: as seen from here */
    /* Whether a name of the archive ("etc/passwd") and what is below it is wanted; NULL: all. */
    bool (*wanted)(void *arg, const char *name);
    void *arg;
};

/* What is below the open folder. */
int tree_tar_folder(int folder_fd, const struct tree_tar_rules *rules, struct tar_write *w,
                    struct err *e);
/* dir_fd/name, whatever it is (a link is a link). -ENOENT when it is not there. */
int tree_tar_name(int dir_fd, const char *name, const struct tree_tar_rules *rules,
                  struct tar_write *w, struct err *e);

/* Is this a whiteout of overlayfs or fuse-overlayfs? Then its name without ".wh." at *ret_name. */
struct stat;
bool tree_tar_whiteout(const char *name, const struct stat *st, bool dotted, const char **ret_name);

#endif
