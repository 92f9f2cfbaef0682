/* identity - who a program is to be, as the child needs it: ids, groups, home. */
#ifndef RCTR_IDENTITY_H
#define RCTR_IDENTITY_H

#include "core/runtime/child_plan.h"
#include "core/runtime/spec.h"

/* spec's user in the container's own files below root_fd; errors as user_resolve's. */
int identity_look_up(const struct spec *spec, int root_fd, struct child_identity *who,
                     struct err *e);

#endif
