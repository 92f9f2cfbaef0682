/* dockerfile_scope - the variables that an instruction sees, and where they come from.
 *
 * The global scope has the ARGs before the first FROM and what the builder itself declares
 * (TARGETPLATFORM and its like); only FROM lines see it. A stage begins with its base's variables;
 * ARG and ENV add to them from their line on. ENV comes before ARG of the same name, and
 * --build-arg before ARG's own value; an ARG without either takes the global one's value. Source:
 * Dockerfile reference, "ARG: Scope", "Using ARG variables", "Predefined ARGs", "Automatic
 * platform ARGs in the global scope". */
#ifndef RCTR_DOCKERFILE_SCOPE_H
#define RCTR_DOCKERFILE_SCOPE_H

#include "core/build/dockerfile_args.h"
#include "storage/manifest.h"

enum { DOCKERFILE_SCOPE_MAX = 4096 }; /* variables of one scope */

/* What the command line gives. All borrowed. */
struct dockerfile_scope_given {
    const struct strv *build_args; /* NAME=VALUE, or NULL */
    const char *target;            /* --target; NULL: the last stage */
    struct platform target_platform, build_platform;
};

struct dockerfile_scope {
    struct strv env;  /* NAME=VALUE: the base image's, and ENV's */
    struct strv args; /* NAME=VALUE: of ARGs */
    struct strv bare; /* NAME: ARGs that nobody gave a value; they are not set */
};
void dockerfile_scope_free(struct dockerfile_scope *s);
/* Appends; for a stage that begins with another one. */
int dockerfile_scope_copy(struct dockerfile_scope *to, const struct dockerfile_scope *from,
                          struct err *e);

/* The global scope, with all ARGs before the first FROM. `w`: see dockerfile_scope_take. */
int dockerfile_scope_global(const struct dockerfile *f, const struct dockerfile_scope_given *given,
                            struct dockerfile_word *w, struct dockerfile_scope *ret, struct err *e);
/* An ARG or ENV of a stage takes effect. v->w must expand with this scope (dockerfile_scope_get).
 * `global` NULL: the instruction is itself a global ARG. -EINVAL quotes the line;
 * -E2BIG: more than DOCKERFILE_SCOPE_MAX. */
int dockerfile_scope_take(struct dockerfile_scope *s, const struct dockerfile_view *v,
                          const struct dockerfile_scope *global,
                          const struct dockerfile_scope_given *given, struct err *e);

/* A dockerfile_word's `get`; the context is a struct dockerfile_scope. */
const char *dockerfile_scope_get(void *scope, const char *name);
/* Is there an ARG or ENV of this name, set or not? */
bool dockerfile_scope_has(const struct dockerfile_scope *s, const char *name);
/* All names, appended. */
int dockerfile_scope_names(const struct dockerfile_scope *s, struct strv *ret, struct err *e);

/* The environment of a RUN: env, then ARGs of other names, then the proxies of --build-arg, which
 * need no ARG. Replaces and appends in *ret. */
int dockerfile_scope_run(const struct dockerfile_scope *s,
                         const struct dockerfile_scope_given *given, struct strv *ret,
                         struct err *e);
/* HTTP_PROXY and its like, in either case: never in history, nor in the keys of the cache, unless
 * an ARG declares them. */
bool dockerfile_scope_is_proxy(const char *name);
/* The names given with --build-arg that no ARG of the file declares, and that have no meaning of
 * their own: likely misspelt. Appended. */
int dockerfile_scope_unused(const struct dockerfile *f, const struct dockerfile_scope_given *given,
                            struct strv *ret, struct err *e);

#endif
