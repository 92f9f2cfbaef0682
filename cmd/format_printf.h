/* format_printf - values as Go's fmt package writes them. */
#ifndef RCTR_FORMAT_PRINTF_H
#define RCTR_FORMAT_PRINTF_H

#include "core/base/jsonx.h"

/* What a template may print, and how wide a padded cell may be. */
enum { FORMAT_PRINTF_MAX = 64 << 20, FORMAT_PRINTF_WIDTH = 4096 };

/* As fmt.Print does: lists as [a b], maps as map[k:v] in the order of their keys, nothing (NULL or
 * null) as "<no value>". */
void format_printf_value(struct text *out, json_t *v);

/* Append `how` with its verbs: %v %s %q %d %x %X %o %b %t %f %e %g %%, each with -, 0, + and
 * blank flags, width and precision. A verb that does not fit its value is written as Go does it
 * ("%!d(string=x)"); too few or too many values too. -EINVAL: a width beyond reason. */
int format_printf(struct text *out, const char *how, json_t *const *args, size_t n, struct err *e);

#endif
