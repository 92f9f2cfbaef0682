/* copy_mode - modes as --chmod has them: octal digits, or words of chmod(1). */
#ifndef RCTR_COPY_MODE_H
#define RCTR_COPY_MODE_H

#include <sys/stat.h>

#include "core/base/err.h"

/* "u+rwX,go-w", "0755" applied to a file's mode. -EINVAL. */
int copy_mode_apply(const char *text, mode_t mode, mode_t *ret, struct err *e);

#endif
