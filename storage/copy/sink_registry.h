/* sink_registry - a repository of a registry as a sink. */
#ifndef RCTR_SINK_REGISTRY_H
#define RCTR_SINK_REGISTRY_H

#include "storage/copy/sink.h"
#include "storage/registry/registry.h"

/* Never a mirror. A name with a digest takes that manifest alone. */
int sink_registry_open(const struct ref *name, const struct registry_options *o, struct sink *ret,
                       struct err *e);

#endif
