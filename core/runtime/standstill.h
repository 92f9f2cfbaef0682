/* standstill - all processes of a container stopped and continued by signals, where there is no
 * freezer.
 *
 * A container's processes are those of its process namespace and of those below it. */
#ifndef RCTR_STANDSTILL_H
#define RCTR_STANDSTILL_H

#include "core/base/proc.h"

/* SIGSTOP to every process until none runs. -ENOTSUP: the container shares the host's process
 * namespace; -ESRCH: it has ended; -ETIMEDOUT: some did not stop (all are continued then). */
int standstill_begin(const struct proc_id *init, struct err *e);
/* SIGCONT to every process. */
int standstill_end(const struct proc_id *init, struct err *e);

/* The host's numbers of the container's processes, the first one included; *ret is new. */
int standstill_pids(const struct proc_id *init, pid_t **ret, size_t *ret_n, struct err *e);

#endif
