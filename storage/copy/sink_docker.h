/* sink_docker - an archive as `docker save` writes it, as a sink: docker-archive:FILE[:NAME].
 *
 * Its layers are plain tars called by their diff-ids. Source: docker's image-spec v1.2. */
#ifndef RCTR_SINK_DOCKER_H
#define RCTR_SINK_DOCKER_H

#include "storage/copy/sink.h"

/* FILE is replaced. `name` "": the image gets none; -EINVAL: it has a digest. Later, -ENOTSUP: an
 * index or a foreign layer, for which docker's archives have no place. */
int sink_docker_open(const char *path, const char *name, struct sink *ret, struct err *e);

#endif
