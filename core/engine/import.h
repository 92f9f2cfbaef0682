/* import - a root file system in a tar archive becomes an image of one layer. */
#ifndef RCTR_IMPORT_H
#define RCTR_IMPORT_H

#include "core/base/opt.h"
#include "storage/manifest.h"
#include "storage/ref.h"
#include "storage/store.h"

struct import_request {
    const struct ref *name; /* NULL: the image gets none */
    const char *message;    /* of its history; NULL: where it came from */
    const char *from;       /* what the archive is called in it */
    struct opt_list change; /* Dockerfile lines */
    struct platform platform;
};

/* Read the archive (plain, gzip or zstd; a pipe too) from fd and make the image; *ret is its id.
 * All is durable before the name. -EINVAL, -EBADMSG: the archive is damaged or none; then nothing
 * stays of it. Source: OCI image-spec config.md, manifest.md; podman-import(1). */
int import_run(struct store *s, int fd, const struct import_request *q, struct digest *ret,
               struct err *e);

#endif
