/* target_child - the places in the new root that are mounted on, found or made: system calls only.
 *
 * The image's bytes are an attacker: every path is opened below the root with walk_open, where a
 * link cannot lead out, and what is mounted goes onto the descriptor, never onto a path that is
 * resolved again. */
#ifndef RCTR_TARGET_CHILD_H
#define RCTR_TARGET_CHILD_H

#include <sys/types.h>

#include "core/runtime/child_plan.h"

enum { TARGET_CHILD_PATH_MAX = 4096 };

/* The descriptor to mount on for `a`, made when it is missing; or -errno. */
int target_child_open(int root, const struct child_act *a);
/* The folder `path`, made when it is missing; or -errno. */
int target_child_folder(int root, const char *path, mode_t mode);
/* The parent folder of `path`, made when it is missing, and the last part (borrowed); or -errno. */
int target_child_parent(int root, const char *path, const char **ret_last);
/* Split "/a/b/c" into "/a/b" (in parent) and "c", which is returned; NULL when it is too long. */
const char *target_child_split(const char *path, char parent[TARGET_CHILD_PATH_MAX]);

#endif
