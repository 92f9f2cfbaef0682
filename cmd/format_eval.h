/* format_eval - a template's tree over a value. */
#ifndef RCTR_FORMAT_EVAL_H
#define RCTR_FORMAT_EVAL_H

#include "cmd/format_parse.h"

/* Append what the tree prints for `value`. `lenient`: the value is a heading, whose texts stand for
 * anything. -EINVAL: a field that is not there (with the nearest one), a value of the wrong kind,
 * too much output. */
int format_eval(const struct format_tree *t, json_t *value, bool lenient, struct text *out,
                struct err *e);

#endif
