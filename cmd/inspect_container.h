/* inspect_container - what inspect says of a container, from its record. */
#ifndef RCTR_INSPECT_CONTAINER_H
#define RCTR_INSPECT_CONTAINER_H

#include "core/base/jsonx.h"
#include "storage/store.h"

/* Docker's document of the container `word`, new. -ENOENT: "no such container". */
int inspect_container(const struct store *s, const char *word, json_t **ret, struct err *e);

#endif
