/* files - a container whose files a command reads or writes (cp, diff, export, commit).
 *
 * A running container is joined. A stopped one is mounted by the command: readers mount it without
 * writing, any number at a time; who writes holds a lock that a start waits for
 * (core/engine/files_lock.h). */
#ifndef RCTR_FILES_H
#define RCTR_FILES_H

#include "core/engine/container.h"
#include "core/runtime/inside.h"
#include "storage/diff.h"

struct files {
    struct container container; /* record, definition, and of a stopped one the root */
    struct idmap base;          /* the store's map */
    struct inside_job job;      /* leads into this struct: do not copy it */
    int lock_fd;
    bool write, root; /* what was asked for */
};

/* Takes `r`. `write`: something will be changed. `root`: the plan of its root file system is wanted
 * of a running container too. -EBUSY: it is being made or started for seconds. */
int files_open(struct store *s, struct record *r, bool write, bool root, struct files *ret,
               struct err *e);
void files_close(struct files *f);
/* A container that has ended before it could be joined (-ESRCH): look at it again. On failure `f`
 * is closed. */
int files_again(struct files *f, struct err *e);

/* What it changed. The container may run. -ENOTSUP for one with --rootfs. */
int files_diff(struct files *f, struct diff_list *ret, struct err *e);
/* What diff_make compares then; its descriptors are borrowed. */
int files_sides(const struct files *f, struct diff_sides *ret, struct err *e);
/* What an image's last layer changed. */
int files_diff_image(struct store *s, const struct image *image, struct diff_list *ret,
                     struct err *e);

/* An inside_fn: the root as a tar archive; arg points to the descriptor that it goes to. */
int files_pack(int root_fd, void *arg, struct err *e);
/* Its root file system, without what is mounted on it, as a tar archive into fd. */
int files_export(struct files *f, int fd, struct err *e);

#endif
