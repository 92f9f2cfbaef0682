/* ref - the name of an image, as people type it and as it is meant.
 *
 * "alpine" is docker.io/library/alpine:latest, with no configuration. Source: the grammar of
 * github.com/distribution/reference, OCI distribution-spec "Pulling manifests". */
#ifndef RCTR_REF_H
#define RCTR_REF_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/hash.h"

enum { REF_PART_MAX = 256, REF_TEXT_MAX = 700 };

struct ref {
    char registry[REF_PART_MAX]; /* "docker.io", "localhost:5000", "[::1]:5000" */
    char repo[REF_PART_MAX];     /* "library/alpine" */
    char tag[130];               /* "latest"; empty when only a digest was given */
    struct digest digest;        /* hex[0] == 0 when none was given */
    bool short_name; /* typed without a registry: registries.conf may send it elsewhere */
};

/* -EINVAL names what is wrong: upper case, a bad character, an empty part, a long tag. */
int ref_parse(const char *text, struct ref *ret, struct err *e);
/* A name that the user gives to an image of his own: a short one is localhost/NAME, as with podman.
 * -EINVAL: also one with a digest, which nobody can choose. */
int ref_parse_own(const char *text, struct ref *ret, struct err *e);
/* "docker.io/library/alpine:latest", with @sha256:… when there is a digest. Returns buf. */
const char *ref_format(const struct ref *r, char buf[REF_TEXT_MAX]);
/* As people say it: "docker.io/library/alpine" (no tag). Returns buf. */
const char *ref_format_repo(const struct ref *r, char buf[REF_TEXT_MAX]);
bool ref_loopback(
    const struct ref *r); /* the registry is localhost, 127/8 or ::1: http may be tried */

#endif
