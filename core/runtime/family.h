/* family - a process and all that came from it. */
#ifndef RCTR_FAMILY_H
#define RCTR_FAMILY_H

#include <sys/types.h>

/* SIGKILL for `root`, which inherits its orphans (PR_SET_CHILD_SUBREAPER), and for all its
 * descendants, whatever sessions and groups they have made for themselves. `pidfd` is of the root,
 * or what proc_pidfd returned instead. A family that forks faster than it can be killed is given up
 * after some rounds, one whose root has ended (another may have killed it, and its number may be
 * anybody's) at once. */
void family_kill(pid_t root, int pidfd);

#endif
