/* add_source - the sources of an ADD: files of the context, archives to be unpacked, files of
 * servers, git repositories. Each becomes a part: a list of files, or an archive.
 *
 * What is fetched lies in the process's temporary folder until add_source_free. */
#ifndef RCTR_ADD_SOURCE_H
#define RCTR_ADD_SOURCE_H

#include "core/build/context.h"
#include "core/build/copy_list.h"
#include "core/build/copy_step.h"
#include "core/build/dockerfile_args.h"
#include "storage/tree_untar.h"

struct add_part {
    const char *source; /* borrowed: as it was written */
    enum { ADD_FILES, ADD_URL, ADD_GIT } kind;
    struct copy_list list;
    int root_fd;     /* what the list is made from */
    bool root_owned; /* else the context's */
    char *archive;   /* owned: below root_fd: to be unpacked; NULL: the list is to be copied */
    bool there;      /* else it has still to be fetched */
    char digest[80]; /* of what was fetched, or is known to come: a file's or a commit */
    struct stat st;  /* of the archive */
    char tmp_name[64];
};

/* All borrowed. */
struct add_ask {
    struct store *store;
    struct context *context; /* NULL: none */
    const struct dockerfile_copy *copy;
    void (*note)(void *arg, const char *text);
    void *arg;
};

struct add_source {
    const struct add_ask *ask;
    struct add_part *v;
    size_t n;
    int tmp_fd;
};

/* Is there anything in it that is no plain file of the context? Otherwise it is as a COPY. */
int add_source_special(const struct add_ask *ask, bool *ret, struct err *e);

/* The parts. What has no digest of its own yet (--checksum, a whole commit) is fetched. */
int add_source_plan(const struct add_ask *ask, struct add_source *ret, struct err *e);
/* For the step's key: all that counts for the result. */
int add_source_describe(const struct add_source *s, struct file_digest *t, struct text *to,
                        struct err *e);
/* All is there after it. -EBADMSG: another checksum than was asked for; nothing of it is kept. */
int add_source_fetch(struct add_source *s, struct err *e);
void add_source_free(struct add_source *s);

/* Unpack the part's archive into the destination of a step. chown, or the archive's owners. */
int add_source_unpack(const struct add_source *s, const struct add_part *part,
                      const struct run_step_root *root, const struct idmap *map,
                      const char *destination, const char *chown, struct err *e);

#endif
