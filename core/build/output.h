/* output - where else the result of a build goes: --output.
 *
 *   type=local,dest=DIR      its files, as the caller's own (DIR alone means this)
 *   type=tar,dest=FILE       the same as an archive, owners and all (- alone: to standard output)
 *   type=oci,dest=FILE       the image as an OCI archive (tar=false: a folder)
 *   type=docker,dest=FILE    the image as docker save writes it
 *   type=image[,name=NAME][,push=true]   in the store, which it is anyway; type=registry pushes
 *
 * Source: docker buildx build --output; podman-build(1). */
#ifndef RCTR_OUTPUT_H
#define RCTR_OUTPUT_H

#include "core/base/idmap.h"
#include "storage/image.h"

enum output_type { OUTPUT_LOCAL, OUTPUT_TAR, OUTPUT_OCI, OUTPUT_DOCKER, OUTPUT_IMAGE };

struct output {
    enum output_type type;
    char *dest; /* owned; NULL: standard output */
    char *name; /* owned: of type=image; NULL: none given */
    bool push;
    bool folder; /* oci: not an archive */
};

/* -EINVAL: an unknown type or key, a destination that is missing. */
int output_parse(const char *text, struct output *ret, struct err *e);
void output_free(struct output *o);

/* Write it; not for OUTPUT_IMAGE. `names` go into the archives of images. A file that is there
 * already is replaced when the new one is whole. */
int output_write(struct store *s, const struct idmap *map, const struct output *o,
                 const struct image *image, const struct strv *names, struct err *e);

#endif
