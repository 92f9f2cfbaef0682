/* build_source - what `rctr build` is given: the context, its Dockerfile, and named contexts. */
#ifndef RCTR_CMD_BUILD_SOURCE_H
#define RCTR_CMD_BUILD_SOURCE_H

#include "cmd/registry_args.h"
#include "core/base/opt.h"
#include "core/build/context_named.h"
#include "core/build/dockerfile.h"

/* All borrowed. */
struct build_source_ask {
    struct store *store; /* opened when it is needed */
    const char *context; /* a folder, -, an archive, an address */
    const char *file;    /* --file, or NULL */
    const struct opt_list *named;
    const struct opt_list *build_arg;
    const struct registry_args *registry;
};

struct build_source {
    struct context context;
    struct context_set named;
    struct dockerfile file;
};

int build_source_open(const struct build_source_ask *ask, struct build_source *ret, struct err *e);
void build_source_close(struct build_source *s);
static inline void build_source_auto_(struct build_source *s)
{
    build_source_close(s);
}
#define autobuildsource __attribute__((cleanup(build_source_auto_)))
#define BUILD_SOURCE_CLOSED \
    (struct build_source) \
    { \
        .context = {.fd = -1 } \
    }

#endif
