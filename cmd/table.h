/* table - lines whose cells, parted by tabs, stand below each other. */
#ifndef RCTR_TABLE_H
#define RCTR_TABLE_H

#include <stdio.h>

#include "core/base/text.h"

/* Start with {0}. */
struct table {
    struct strv lines;
};

/* Cells are parted by '\t'; a line may hold several '\n'-parted ones. Copies. */
int table_add(struct table *t, const char *line, struct err *e);
/* Columns are as wide as their widest cell and three blanks apart; the last one and empty ends get
 * no blanks. Control characters other than the two are written as '?'. */
void table_print(const struct table *t, FILE *to);
void table_free(struct table *t);
#define autotable __attribute__((cleanup(table_free)))

#endif
