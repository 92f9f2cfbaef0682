/* copy_step - the files of a copy_list, put into the root of a step.
 *
 * It runs as root of the step's user namespace with the step's root file system mounted, and opens
 * everything there below that root: the image's links lead nowhere else. */
#ifndef RCTR_COPY_STEP_H
#define RCTR_COPY_STEP_H

#include "core/build/copy_list.h"
#include "core/build/run_step.h"

struct copy_text { /* a here-document */
    const char *name, *text;
};

/* All borrowed. */
struct copy_order {
    const struct copy_list *list; /* may be empty when there are texts */
    int root_fd;                  /* what the list was made from */
    /* Where the list is NULL: these words, looked up as root of the user namespace: an image may
     * have folders that we ourselves cannot read. */
    const struct copy_ask *ask;
    const char *const *sources;
    size_t source_count;
    const struct copy_text *texts;
    size_t text_count;
    const char *destination; /* absolute, in the image; a '/' at its end: a folder */
    const char *chown;       /* "user[:group]" in the image's words; NULL: */
    bool keep_owners;        /* … as the files have it; else root's */
    const char *chmod;       /* octal, or symbolic as chmod(1) has it; NULL: as the files have it */
};

/* Errors name the file as it is called in the image. What was done until then stays in the step's
 * root, which the caller drops. */
int copy_step_do(const struct run_step_root *root, const struct idmap *map,
                 const struct copy_order *order, struct err *e);

/* The same into any root file system, a folder of the host for one. */
int copy_step_into(const struct rootfs *fs, const struct idmap *map, const struct copy_order *order,
                   struct err *e);

/* Make a folder and all above it (WORKDIR), 0755, for a user in the image's words ("" root). */
int copy_step_folder(const struct run_step_root *root, const struct idmap *map, const char *path,
                     const char *owner, struct err *e);

#endif
