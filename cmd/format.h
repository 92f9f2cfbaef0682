/* format - a template over a JSON value, as --format gives it.
 *
 * The language is Go's text/template, which docker and podman use, over JSON instead of structs:
 *   {{.}} {{.Field}} {{.Config.Env}} {{$.X}}       values; lists print as [a b], maps as map[k:v]
 *   {{range .X}} … {{else}} … {{end}}, {{range $k, $v := .X}}, {{break}}, {{continue}}
 *   {{if .X}} … {{else if .Y}} … {{else}} … {{end}}, {{with .X}} … {{end}}, {{$x := .Y}}
 *   {{index .X "key" 0}} {{len .X}} {{.X | json}} {{printf "%-10s" .X}} {{if and (eq .A 1) .B}}
 *   {{slash-star comments}}, {{- and -}} take the blanks away; \n, \t, \\ and \" in the text around
 * Functions: and or not, eq ne lt le gt ge, index slice len, print printf println, and docker's
 * json join split lower upper title truncate pad. Named templates are refused.
 *
 * A field that an object lacks is a failure that names the nearest one. Below Labels and other maps
 * whose keys are the user's it is "<no value>". The case of a field's letters does not matter where
 * no field has exactly these: podman writes .ID where docker has .Id. */
#ifndef RCTR_FORMAT_H
#define RCTR_FORMAT_H

#include "cmd/format_parse.h"
#include "core/base/jsonx.h"

/* A template that has been read. Start with {0}. */
struct format {
    struct format_tree tree;
};

/* -EINVAL: it is wrong, whatever the values. Nothing is held then. */
int format_open(const char *template, struct format *ret, struct err *e);
void format_close(struct format *f);
#define autoformat __attribute__((cleanup(format_close)))

/* Append `value` through the template. */
int format_apply(const struct format *f, json_t *value, struct text *ret, struct err *e);

/* The same over a line that stands for any value (a table's heading): a field below a text is that
 * text, so that every template that fits the rows fits it too. */
int format_apply_header(const struct format *f, json_t *header, struct text *ret, struct err *e);

/* All in one, for a template that is used once. */
int format_render(const char *template, json_t *value, struct text *ret, struct err *e);

#endif
