/* list_read - a registry's lists as it sends them: names of tags and repositories, and what a
 * search found. All of it is hostile: a name that is none is refused, words are fit for a terminal.
 *
 * Source: OCI distribution-spec 1.1 "Content Discovery"; Docker Registry HTTP API V1 "Search". */
#ifndef RCTR_LIST_READ_H
#define RCTR_LIST_READ_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/text.h"

/* The array `key`, "tags" or "repositories", appended. -EPROTO: a name is none; -EINVAL: no such
 * document. */
int list_read_names(const char *bytes, size_t n, const char *key, struct strv *ret, struct err *e);

struct list_found {
    char *name, *description; /* owned; the name with its registry */
    long long stars;
    bool official, automated;
};
struct list_result {
    struct list_found *v; /* owned */
    size_t n;
};

/* The answer to a search in `registry`, appended, at most `max` in all; half of it may be there
 * after a failure. */
int list_read_found(const char *bytes, size_t count, const char *registry, size_t max,
                    struct list_result *ret, struct err *e);
int list_read_add(struct list_result *l, const char *registry, const char *name,
                  const char *description, struct err *e);
void list_read_free(struct list_result *l);
static inline void list_auto_(struct list_result *l)
{
    list_read_free(l);
}
#define autolist __attribute__((cleanup(list_auto_)))

#endif
