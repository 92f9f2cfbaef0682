#include "core/base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool grow(struct text *t, size_t more)
{
    size_t cap = t->cap ? t->cap : 64;
    char *s;

    if (t->failed)
        return false;
    while (cap - t->n <= more) {
        if (cap > (size_t)-1 / 4) {
            t->failed = true;
            return false;
        }
        cap *= 2;
    }
    if (cap == t->cap)
        return true;
    s = realloc(t->s, cap);
    if (!s) {
        t->failed = true;
        return false;
    }
    t->s = s;
    t->cap = cap;
    return true;
}

void text_add_n(struct text *t, const void *bytes, size_t n)
{
    if (!grow(t, n))
        return;
    if (n)
        memcpy(t->s + t->n, bytes, n);
    t->n += n;
    t->s[t->n] = 0;
}

void text_add(struct text *t, const char *s)
{
    text_add_n(t, s, strlen(s));
}

void text_addf(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !grow(t, (size_t)n)) {
        t->failed = true;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(t->s + t->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    t->n += (size_t)n;
}

void text_cut(struct text *t, size_t n)
{
    if (n > t->n || !t->s)
        return;
    t->n = n;
    t->s[n] = 0;
}

void text_free(struct text *t)
{
    free(t->s);
    *t = (struct text){0};
}

int text_check(struct text *t, struct err *e)
{
    if (!t->s)
        text_add_n(t, "", 0);
    return t->failed ? err_memory(e) : 0;
}

char *text_take(struct text *t)
{
    char *s;

    if (text_check(t, NULL) < 0) {
        text_free(t);
        return NULL;
    }
    s = t->s;
    *t = (struct text){0};
    return s;
}

char *text_format(const char *fmt, ...)
{
    va_list ap;
    char *s;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&s, fmt, ap);
    va_end(ap);
    return n < 0 ? NULL : s;
}

int strv_take(struct strv *l, char *s, struct err *e)
{
    char **v;

    if (!s)
        return err_memory(e);
    v = realloc(l->v, (l->n + 2) * sizeof *v);
    if (!v) {
        free(s);
        return err_memory(e);
    }
    l->v = v;
    v[l->n++] = s;
    v[l->n] = NULL;
    return 0;
}

int strv_add(struct strv *l, const char *s, struct err *e)
{
    return strv_take(l, strdup(s), e);
}

int strv_addf(struct strv *l, struct err *e, const char *fmt, ...)
{
    va_list ap;
    char *s;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&s, fmt, ap);
    va_end(ap);
    return strv_take(l, n < 0 ? NULL : s, e);
}

int strv_set_env(struct strv *l, const char *assignment, struct err *e)
{
    size_t name = strcspn(assignment, "=");
    char *copy;

    for (size_t i = 0; i < l->n; i++) {
        if (strncmp(l->v[i], assignment, name) != 0 || l->v[i][name] != '=')
            continue;
        copy = strdup(assignment);
        if (!copy)
            return err_memory(e);
        free(l->v[i]);
        l->v[i] = copy;
        return 0;
    }
    return strv_add(l, assignment, e);
}

const char *strv_env(const struct strv *l, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < l->n; i++)
        if (strncmp(l->v[i], name, n) == 0 && l->v[i][n] == '=')
            return l->v[i] + n + 1;
    return NULL;
}

bool strv_has(const struct strv *l, const char *s)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i], s) == 0)
            return true;
    return false;
}

int strv_copy(struct strv *to, const struct strv *from, struct err *e)
{
    for (size_t i = 0; i < from->n; i++) {
        int r = strv_add(to, from->v[i], e);

        if (r < 0)
            return r;
    }
    return 0;
}

void strv_free(struct strv *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    *l = (struct strv){0};
}

bool text_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int text_number(const char *s, unsigned long long max, unsigned long long *ret, struct err *e)
{
    unsigned long long v = 0;

    if (!*s)
        return err_set(e, EINVAL, "a number is missing");
    for (const char *p = s; *p; p++) {
        unsigned digit = (unsigned)(*p - '0');

        if (digit > 9)
            return err_set(e, EINVAL, "'%s' is not a number", s);
        if (digit > max || v > (max - digit) / 10)
            return err_set(e, ERANGE, "'%s' is too large (at most %llu)", s, max);
        v = v * 10 + digit;
    }
    *ret = v;
    return 0;
}

/* "", "b", "k", "kb", "kib" and so on, in either case: which power of 1024? -1 when unknown. */
static int unit_power(const char *unit)
{
    static const char units[] = "bkmgtp";
    const char *u = *unit ? strchr(units, *unit | 0x20) : units;
    const char *tail = *unit ? unit + 1 : unit;

    if (!u || !*u)
        return -1;
    if (*tail && (u == units || (strcasecmp(tail, "b") != 0 && strcasecmp(tail, "ib") != 0)))
        return -1;
    return (int)(u - units);
}

/* Whole numbers stay exact; others may have one decimal point, never an exponent. */
int text_size(const char *s, unsigned long long *ret_bytes, struct err *e)
{
    size_t whole = strspn(s, "0123456789");
    size_t n = s[whole] == '.' ? whole + 1 + strspn(s + whole + 1, "0123456789") : whole;
    int power = unit_power(s + n);
    unsigned long long limit = (unsigned long long)LLONG_MAX;
    double v;

    if (whole == 0 || power < 0)
        return err_set(e, EINVAL, "'%s' is not a size (such as 64m, 1g or 512k)", s);
    errno = 0;
    if (n == whole) {
        unsigned long long count = strtoull(s, NULL, 10);

        if (errno || count > limit >> (10 * power))
            return err_set(e, ERANGE, "'%s' is too large", s);
        *ret_bytes = count << (10 * power);
        return 0;
    }
    v = strtod(s, NULL) * (double)(1ULL << (10 * power));
    if (v >= 0x1p63)
        return err_set(e, ERANGE, "'%s' is too large", s);
    *ret_bytes = (unsigned long long)v;
    return 0;
}
