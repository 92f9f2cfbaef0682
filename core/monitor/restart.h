/* restart - is a container started again, and after which pause? As docker does it. */
#ifndef RCTR_RESTART_H
#define RCTR_RESTART_H

#include <stdbool.h>

#include "core/monitor/policy.h"

enum { RESTART_FIRST_MS = 100, RESTART_LONGEST_MS = 60000, RESTART_SETTLED_MS = 10000 };

/* It ended with `status` after `count` restarts by the policy. What a user stopped, or the host, is
 * not asked about here. A start that failed counts like a program that failed. */
bool restart_wanted(const struct policy *p, int status, int count);

/* The pause before the next start: 100 ms, doubled each time up to a minute; from the beginning
 * again after a life of 10 seconds. *pause_ms is 0 at first, and kept by the caller. */
long long restart_pause(long long *pause_ms, long long lived_ms);

#endif
