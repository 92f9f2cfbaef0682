/* ps_row - what ps tells of one container: a table's row, and a document. */
#ifndef RCTR_PS_ROW_H
#define RCTR_PS_ROW_H

#include "cmd/listing.h"
#include "storage/record.h"
#include "storage/store.h"

struct ps_row_options {
    bool no_trunc;
    bool brief;    /* only the fields of the tables that need no --format */
    bool size, ns; /* else Size is "", and there are no fields of namespaces: both cost time */
    long long now_ns;
};

/* The fields of a row and their headings. */
extern const struct listing_column ps_row_columns[];

/* "Up 3 minutes (healthy)", "Exited (0) 2 hours ago", "Exited (unknown) …" when its monitor was
 * killed. New string or NULL. */
char *ps_row_status(const struct record *r, long long now_ns);

/* One line; every field is a text but Labels, Label and Namespaces, which are maps. */
int ps_row(const struct store *s, struct record *r, const struct ps_row_options *o, json_t **ret,
           struct err *e);

/* As `podman ps --format json` has it. */
int ps_row_document(const struct store *s, struct record *r, const struct ps_row_options *o,
                    json_t **ret, struct err *e);

#endif
