/* docker_archive - the table of contents of what `docker save` writes.
 *
 * manifest.json lists images: the file of the configuration, the files of the layers (bottom first)
 * and the names. Source: docker's image-spec v1.2, "Combined Image JSON + Filesystem Changeset
 * Format". */
#ifndef RCTR_DOCKER_ARCHIVE_H
#define RCTR_DOCKER_ARCHIVE_H

#include "core/base/text.h"

enum { DOCKER_ARCHIVE_IMAGES_MAX = 1000 };

struct docker_archive_image {
    char *config; /* owned; a path in the archive */
    struct strv layers, names;
};

struct docker_archive {
    struct docker_archive_image *v; /* owned */
    size_t n;
};

/* -EINVAL: not such a list, a path that leaves the archive, too many images or layers. */
int docker_archive_parse(const char *bytes, size_t n, struct docker_archive *ret, struct err *e);
void docker_archive_free(struct docker_archive *a);

/* Where the link at `path` leads, as a path of the archive. New; -EINVAL when it leaves it. */
int docker_archive_follow(const char *path, const char *link, char **ret, struct err *e);

#endif
