/* add_unpack - an archive of an ADD, unpacked into the root of a step. */
#ifndef RCTR_ADD_UNPACK_H
#define RCTR_ADD_UNPACK_H

#include "core/build/add_part.h"
#include "core/build/run_step.h"

/* part->archive into the folder `destination`, which is made when it is missing. Links of the image
 * on the way count and lead nowhere else. Files belong to `chown` ("user[:group]" in the image's
 * words), or NULL: to whom the archive says. Devices are left out, which is noted. */
int add_unpack(const struct add_ask *ask, const struct add_part *part,
               const struct run_step_root *root, const struct idmap *map, const char *destination,
               const char *chown, struct err *e);

#endif
