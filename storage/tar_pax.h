/* tar_pax - extended headers: what they say of the entry that comes.
 *
 * pax (path, linkpath, size, uid, gid, mtime, SCHILY.xattr.*, GNU.sparse.*) and GNU's long names
 * and links. Global pax headers are passed over, as docker and containerd do. Source: POSIX pax,
 * "pax Interchange Format"; the GNU tar manual, "Basic Tar Format"; star's description of SCHILY.*.
 */
#ifndef RCTR_TAR_PAX_H
#define RCTR_TAR_PAX_H

#include <stdbool.h>

#include "core/base/text.h"
#include "storage/tar_field.h"
#include "storage/tar_sparse.h"
#include "storage/tar_stream.h"

enum { TAR_PAX_MAX = 1 << 20, TAR_PAX_XATTRS_MAX = 128 }; /* bytes of a header, xattrs of a file */

struct tar_xattr {
    const char *name; /* borrowed from the extended header, as is the value */
    const void *value;
    size_t n;
};

struct tar_pax {
    struct text name, link;  /* n 0: nothing */
    struct text pax;         /* bytes of the last pax header; xattrs point into it */
    struct text sparse_name; /* GNU.sparse.name */
    bool has_size, has_uid, has_gid, has_mtime, has_real_size, v1;
    long long size, real_size;
    unsigned long long uid, gid;
    long long mtime, sparse_begin;
    long mtime_ns;
    struct tar_xattr xattrs[TAR_PAX_XATTRS_MAX];
    size_t xattr_count;
};

/* Forget all of it, for the next entry; also the way to free it. */
void tar_pax_clear(struct tar_pax *s);

/* When h is an extended header: read its data from the stream and keep what it says; pieces of a
 * sparse file go into the map. 1: it was one; 0: it is an entry's own header. -EINVAL, -EFBIG. */
int tar_pax_read(struct tar_pax *s, const struct tar_header *h, struct tar_stream *in,
                 struct tar_sparse *map, struct err *e);

#endif
