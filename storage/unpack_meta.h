/* unpack_meta - owner, mode, extended attributes and times of what is unpacked.
 *
 * Source: OCI image-spec layer.md "File Attributes"; the kernel's overlayfs.rst on user.overlay.*.
 */
#ifndef RCTR_UNPACK_META_H
#define RCTR_UNPACK_META_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "storage/tar.h"

struct unpack_rules {
    unsigned uids, gids; /* owners below these numbers can be set */
    bool single;         /* one user: owners that cannot be set are counted, not refused */
    bool any_space;      /* do not watch the free space */
};

struct unpack_count {
    long long files;           /* entries of every type that were made */
    long long bytes;           /* of file contents written */
    long long owners_lost;     /* owners that a single-uid map cannot set */
    long long devices_skipped; /* device nodes, which a user cannot make */
    long long xattrs_skipped;  /* that the file system cannot keep */
    long long dot_whiteouts;   /* whiteouts that had to be .wh. files */
};

struct unpack_meta {
    const struct unpack_rules *rules; /* borrowed */
    struct unpack_count *count;       /* borrowed */
    bool parent_setgid;               /* new files would get the group of their folder */
};

/* Which owner can be set: the entry's, or in a single-uid map the only one. -EINVAL names the cure.
 */
int unpack_meta_owner(struct unpack_meta *m, const struct tar_entry *t, uid_t *ret_uid,
                      gid_t *ret_gid, mode_t *ret_mode, struct err *e);
/* All that an open file or folder needs beyond its name and times. `fresh`: made just now with its
 * mode. */
int unpack_meta_set(struct unpack_meta *m, const struct tar_entry *t, int fd, bool fresh,
                    struct err *e);
/* For utimensat: its mtime twice. */
void unpack_meta_times(const struct tar_entry *t, struct timespec ret[2]);

#endif
