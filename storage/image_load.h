/* image_load - images out of an OCI archive.
 *
 * Source: OCI image-spec image-layout.md; the archive is a tar of such a layout. */
#ifndef RCTR_IMAGE_LOAD_H
#define RCTR_IMAGE_LOAD_H

#include "storage/image.h"

/* Load an OCI archive (a tar with oci-layout, index.json, blobs/…; plain, gzip or zstd) from fd,
 * under its own names, or under `as` when that is not NULL; a short name of its own becomes
 * localhost/NAME, one without any stays unnamed. The blobs are verified, the layers unpacked, and
 * all is durable before the first name. *ret (may be NULL) is the last image. -EBADMSG, -EINVAL:
 * the archive is damaged; what it brought is removed again. */
int image_load_oci(struct store *s, int fd, const struct ref *as, struct image *ret, struct err *e);

/* localhost/NAME that the store lacks: load it from $RCTR_DATADIR/images/NAME.tar, else
 * PKGDATADIR/images. -ENOENT when there is none. */
int image_load_default(struct store *s, const struct ref *name, struct image *ret, struct err *e);

#endif
