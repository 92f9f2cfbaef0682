/* transport - where an image is, as "oci-archive:tool.tar" says it.
 *
 *   docker://NAME               a registry's, the same as NAME
 *   oci:FOLDER[:NAME]           the folder of an OCI layout
 *   oci-archive:FILE[:NAME]     a tar of one
 *   docker-archive:FILE[:NAME]  what docker save writes
 *   dir:FOLDER                  an image's files by themselves, as skopeo writes them
 *
 * NAME is the archive's own name of the image, where it holds several. Source:
 * containers-transports(5). */
#ifndef RCTR_TRANSPORT_H
#define RCTR_TRANSPORT_H

#include <limits.h>

#include "storage/image.h"

enum transport_kind {
    TRANSPORT_NONE, /* a name without any */
    TRANSPORT_DOCKER,
    TRANSPORT_OCI,
    TRANSPORT_OCI_ARCHIVE,
    TRANSPORT_DOCKER_ARCHIVE,
    TRANSPORT_DIR,
};

struct transport {
    enum transport_kind kind;
    char path[PATH_MAX];     /* of the file or folder; "" for a registry's */
    char name[REF_TEXT_MAX]; /* "" when none was given */
};

/* -ENOTSUP: one that rctr does not know (containers-storage:, docker-daemon:, …); -EINVAL: no
 * path. */
int transport_parse(const char *text, struct transport *ret, struct err *e);

/* Load the one image that it means into the store, under the names that it has there. `want` NULL:
 * this machine's, where an index offers several; with `all_platforms` all of these, whose name is
 * the index's then. -EINVAL, -EBADMSG: damaged, or several images and no name; -ENOENT: no such
 * file, or no image of that name; -EKEYREJECTED: the signature policy (a file, or NULL: the usual
 * one) refuses it. */
int transport_load(struct store *s, const struct transport *t, const struct platform *want,
                   bool all_platforms, const char *signature_policy, struct image *ret,
                   struct err *e);

#endif
