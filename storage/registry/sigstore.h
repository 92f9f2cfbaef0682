/* sigstore - the signatures that a registry has of an image, held against the policy.
 *
 * They are looked for beside the image, at the endpoint that the image comes from. Of a
 * multi-platform image the manifest that was chosen must be signed, not the index, as with podman
 * (`cosign sign --recursive` signs both). */
#ifndef RCTR_SIGSTORE_H
#define RCTR_SIGSTORE_H

#include "storage/registry/registry.h"
#include "storage/trust.h"

/* To be asked when the digest of an image's own manifest is known, before anything else of it is
 * read. `name` is the full name that was asked for, not a mirror's. -EKEYREJECTED says which
 * requirement it does not meet; other failures are the registry's, and refuse too. */
int sigstore_admit(struct registry *r, const struct trust *p, const struct ref *name,
                   const struct digest *manifest, struct err *e);

#endif
