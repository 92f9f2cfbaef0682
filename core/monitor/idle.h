/* idle - a monitor while its container needs nothing: small; and afterwards: what nobody waits
 * for. */
#ifndef RCTR_IDLE_H
#define RCTR_IDLE_H

#include "storage/store.h"

/* At the beginning: how memory is got from now on. */
void idle_begin(void);
/* Give back the memory that only starting needed: what stays is counted once for each container.
 * Pages of program files come back by themselves when they are run again. */
void idle_settle(void);
/* Clean up after commands that were killed. Not more often than it is worth: a thousand short runs
 * in a row look once. */
void idle_sweep(const struct store *s);

#endif
