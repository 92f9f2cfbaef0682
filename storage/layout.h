/* layout - the two documents of an OCI layout: oci-layout and index.json.
 *
 * Source: OCI image-spec image-layout.md. */
#ifndef RCTR_LAYOUT_H
#define RCTR_LAYOUT_H

#include <jansson.h>

#include "core/base/hash.h"
#include "core/base/text.h"

extern const char layout_version[]; /* the bytes of oci-layout */

/* -EINVAL: another version, or no such document. */
int layout_check(const char *bytes, size_t n, struct err *e);

/* Which image of the index.json does `name` mean ("": its only one)? -ENOENT; -EINVAL: several. */
int layout_choose(const char *bytes, size_t n, const char *name, struct digest *ret, struct err *e);

/* An entry of index.json; `name` NULL: without one. New, or NULL. */
json_t *layout_entry(const char *media_type, const struct digest *d, long long size,
                     const char *name);
/* The document with these entries (takes the array). New, or NULL. */
json_t *layout_index(json_t *entries);

/* Before anything is written into a folder: is it empty, or a layout that we know? */
int layout_begin(int folder_fd, struct err *e);
/* Add entries (borrowed) to the index.json of a folder, which becomes a layout when it is none: an
 * entry of the same name is replaced. One writer at a time; durable. What they name must be there
 * and durable before. */
int layout_add(int folder_fd, const json_t *entries, struct err *e);

#endif
