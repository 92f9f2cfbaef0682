/* commit - a container's changes become an image. */
#ifndef RCTR_COMMIT_H
#define RCTR_COMMIT_H

#include "core/base/opt.h"
#include "core/engine/draft.h"
#include "storage/record.h"
#include "storage/ref.h"
#include "storage/store.h"

struct commit_request {
    const struct ref *name; /* NULL: the image gets none */
    const char *author, *message;
    struct opt_list change; /* Dockerfile lines */
    enum draft_format format;
    bool pause;           /* a running container stands still meanwhile */
    bool squash;          /* one layer with all files, instead of one on top of the image's */
    bool include_volumes; /* the container's volumes become the image's VOLUME paths */
};

struct commit_result {
    struct digest id, layer;
    long long layer_bytes; /* of its tar archive */
};

/* Takes `r`. The image is durable before its name. What the image says about the program is what
 * the container was made with. -ENOTSUP for a container with --rootfs. Source: OCI image-spec
 * config.md, manifest.md; Docker Image Manifest V2 Schema 2; podman-commit(1). */
int commit_run(struct store *s, struct record *r, const struct commit_request *q,
               struct commit_result *ret, struct err *e);

#endif
