/* path - folders made, emptied and copied below an open folder. */
#ifndef RCTR_PATH_H
#define RCTR_PATH_H

#include <sys/types.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/base/walk.h"

/* walk_open with words. `path` is the container's own ("/etc/passwd"). */
int path_open(int root_fd, const char *path, int flags, mode_t mode, int *ret_fd, struct err *e);

/* Make every missing folder of `path` below root_fd (links resolved inside) and open the last. */
int path_mkdirs(int root_fd, const char *path, mode_t mode, int *ret_fd, struct err *e);

/* The names in a folder but "." and "..", sorted byte by byte, appended to *ret. The descriptor may
 * be O_PATH. */
int path_list(int dir_fd, struct strv *ret, struct err *e);

/* Remove dir_fd/name and all below it, whatever its modes; nothing there is success. Stays on
 * one file system and never follows a link. Works on a full disk. */
int path_remove_tree(int dir_fd, const char *name, struct err *e);

#endif
