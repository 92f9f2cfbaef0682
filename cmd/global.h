/* global - rctr's own options, which stand before the command. */
#ifndef RCTR_GLOBAL_H
#define RCTR_GLOBAL_H

#include "core/base/opt.h"

struct global {
    bool version;
    const char *log_level, *root, *storage_driver;
};

extern const struct opt global_opts[];

/* Put them where the rooms that they concern look: in the environment, as the user could, and in
 * the log. */
int global_apply(const struct global *g, struct err *e);

#endif
