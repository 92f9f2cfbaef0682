/* filter_value - values of `--filter KEY=VALUE` that mean the same whatever is filtered. */
#ifndef RCTR_FILTER_VALUE_H
#define RCTR_FILTER_VALUE_H

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>

#include "core/base/err.h"

/* -EINVAL: it is empty. */
int filter_value_any(const char *value, struct err *e);
/* An extended regular expression, for regexec without matches; *ret_compiled: regfree it. -EINVAL
 * has the reason. */
int filter_value_regex(const char *value, regex_t *ret, bool *ret_compiled, struct err *e);

/* "KEY" or "KEY=VALUE" of an object of strings, such as labels: is it there? */
bool filter_value_has(const json_t *pairs, const char *want);

#endif
