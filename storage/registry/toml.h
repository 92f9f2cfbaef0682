/* toml - the part of TOML that configuration files of container tools use, as a JSON tree.
 *
 * Tables, arrays of tables, dotted and quoted keys, strings ("…" with escapes and '…'), booleans,
 * decimal integers, arrays and inline tables. Not read, and refused by name: multi-line strings,
 * dates, floats. Source: TOML 1.0. */
#ifndef RCTR_TOML_H
#define RCTR_TOML_H

#include "core/base/jsonx.h"

/* *ret is a new object. -EINVAL: "line N: …"; a key that is set twice is one. */
int toml_parse(const char *text, json_t **ret, struct err *e);

#endif
