/* spec_json - a spec as an OCI runtime configuration, and back.
 *
 * What OCI has words for stands where OCI wants it (process, root, hostname, mounts, linux); the
 * rest stands in an object `rctr` of the same document, which other runtimes pass over.
 * Source: OCI runtime-spec config.md, config-linux.md. */
#ifndef RCTR_SPEC_JSON_H
#define RCTR_SPEC_JSON_H

#include <jansson.h>

#include "core/runtime/spec.h"

/* New document with "ociVersion". The caller may add to its object "rctr". */
int spec_json_format(const struct spec *s, json_t **ret, struct err *e);

/* Everything but what belongs to the start itself: tty_rows, tty_cols and etc_dir stay 0, and the
 * seccomp program is built again from seccomp_profile (`cache_dir_fd` as seccomp_profile_load). */
int spec_json_parse(const json_t *o, int cache_dir_fd, struct spec *ret, struct err *e);

#endif
