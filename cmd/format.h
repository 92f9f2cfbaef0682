/* format - a template over a JSON value, as --format gives it.
 *
 * The template language is a small part of Go's, which docker and podman use:
 *   {{.}}  {{.Field}}  {{.Config.Env}}       a value; lists as [a b], objects as map[k:v]
 *   {{json .X}} {{len .X}} {{upper .X}} {{lower .X}} {{join .X ", "}} {{index .X "key"}} (or 0)
 *   {{range .X}} … {{else}} … {{end}}        once for each element, which is "." inside
 *   {{if .X}} … {{else}} … {{end}}           false, 0, "", null and empty lists are false
 * with {{- and -}} to trim blanks, and \n, \t, \\ and \" in the text around. */
#ifndef RCTR_FORMAT_H
#define RCTR_FORMAT_H

#include "core/base/jsonx.h"

/* Append `value` through the template. A field that an object lacks is -EINVAL that names the
 * nearest one; below Labels and the other free maps it is "<no value>". */
int format_render(const char *template, json_t *value, struct text *ret, struct err *e);

/* The same over a line that stands for any value (a table's header): a field below a text is that
 * text, so that every template that fits the rows fits it too. */
int format_render_header(const char *template, json_t *header, struct text *ret, struct err *e);

#endif
