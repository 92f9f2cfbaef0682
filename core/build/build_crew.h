/* build_crew - stages side by side.
 *
 * What does not need each other is done at once, by processes of their own, as many as there are
 * cores. Such a process leaves its steps in the cache; the parent then goes through the stage
 * itself, takes them from there, and has its image. So there is one way of doing a stage. */
#ifndef RCTR_BUILD_CREW_H
#define RCTR_BUILD_CREW_H

#include "core/build/build_stage.h"

/* All stages that the target needs. The first failure ends the others. */
int build_crew_run(struct build *b, struct err *e);

#endif
