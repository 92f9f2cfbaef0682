/* image_files - the files of an image as one folder, for COPY --from and mounts from a stage.
 *
 * A child process that is root in the user's namespace has the image's layers mounted, and hands
 * the folder over; the mount lasts until the child is let go. */
#ifndef RCTR_IMAGE_FILES_H
#define RCTR_IMAGE_FILES_H

#include "core/base/userns.h"
#include "core/build/run_step.h"

struct image_files {
    int fd; /* the folder; owned */
    int hold_fd;
    struct userns_child child;
    struct run_step_root *root;
};

int image_files_open(struct store *s, const struct idmap *map, const struct image *image,
                     struct image_files *ret, struct err *e);
void image_files_close(struct image_files *f);

#endif
