/* dockerfile_check - the documented build checks: what is allowed, but hardly meant.
 *
 * A variable with a provision (${x:-y}) is never reported as undefined: whoever writes it knows.
 * Source: docs.docker.com/reference/build-checks. */
#ifndef RCTR_DOCKERFILE_CHECK_H
#define RCTR_DOCKERFILE_CHECK_H

#include "core/build/dockerfile_finding.h"
#include "core/build/ignore.h"

/* What is known beyond the file. All borrowed, all may be NULL. */
struct dockerfile_check_context {
    struct ignore *ignore; /* the context's .dockerignore */
    /* The environment of the image that a stage begins with, as NAME=VALUE; NULL: not known, and
     * then PATH alone counts as set. */
    const struct strv *(*environment)(void *context, size_t stage);
    void *context;
};

/* *ret: what was found, for dockerfile_finding_print and dockerfile_finding_free. `context` may be
 * NULL. -EINVAL: the directive "# check=" is wrong; -E2BIG: the file is made to keep us
 * busy. */
int dockerfile_check(const struct dockerfile *f, const struct dockerfile_check_context *context,
                     struct dockerfile_findings *ret, struct err *e);

#endif
