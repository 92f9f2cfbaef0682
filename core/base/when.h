/* when - durations and points in time, as command lines and Go programs write them. */
#ifndef RCTR_WHEN_H
#define RCTR_WHEN_H

#include "core/base/err.h"

enum { WHEN_MAX = 48 };

/* "90s", "1h30m", "1.5h", "300ms", "0": Go's time.ParseDuration, and days ("7d"). May be negative
 * ("-1m"). -EINVAL; -ERANGE beyond 292 years. */
int when_duration(const char *text, long long *ret_ns, struct err *e);

/* A time: seconds since 1970 with a fraction ("1714979289.5"), RFC 3339 with parts left out at its
 * end ("2024-05-06", "2024-05-06T07:08", "2024-05-06 07:08:09.5+02:00"; without a zone: local
 * time), or a duration, which means so long before `now_ns`. -EINVAL names the three. */
int when_parse(const char *text, long long now_ns, long long *ret_ns, struct err *e);

/* "2024-05-06T07:08:09.123456789Z"; 0 is docker's "not yet", "0001-01-01T00:00:00Z". Returns buf.
 */
const char *when_format(long long ns, char buf[WHEN_MAX]);
/* "1h30m0s", "1.5s", "250ms", "0s", as Go prints a time.Duration. Returns buf. */
const char *when_format_duration(long long ns, char buf[WHEN_MAX]);

/* CLOCK_REALTIME in nanoseconds. */
long long when_now(void);

#endif
