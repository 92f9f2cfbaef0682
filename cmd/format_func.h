/* format_func - the functions of a template. */
#ifndef RCTR_FORMAT_FUNC_H
#define RCTR_FORMAT_FUNC_H

#include <stdbool.h>

#include "core/base/jsonx.h"

struct format_function {
    const char *name;
    size_t min, max; /* arguments */
    /* *ret is new. Arguments are borrowed; NULL stands for "no value". NULL for the functions that
     * do not take all their arguments ("and", "or"), which the caller does. */
    int (*call)(json_t *const *args, size_t n, json_t **ret, struct err *e);
};

/* NULL when there is none. */
const struct format_function *format_func_find(const char *name);
/* The names one after the other, then NULL. */
const char *format_func_name(size_t i);

/* false, 0, "", nothing, and empty lists and maps are false. */
bool format_func_true(json_t *v);

#endif
