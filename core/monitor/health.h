/* health - health checks beside a running container: when, and what follows. */
#ifndef RCTR_HEALTH_H
#define RCTR_HEALTH_H

#include "core/monitor/watch.h"

struct health;

/* From now on probes are run when they are due. `resumed`: it has been paused; its health is what
 * it was. *ret is NULL when the policy wants none. `w` stays the caller's until health_end. */
int health_begin(const struct watch *w, bool resumed, struct health **ret, struct err *e);
/* Kills a probe that runs. NULL allowed. */
void health_end(struct health *h);

#endif
