/* source_docker - an image of an archive of `docker save` as a source: docker-archive:FILE[:NAME].
 *
 * It has no manifest: one is written here (source.made), of the files as they lie there. */
#ifndef RCTR_SOURCE_DOCKER_H
#define RCTR_SOURCE_DOCKER_H

#include "storage/copy/source.h"

/* `name` is one of the archive's names; "": it holds one image only. */
int source_docker_open(struct store *s, const char *path, const char *name, struct source *ret,
                       struct err *e);

#endif
