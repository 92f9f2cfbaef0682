/* source_registry - an image in a registry as a source. */
#ifndef RCTR_SOURCE_REGISTRY_H
#define RCTR_SOURCE_REGISTRY_H

#include "storage/copy/source.h"
#include "storage/registry/registry.h"

/* Mirrors first, then the registry itself: the first one that has the manifest. A blob that the
 * store has is taken from there. */
int source_registry_open(struct store *s, const struct ref *name, const struct registry_options *o,
                         struct source *ret, struct err *e);

#endif
