/* image_files - the files of an image as one folder, for COPY --from and mounts from a stage.
 *
 * A child process that is root in the user's namespace has the image's layers mounted, and hands
 * the folder over; the mount lasts until the child is let go. */
#ifndef RCTR_IMAGE_FILES_H
#define RCTR_IMAGE_FILES_H

#include "core/build/held_mount.h"
#include "core/build/run_step.h"

struct image_files {
    int fd; /* the folder; that of `mount` */
    struct held_mount mount;
    struct run_step_root *root;
};

int image_files_open(struct store *s, const struct idmap *map, const struct image *image,
                     struct image_files *ret, struct err *e);
/* What is at `path` in the image, to be mounted elsewhere: fd is a mount that is attached nowhere.
 * `writable`: what is written goes when it is closed. -ENOENT. */
int image_files_open_mount(struct store *s, const struct idmap *map, const struct image *image,
                           const char *path, bool writable, struct image_files *ret, struct err *e);
void image_files_close(struct image_files *f);

#endif
