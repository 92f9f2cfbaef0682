/* tar - a strict reader of tar streams.
 *
 * ustar, pax (path, linkpath, size, uid, gid, mtime, SCHILY.xattr.*, GNU.sparse 0.0, 0.1 and 1.0),
 * GNU long names and links, old GNU sparse files, base-256 numbers. Source: POSIX pax "ustar
 * Interchange Format" and "pax Interchange Format", the GNU tar manual's "Basic Tar Format" and
 * "Storing Sparse Files", star's description of SCHILY.*. Global pax headers are passed over, as
 * docker and containerd do.
 *
 * Names are given as written but for a leading "./" and trailing slashes ("" is the root); absolute
 * names, ".." in a name, NUL, newlines, parts over 255 and names over 4,096 bytes or 256 folders
 * deep are refused. */
#ifndef RCTR_TAR_H
#define RCTR_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "storage/tar_pax.h"
#include "storage/tar_stream.h"

enum tar_type {
    TAR_FILE,
    TAR_HARDLINK,
    TAR_SYMLINK,
    TAR_CHAR,
    TAR_BLOCK,
    TAR_FOLDER,
    TAR_FIFO,
};

struct tar_entry {
    enum tar_type type;
    const char *name; /* borrowed, as are all of an entry's bytes, until the next tar_next */
    const char *link; /* hard links: a name like `name`; symbolic links: the text as written */
    mode_t mode;      /* the 07777 bits */
    unsigned long long uid, gid;
    long long size; /* of the file, holes included */
    long long mtime;
    long mtime_ns;
    unsigned major, minor;
    const struct tar_xattr *xattrs;
    size_t xattr_count;
};

struct tar;
int tar_new(const struct tar_source *source, struct tar **ret, struct err *e);
void tar_free(struct tar *t); /* NULL allowed */

/* 1: *ret is the next entry; 0: the archive has ended (bytes after its end are not read). -EINVAL
 * names the entry and what is wrong. Data of the last entry that was not read is skipped. */
int tar_next(struct tar *t, struct tar_entry *ret, struct err *e);

/* The next piece of the entry's data (borrowed until the next call) and where it belongs in the
 * file; what lies between pieces is a hole. *ret_n 0 is the end of the file. */
int tar_data(struct tar *t, const void **ret, size_t *ret_n, long long *ret_offset, struct err *e);

#endif
