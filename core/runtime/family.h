/* family - a process and all that came from it. */
#ifndef RCTR_FAMILY_H
#define RCTR_FAMILY_H

#include <sys/types.h>

/* SIGKILL for `root`, which nobody has waited for and which inherits its orphans
 * (PR_SET_CHILD_SUBREAPER), and for all its descendants, whatever sessions and groups they have
 * made for themselves. A family that forks faster than it can be killed is given up after some
 * rounds. */
void family_kill(pid_t root);

#endif
