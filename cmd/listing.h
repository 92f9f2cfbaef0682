/* listing - what list and inspect commands print: a table, JSON, or a template per row. */
#ifndef RCTR_LISTING_H
#define RCTR_LISTING_H

#include <stdbool.h>

#include "core/base/jsonx.h"

/* The fields of a list's rows; an array of them ends with a NULL field. */
struct listing_column {
    const char *field;  /* "Repository" */
    const char *header; /* "REPOSITORY" */
};

struct listing {
    const char *format; /* --format: NULL or "table": the table; "table TEMPLATE": columns of one's
                           own; "json": the documents; else the template, once per row */
    const char *table;  /* the template of the table without --format */
    const struct listing_column *columns;
    json_t *rows;      /* array of objects with the fields of `columns` */
    json_t *documents; /* what "json" prints; NULL: the rows */
    bool no_heading;
};

/* Print on standard output. -EINVAL: --format is wrong (an unknown field names the nearest one). */
int listing_print(const struct listing *l, struct err *e);

/* Print an array of documents as inspect does: NULL or "json": indented JSON; else the template,
 * once per document, each with a newline. */
int listing_inspect(const char *format, json_t *documents, struct err *e);

#endif
