/* cgroup_scope - a group of its own for a process, asked of the user's systemd over D-Bus.
 *
 * A login's session scope belongs to root; only systemd may move a process out of it, into a scope
 * that it makes and gives away (Delegate=yes). Source: org.freedesktop.systemd1(5). */
#ifndef RCTR_CGROUP_SCOPE_H
#define RCTR_CGROUP_SCOPE_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/err.h"

/* The leaf below a group of ours into which its own processes go: where there are processes there
 * can be no controllers for groups below. */
#define CGROUP_SCOPE_LEAF "/rctr.self"

/* Does a systemd that may make scopes for this user listen? Cheap: no question is asked. */
bool cgroup_scope_possible(void);

/* Put process `pid` and the caller into a new scope `name` ("rctr-….scope"), in `slice` when it is
 * not NULL. On success systemd has done it. The caller goes with it because systemd removes a scope
 * with all that is in it as soon as nobody is left there, before its figures could be read. */
int cgroup_scope_start(const char *name, const char *slice, const char *description, pid_t pid,
                       struct err *e);

/* Put process `pid` into the group `below` ("/container") of a running scope. */
int cgroup_scope_attach(const char *name, const char *below, pid_t pid, struct err *e);

#endif
