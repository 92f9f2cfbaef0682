/* cgroup_enable - the controllers of cgroup v2 that the groups below a folder get. */
#ifndef RCTR_CGROUP_ENABLE_H
#define RCTR_CGROUP_ENABLE_H

#include "core/base/err.h"

/* Enable the controllers `needed` (bits 1 << CGROUP_…) for what is below `base`, and where they are
 * to be had those that count memory, processes and time. Where processes are in the way (there can
 * be none beside controllers) they are moved into a leaf of our own. */
int cgroup_enable(const char *base, unsigned needed, struct err *e);

#endif
