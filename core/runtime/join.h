/* join - the namespaces of a running container, found from outside and joined.
 *
 * setns(2) with a pidfd joins all at once (5.8); before that one descriptor each. Only namespaces
 * that differ from the caller's are joined: a container may share the host's network, say. */
#ifndef RCTR_JOIN_H
#define RCTR_JOIN_H

#include "core/base/proc.h"

enum { JOIN_KINDS = 7 };

struct join {
    unsigned long flags; /* CLONE_NEWUSER, CLONE_NEWNS, … */
    int pidfd;           /* owned; -1 where the kernel cannot join through one */
    int ns[JOIN_KINDS];  /* owned, then; -1 */
    int root;            /* owned: the container's root folder, O_PATH; -1 when it is not open */
    pid_t pid;           /* the process whose namespaces they are */
};

/* Look at the container whose first process is `init`. A first process of rctr's own (run --init)
 * lets nobody look; its program is taken then. -ESRCH: it has ended. */
int join_open(const struct proc_id *init, struct join *ret, struct err *e);
void join_close(struct join *j); /* {0} is not allowed; twice is */

/* Join those of j->flags that are in `which`, the user namespace first; for a process that has
 * only one thread. A process id namespace is that of children to come. 0 or -errno. */
int join_enter(struct join *j, unsigned long which);

/* The process whose namespaces can be looked at: the first one, or its program. The number may be
 * another's by now: see that `init` is alive afterwards. */
pid_t join_whose(const struct proc_id *init);

/* For the tests: as on a kernel that cannot join through a pidfd. */
void join_forbid_pidfd(bool forbid);

#endif
