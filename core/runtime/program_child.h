/* program_child - the last steps before the user's program, the same for run and exec: standard
 * streams, terminal, keyring, limits, working folder, identity, filter, exec. System calls only.
 *
 * Privileges go in one direction. A step that fails sends one report to p->sync_fd and ends the
 * process. */
#ifndef RCTR_PROGRAM_CHILD_H
#define RCTR_PROGRAM_CHILD_H

#include "core/runtime/child_plan.h"

/* Tell the parent and end. `code` is an errno of either sign. */
_Noreturn void program_child_fail(const struct child_plan *p, enum step step, unsigned index,
                                  int code);
/* `r` is a system call's answer: fails with errno when it is negative. */
void program_child_check(const struct child_plan *p, enum step step, unsigned index, long r);
/* `code` is one of our own functions' answer: fails with it when it is negative. */
void program_child_check_code(const struct child_plan *p, enum step step, unsigned index, int code);

/* Signals as a fresh program expects them, whatever the parent ignored or blocked. */
void program_child_signals(void);

/* Has the other side of p->sync_fd ended? */
bool program_child_is_orphan(const struct child_plan *p);

/* A terminal of the container's own devpts below `root`, with p's size. Returns the program's side;
 * *ret_master is the other one. */
int program_child_terminal(const struct child_plan *p, int root, int *ret_master);

/* Become `who` and execute the program; `slave` is its terminal, or -1. The working folder is
 * looked up now: nothing of the host's may be open but 0, 1, 2, the socket and what `p` keeps. */
_Noreturn void program_child_run(const struct child_plan *p, int slave, struct child_identity *who);

#endif
