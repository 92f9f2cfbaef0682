/* dockerfile_error - what is wrong with a Dockerfile, and where.
 *
 *     Dockerfile:3: unknown instruction 'RNU': did you mean RUN?
 *         RNU apt-get update
 *         ^~~
 */
#ifndef RCTR_DOCKERFILE_ERROR_H
#define RCTR_DOCKERFILE_ERROR_H

#include "core/base/near.h"
#include "core/base/text.h"

/* The file as it was read. The text is NUL-terminated too, and has no other NUL. */
struct dockerfile_source {
    char *name; /* owned: as it is shown */
    char *text; /* owned */
    size_t n;
};
void dockerfile_error_source_free(struct dockerfile_source *s);

/* A spot in it; both count from 1. column 0: the whole line is meant. */
struct dockerfile_place {
    unsigned line, column;
    unsigned width; /* bytes that are meant; 0 or 1: one */
};

/* Begin a failure: "NAME:LINE: ", the words, the line, the caret. Returns -EINVAL. */
int dockerfile_error_set(struct err *e, const struct dockerfile_source *s,
                         struct dockerfile_place at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Give the failure `r` of something that knows no lines ("'abc' is not a number") its place.
 * Returns r. */
int dockerfile_error_wrap(struct err *e, int r, const struct dockerfile_source *s,
                          struct dockerfile_place at);

/* "\n    the line\n    ^~~": long lines are cut around the place, control characters are not
 * shown. Nothing when there is no such line. */
void dockerfile_error_quote(struct text *to, const struct dockerfile_source *s,
                            struct dockerfile_place at);

enum { DOCKERFILE_ERROR_HINT_MAX = NEAR_WORD_MAX + 32 };
/* ": did you mean --from?" (`prefix` "--"), or "" when nothing is near. Returns buf. */
const char *dockerfile_error_hint(const struct near *n, const char *prefix,
                                  char buf[DOCKERFILE_ERROR_HINT_MAX]);

#endif
