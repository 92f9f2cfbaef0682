/* source_oci - an image of an OCI layout as a source: oci:FOLDER[:NAME], oci-archive:FILE[:NAME].
 *
 * Source: OCI image-spec image-layout.md. */
#ifndef RCTR_SOURCE_OCI_H
#define RCTR_SOURCE_OCI_H

#include "storage/copy/source.h"

/* `name` is the layout's own name of the image; "": its only one. */
int source_oci_open(struct store *s, const char *path, bool archive, const char *name,
                    struct source *ret, struct err *e);

#endif
