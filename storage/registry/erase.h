/* erase - an image removed from its registry.
 *
 * Source: OCI distribution-spec 1.1 "Deleting tags", "Deleting Manifests". What it consisted of
 * stays in the registry until that collects its garbage. */
#ifndef RCTR_ERASE_H
#define RCTR_ERASE_H

#include "storage/registry/registry.h"

/* The manifest with the name's digest, or its tag: the tag alone where the registry can, else the
 * manifest that it leads to, with all the tags that it has. *ret is the manifest's digest,
 * *ret_whole tells which it was. -EOPNOTSUPP: the registry does not allow it. */
int erase_image(const struct ref *name, const struct registry_options *o, struct digest *ret,
                bool *ret_whole, struct err *e);

#endif
