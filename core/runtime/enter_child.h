/* enter_child - a process on its way to a program inside a running container: system calls only. */
#ifndef RCTR_ENTER_CHILD_H
#define RCTR_ENTER_CHILD_H

#include "core/runtime/child_plan.h"

/* The process is in the container and about to become `who`. `detach`: the program is the child of
 * a process that ends at once, so that the container's first process inherits it. */
_Noreturn void enter_child_run(const struct child_plan *p, struct child_identity *who, bool detach);

#endif
