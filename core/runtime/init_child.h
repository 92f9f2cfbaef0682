/* init_child - a small PID 1 for `run --init`: system calls only. */
#ifndef RCTR_INIT_CHILD_H
#define RCTR_INIT_CHILD_H

#include "core/runtime/child_plan.h"

/* Fork. The child returns and becomes the program; the parent never returns: it is PID 1, which
 * reaps orphans, passes signals on, and ends as the program ended. p->sync_fd is closed in it. */
void init_child_split(const struct child_plan *p);

#endif
