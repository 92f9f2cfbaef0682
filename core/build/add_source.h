/* add_source - the sources of an ADD: files of the context, archives to be unpacked, files of
 * servers, git repositories. Each becomes a part: a list of files, or an archive.
 *
 * What is fetched lies in the process's temporary folder until add_source_free. */
#ifndef RCTR_ADD_SOURCE_H
#define RCTR_ADD_SOURCE_H

#include "core/build/add_part.h"

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

#endif
