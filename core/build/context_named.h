/* context_named - the contexts of --build-context: files or images under a name that a Dockerfile
 * uses in FROM, COPY --from and mounts. */
#ifndef RCTR_CONTEXT_NAMED_H
#define RCTR_CONTEXT_NAMED_H

#include "core/build/context.h"

struct context_named {
    char *name;
    char *image;          /* an image's name for pull_ensure; NULL: files */
    struct context files; /* where there is no image */
};

struct context_set {
    struct context_named *v; /* owned */
    size_t n;
};

/* "NAME=VALUE": docker-image://IMAGE, oci-layout://FOLDER[:TAG], or what context_open takes. The
 * ask's `where` and `dockerfile` do not count. -EINVAL. */
int context_named_add(struct context_set *l, const char *text, const struct context_ask *ask,
                      struct err *e);
/* NULL: none of that name ("debian" is also "debian:latest" and "docker.io/library/debian"). */
struct context_named *context_named_find(const struct context_set *l, const char *name);
void context_named_free(struct context_set *l);

#endif
