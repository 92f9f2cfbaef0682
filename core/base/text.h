/* text - a string that grows, and a list of strings.
 *
 * `struct text` starts as {0} and owns its bytes; s is NULL only while it is empty and untouched.
 * Growing cannot fail from the caller's view: when memory is exhausted the text is marked
 * (`failed`), later additions do nothing, and text_check() tells once at the end. */
#ifndef RCTR_TEXT_H
#define RCTR_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct text {
    char *s; /* NUL-terminated, owned */
    size_t n, cap;
    bool failed;
};

void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const void *bytes, size_t n);
void text_addf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Only the first n bytes stay. */
void text_cut(struct text *t, size_t n);
void text_free(struct text *t);
/* 0, or -ENOMEM when any addition failed. An untouched text becomes "". */
int text_check(struct text *t, struct err *e);
/* Hand the bytes to the caller (new; never NULL unless failed). */
char *text_take(struct text *t);

/* New string or NULL. */
char *text_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A list of owned strings, NULL-terminated in v (v is NULL while n is 0). */
struct strv {
    char **v;
    size_t n;
};
int strv_add(struct strv *l, const char *s, struct err *e); /* copies */
int strv_take(struct strv *l, char *s, struct err *e);      /* takes; frees on failure */
int strv_addf(struct strv *l, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Like the environment: replaces the entry with the same NAME before '=', or adds one. Copies. */
int strv_set_env(struct strv *l, const char *assignment, struct err *e);
const char *strv_env(const struct strv *l, const char *name); /* borrowed value or NULL */
bool strv_has(const struct strv *l, const char *s);
int strv_copy(struct strv *to, const struct strv *from, struct err *e); /* appends */
void strv_free(struct strv *l);

bool text_starts(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);

/* Strict decimal: digits only, no sign, no space, at most max. */
int text_number(const char *s, unsigned long long max, unsigned long long *ret, struct err *e);
/* "64m", "1g", "512k", "100b", "1024" (powers of 1024; also "64MiB", "1.5g"). */
int text_size(const char *s, unsigned long long *ret_bytes, struct err *e);

static inline void text_auto_(struct text *t)
{
    text_free(t);
}
static inline void strv_auto_(struct strv *l)
{
    strv_free(l);
}
#define autotext __attribute__((cleanup(text_auto_)))
#define autostrv __attribute__((cleanup(strv_auto_)))

#endif
