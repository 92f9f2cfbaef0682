/* context - the files that a build may read: always an open folder, wherever they came from.
 *
 *   FOLDER                           as it is
 *   FILE.tar, - (standard input)     a tar archive, compressed or not; - may be a Dockerfile alone
 *   http://…, https://…              the same from a server
 *   git@…, git://…, https://….git#REF:FOLDER   a git repository (core/build/git)
 *
 * All but a folder becomes files in the process's temporary folder of the store, which are the
 * caller's own, and are removed by context_close. */
#ifndef RCTR_CONTEXT_H
#define RCTR_CONTEXT_H

#include "core/build/context_fetch.h"
#include "core/build/ignore.h"

struct context {
    int fd;      /* owned; -1: there is none (a Dockerfile alone) */
    char *name;  /* owned: for messages: "the build context" */
    char *where; /* owned: what the user called it */
    struct ignore ignore;
    char *ignore_file;         /* owned: its name in the context, or NULL: there is none */
    bool fetched;              /* its files are temporary ones */
    struct context_fetch from; /* owned: what was fetched; its fd is the one above */
};

bool context_is_folder(const char *where);

/* NAME.dockerignore beside the Dockerfile comes before .containerignore and .dockerignore of the
 * folder. -ENOENT, -ENOTDIR; -EINVAL: a pattern that is none, or a damaged archive; -EFBIG: one
 * that grows beyond measure. On failure nothing is left. */
int context_open(const struct context_ask *ask, struct context *ret, struct err *e);
void context_close(struct context *c);
static inline void context_auto_(struct context *c)
{
    context_close(c);
}
#define autocontext __attribute__((cleanup(context_auto_)))

/* A file of it, through no link that leads out. -ENOENT, -EFBIG, -EINVAL: no regular file. */
int context_read(const struct context *c, const char *path, size_t max_bytes, struct text *ret,
                 struct err *e);

#endif
