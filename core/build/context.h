/* context - the files that a build may read: always an open folder, wherever they came from. */
#ifndef RCTR_CONTEXT_H
#define RCTR_CONTEXT_H

#include "core/build/ignore.h"

struct context {
    int fd;      /* owned; -1: there is none (a Dockerfile alone) */
    char *name;  /* owned: for messages: "the build context" */
    char *where; /* owned: what the user called it */
    struct ignore ignore;
    char *ignore_file; /* owned: its name in the context, or NULL: there is none */
};

/* A folder of the host. `dockerfile` is the Dockerfile's path as it was given (NULL: read from
 * elsewhere): NAME.dockerignore beside it comes before .containerignore and .dockerignore of the
 * folder. -ENOENT, -ENOTDIR; -EINVAL: a pattern that is none. */
int context_open_folder(const char *path, const char *dockerfile, struct context *ret,
                        struct err *e);
void context_close(struct context *c);
static inline void context_auto_(struct context *c)
{
    context_close(c);
}
#define autocontext __attribute__((cleanup(context_auto_)))

#endif
