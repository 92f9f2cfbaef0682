/* sink_oci - an OCI layout as a sink: oci:FOLDER[:NAME], oci-archive:FILE[:NAME].
 *
 * Source: OCI image-spec image-layout.md. */
#ifndef RCTR_SINK_OCI_H
#define RCTR_SINK_OCI_H

#include "storage/copy/sink.h"

/* A folder's other images stay, an archive is replaced. `name` "": the image gets none. */
int sink_oci_open(const char *path, bool archive, const char *name, struct sink *ret,
                  struct err *e);

#endif
