/* unpack - the entries of a layer's tar as files below an open folder.
 *
 * Made to run in a cage, as root of a user namespace: every path is resolved from the folder's fd
 * and cannot leave it, links made by the layer included. What overlayfs must see: a whiteout
 * (.wh.NAME) becomes a character device 0:0 (where the kernel refuses that, before 5.8, a file of
 * the same .wh. name, which fuse-overlayfs and rctr's copy read), an opaque folder gets the xattr
 * user.overlay.opaque=y. Source: OCI image-spec layer.md; the kernel's overlayfs.rst. */
#ifndef RCTR_UNPACK_H
#define RCTR_UNPACK_H

#include "storage/unpack_meta.h"

/* Unpack all of the archive into root_fd, an empty folder. Errors name the entry. What was made
 * stays on failure: the caller removes the folder. */
int unpack_tar(struct tar *t, int root_fd, const struct unpack_rules *rules,
               struct unpack_count *ret, struct err *e);

#endif
