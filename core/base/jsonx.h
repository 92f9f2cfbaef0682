/* jsonx - JSON as rctr accepts it, over jansson.
 *
 * Duplicate keys, invalid UTF-8, trailing text and nesting beyond jansson's limit are refused: the
 * documents come from registries and images, and two readers must not see two things. */
#ifndef RCTR_JSONX_H
#define RCTR_JSONX_H

#include <jansson.h>

#include "core/base/err.h"
#include "core/base/text.h"

static inline void jsonx_auto_(json_t **j)
{
    json_decref(*j);
}
#define autojson __attribute__((cleanup(jsonx_auto_)))

/* *ret is new. */
int jsonx_parse(const char *bytes, size_t n, json_t **ret, struct err *e);
/* Read and parse dir_fd/name (at most max_bytes). */
int jsonx_load(int dir_fd, const char *name, size_t max_bytes, json_t **ret, struct err *e);
/* Sorted keys, no spaces unless indent > 0. New string or NULL. */
char *jsonx_dump(const json_t *j, int indent);

/* Members of an object. A missing or null member is success with NULL/0/fallback; a member of
 * another type is -EINVAL that names `key`. Strings are borrowed. */
int jsonx_string(const json_t *o, const char *key, const char **ret, struct err *e);
/* The same copied into a field of fixed size; "" when it is missing, -EINVAL when it is longer. */
int jsonx_copy(const json_t *o, const char *key, char *ret, size_t size, struct err *e);
int jsonx_integer(const json_t *o, const char *key, json_int_t *ret, struct err *e);
int jsonx_bool(const json_t *o, const char *key, bool *ret, struct err *e);
int jsonx_object(const json_t *o, const char *key, json_t **ret, struct err *e); /* borrowed */
int jsonx_array(const json_t *o, const char *key, json_t **ret, struct err *e);  /* borrowed */
/* An object whose members are all strings, such as labels. *at is a reference of the caller's,
 * which is exchanged for a new one; it stays when the member is missing. */
int jsonx_string_members(const json_t *o, const char *key, json_t **at, struct err *e);
/* An array of strings, appended as copies. */
int jsonx_strings(const json_t *o, const char *key, struct strv *ret, struct err *e);

#endif
