/* spec_mount - a spec's volumes as OCI's `mounts`, and back. */
#ifndef RCTR_SPEC_MOUNT_H
#define RCTR_SPEC_MOUNT_H

#include <jansson.h>

#include "core/runtime/spec.h"

/* New array. */
json_t *spec_mount_format(const struct spec *s);
/* The member `mounts` of the document into s->volumes. */
int spec_mount_parse(const json_t *doc, struct spec *s, struct err *e);

#endif
