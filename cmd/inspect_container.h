/* inspect_container - what inspect says of a container, from its record and its config.json. */
#ifndef RCTR_INSPECT_CONTAINER_H
#define RCTR_INSPECT_CONTAINER_H

#include <stdbool.h>

#include "core/base/jsonx.h"
#include "storage/store.h"

/* Docker's document of the container `word`, or of the latest one when that is NULL; new. With
 * `size` also SizeRw and SizeRootFs, for which its files are walked. -ENOENT: "no such container".
 * Fields that podman has and docker has not: ImageName, OCIConfigPath, StaticDir, EffectiveCaps,
 * BoundingCaps, State.ConmonPid (the monitor's), State.CgroupPath, … */
int inspect_container(const struct store *s, const char *word, bool size, json_t **ret,
                      struct err *e);

#endif
