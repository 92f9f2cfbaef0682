/* spec_text - texts that may be any bytes, in JSON: arguments, variables, names of files.
 *
 * A text that is UTF-8 is a string; any other is an object {"hex": "…"}. */
#ifndef RCTR_SPEC_TEXT_H
#define RCTR_SPEC_TEXT_H

#include <jansson.h>

#include "core/base/err.h"
#include "core/base/text.h"

/* New value. */
json_t *spec_text_json(const char *s);
json_t *spec_text_list(const struct strv *l);

/* *ret is new, or as it was when the member is missing or null. */
int spec_text_get(const json_t *o, const char *key, char **ret, struct err *e);
/* Appends copies. */
int spec_text_get_list(const json_t *o, const char *key, struct strv *ret, struct err *e);

#endif
