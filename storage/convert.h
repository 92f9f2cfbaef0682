/* convert - a manifest in another format's words, and with other blobs in it.
 *
 * OCI's and docker's manifests (v2s2) have the same members; the media types differ. What one of
 * them has no word for is refused. Pure: bytes in, bytes out. Source: OCI image-spec manifest.md,
 * media-types.md "Compatibility Matrix"; Docker Image Manifest V2 Schema 2. */
#ifndef RCTR_CONVERT_H
#define RCTR_CONVERT_H

#include "storage/manifest.h"

enum convert_to { CONVERT_OCI, CONVERT_DOCKER };

/* A manifest or an index, in place; *bytes stays as it is when it is of that format already.
 * -ENOTSUP: it holds what that format cannot say. */
int convert_format(struct text *bytes, enum convert_to to, struct err *e);

/* Another blob in the place of entry `n`: a layer of a manifest, a member of an index. */
int convert_entry(struct text *bytes, size_t n, const struct digest *d, long long size,
                  const char *media_type, struct err *e);

#endif
