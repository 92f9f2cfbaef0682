/* seccomp - the default system call filter of a container, as a BPF program.
 *
 * The filter is rctr's own table (core/runtime/seccomp_table.h), compiled here in some microseconds
 * without libseccomp: sorted numbers become ranges, ranges a binary search. What it allows follows
 * containers-common's seccomp.json; tests compare the two call by call.
 * Custom profiles are core/runtime/seccomp_profile.h. */
#ifndef RCTR_SECCOMP_H
#define RCTR_SECCOMP_H

#include <linux/filter.h>
#include <stdint.h>

#include "core/base/err.h"

/* The filter for a container with the capabilities `caps` (its bounding set). ret->filter is new:
 * seccomp_free. Load it with seccomp(SECCOMP_SET_MODE_FILTER, 0, ret) as the last step before
 * exec, after no_new_privs (or while CAP_SYS_ADMIN is still effective). */
int seccomp_default(uint64_t caps, struct sock_fprog *ret, struct err *e);

void seccomp_free(struct sock_fprog *p); /* NULL and {0} allowed */

#endif
