/* manifest_verbose - docker's long form of a manifest: each image's with its descriptor. */
#ifndef RCTR_MANIFEST_VERBOSE_H
#define RCTR_MANIFEST_VERBOSE_H

#include "storage/copy/source.h"

/* Of an image an object, of a list an array of them, in its order: "Ref", "Descriptor", "Raw" (the
 * manifest in base64), and the manifest as "OCIManifest" or "SchemaV2Manifest"; of a list within
 * the list no manifest. `bytes`: what the source's name leads to; `ref`: its name. *ret is new. */
int manifest_verbose(struct source *from, const char *ref, const struct text *bytes,
                     const struct digest *digest, json_t **ret, struct err *e);

#endif
