/* inspect_config - what a container was asked to be, as docker's Config and HostConfig. */
#ifndef RCTR_INSPECT_CONFIG_H
#define RCTR_INSPECT_CONFIG_H

#include "core/engine/definition.h"
#include "storage/record.h"

/* New objects; NULL: no memory. Source: docker's ContainerInspect, with podman's fields where those
 * have another name. */
json_t *inspect_config(const struct record *r, const struct definition *d);
json_t *inspect_config_host(const struct record *r, const struct definition *d);

/* A list of texts; bytes that are no UTF-8 are shown as '?'. */
json_t *inspect_config_strings(const struct strv *l, size_t from);

#endif
