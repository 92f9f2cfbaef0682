/* explain - a child's report in words: what was wanted inside, and what stood in the way. */
#ifndef RCTR_EXPLAIN_H
#define RCTR_EXPLAIN_H

#include "core/runtime/plan.h"

/* The failure that `r` tells of. `root_fd` is the container's root folder, to be looked at, or -1.
 * e->status is 127 when the program was not found, 126 when it could not be run. */
int explain_report(const struct plan *p, int root_fd, const struct child_report *r, struct err *e);

#endif
