/* platform - the options --platform, --os, --arch and --variant. */
#ifndef RCTR_CMD_PLATFORM_H
#define RCTR_CMD_PLATFORM_H

#include "storage/manifest.h"

struct platform_args {
    const char *platform, *os, *arch, *variant; /* NULL: not given */
};

/* --platform, or --os, --arch and --variant, one of which alone is enough; what is not given is the
 * host's. -EINVAL: both kinds, or no platform. */
int platform_read(const struct platform_args *a, struct platform *ret, bool *ret_given,
                  struct err *e);

#endif
