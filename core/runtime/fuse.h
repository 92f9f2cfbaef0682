/* fuse - the fuse-overlayfs that serves a container's root. */
#ifndef RCTR_FUSE_H
#define RCTR_FUSE_H

#include "storage/rootfs.h"

/* Turn this (forked) process into the server of the FUSE device `dev`, joining the user namespace
 * `userns` first (-1: we are in it). It gets the folders as descriptors: a path with a colon, comma
 * or backslash cannot be told to it. With `read_only` the upper folder is one more lower one. What
 * it says goes to err_fd. It ends by itself when the last mount is gone, and with its parent. */
_Noreturn void fuse_serve(const struct rootfs *r, bool read_only, int userns, int dev, int err_fd);

#endif
