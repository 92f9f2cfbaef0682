/* manifest_member - the image that a word names, for a manifest list. */
#ifndef RCTR_MANIFEST_MEMBER_H
#define RCTR_MANIFEST_MEMBER_H

#include "cmd/registry_args.h"
#include "storage/copy/place.h"
#include "storage/list_member.h"

/* What the options say of registries; notes go to standard error. `insecure`: docker's flag, as
 * --tls-verify=false. */
int manifest_member_place(const struct registry_args *a, bool insecure, struct place_options *ret,
                          struct err *e);

/* "docker://NAME" in its registry; "oci:…", "oci-archive:…", "docker-archive:…", "dir:…" out of
 * that file or folder, into the store; any other word in the store, else in its registry. */
int manifest_member_find(struct store *s, const char *word, const struct list_member_choice *c,
                         const struct place_options *o, struct list_member *ret, struct err *e);

#endif
