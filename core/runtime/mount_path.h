/* mount_path - where a mount comes from and where it goes: paths cleaned and judged, nothing
 * opened. */
#ifndef RCTR_MOUNT_PATH_H
#define RCTR_MOUNT_PATH_H

#include "core/base/err.h"

/* Each replaces *ret (freed) by a new string: absolute, without "." parts and surplus slashes. */

/* A path of the container: absolute, without "..", not "/", and nothing that its own set-up needs.
 */
int mount_path_destination(const char *text, char **ret, struct err *e);
/* A path of the host; relative ones begin at the current folder. */
int mount_path_source(const char *text, char **ret, struct err *e);

#endif
