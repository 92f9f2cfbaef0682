/* add_part - one source of an ADD, as plain data: a list of files, or an archive. */
#ifndef RCTR_ADD_PART_H
#define RCTR_ADD_PART_H

#include "core/build/context.h"
#include "core/build/copy_list.h"
#include "core/build/dockerfile_args.h"

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

#endif
