/* image_load - images out of archives: OCI (a tar or a folder) and docker's.
 *
 * Source: OCI image-spec image-layout.md; docker's image-spec v1.2, "Combined Image JSON +
 * Filesystem Changeset Format". */
#ifndef RCTR_IMAGE_LOAD_H
#define RCTR_IMAGE_LOAD_H

#include "storage/image.h"
#include "storage/load_event.h"

enum image_load_kind {
    IMAGE_LOAD_ANY, /* recognised: manifest.json makes it docker's, oci-layout an OCI archive */
    IMAGE_LOAD_OCI,
    IMAGE_LOAD_DOCKER,
    IMAGE_LOAD_DIR, /* a folder with an image's files by themselves */
};

struct image_load_options {
    enum image_load_kind kind;
    const struct ref *as;         /* the one image's name, instead of its own ones; NULL: its own */
    const char *only;             /* only the image that the archive calls so; NULL: all */
    bool one;                     /* several images are an error */
    const char *signature_policy; /* a policy.json; NULL: the usual places */
    const struct platform *platform; /* of an index's entries; NULL: this machine's */
    bool all_platforms; /* all of its images; when these are several, the name leads to the index */
    /* Each name that was given; "" when the image has none. May be NULL. */
    void (*named)(void *arg, const char *name, const struct digest *id);
    void (*progress)(void *arg, const struct load_event *ev); /* may be NULL */
    void *arg;
};

/* Load from fd: an archive (plain, gzip or zstd; a pipe too), or the open folder of an OCI layout.
 * An OCI archive's short name becomes localhost/NAME, docker's docker.io/library/NAME, as each tool
 * means it; an image without any stays unnamed. Everything is verified, unpacked and durable before
 * the first name. *ret (may be NULL) is the last image. -EBADMSG, -EINVAL, -ENOENT: the archive is
 * damaged; -EKEYREJECTED: the signature policy refuses it. What it brought is removed again. */
int image_load(struct store *s, int fd, const struct image_load_options *o, struct image *ret,
               struct err *e);
/* The same of an OCI archive, under `as` when that is not NULL. */
int image_load_oci(struct store *s, int fd, const struct ref *as, struct image *ret, struct err *e);

/* localhost/NAME that the store lacks: load it from $RCTR_DATADIR/images/NAME.tar, else
 * PKGDATADIR/images. -ENOENT when there is none. */
int image_load_default(struct store *s, const struct ref *name, const char *signature_policy,
                       struct image *ret, struct err *e);

#endif
