/* grace - the value of -t, --time: how long a container may take to stop. */
#ifndef RCTR_GRACE_H
#define RCTR_GRACE_H

#include "core/base/err.h"

/* Seconds; NULL is *ret_s = `preset`; "-1", docker's "without end", is a very long time. */
int grace_parse(const char *text, long long preset, long long *ret_s, struct err *e);

#endif
