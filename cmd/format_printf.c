#include "cmd/format_printf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/format_lex.h"
#include "core/base/auto.h"

/* ---- %v ---- */

/* The fewest digits that are read as the same number, with an exponent where Go has one. */
static void print_real(struct text *out, double v)
{
    char buf[64];
    int digits = 0, exponent;

    do
        snprintf(buf, sizeof buf, "%.*e", digits, v);
    while (strtod(buf, NULL) != v && ++digits <= 17);
    exponent = strchr(buf, 'e') ? atoi(strchr(buf, 'e') + 1) : 0;
    if (exponent >= -4 && exponent < 6)
        snprintf(buf, sizeof buf, "%.*f", digits > exponent ? digits - exponent : 0, v);
    text_add(out, buf);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_inner(struct text *out, json_t *v);

static void print_map(struct text *out, json_t *v)
{
    size_t n = json_object_size(v), i = 0;
    autofree const char **keys = calloc(n + 1, sizeof *keys);
    const char *key;
    json_t *item;

    if (!keys) {
        out->failed = true;
        return;
    }
    json_object_foreach(v, key, item)
    {
        keys[i++] = key;
    }
    qsort(keys, n, sizeof *keys, by_key);
    text_add(out, "map[");
    for (i = 0; i < n; i++) {
        text_addf(out, "%s%s:", i ? " " : "", keys[i]);
        print_inner(out, json_object_get(v, keys[i]));
    }
    text_add(out, "]");
}

static void print_list(struct text *out, json_t *v)
{
    json_t *item;
    size_t i;

    text_add(out, "[");
    json_array_foreach(v, i, item)
    {
        text_add(out, i ? " " : "");
        print_inner(out, item);
    }
    text_add(out, "]");
}

/* A value inside of another one. */
static void print_inner(struct text *out, json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_STRING: text_add_n(out, json_string_value(v), json_string_length(v)); break;
    case JSON_INTEGER: text_addf(out, "%lld", (long long)json_integer_value(v)); break;
    case JSON_REAL: print_real(out, json_real_value(v)); break;
    case JSON_TRUE: text_add(out, "true"); break;
    case JSON_FALSE: text_add(out, "false"); break;
    case JSON_NULL: text_add(out, "<nil>"); break;
    case JSON_ARRAY: print_list(out, v); break;
    case JSON_OBJECT: print_map(out, v); break;
    }
}

void format_printf_value(struct text *out, json_t *v)
{
    if (!v || json_is_null(v))
        text_add(out, "<no value>");
    else
        print_inner(out, v);
}

/* ---- verbs ---- */

struct verb {
    bool left, zero, plus, blank;
    int width, precision; /* -1: none */
    char letter;
};

/* Digits at *p, as far as they make sense. */
static unsigned read_number(const char **p)
{
    unsigned n = 0;

    for (; isdigit((unsigned char)**p); (*p)++)
        n = n > FORMAT_PRINTF_WIDTH ? n : n * 10 + (unsigned)(**p - '0');
    return n;
}

/* From behind the '%'. */
static int read_verb(const char **p, struct verb *ret, struct err *e)
{
    struct verb v = {.precision = -1};
    unsigned width, precision = 0;

    for (;; (*p)++) {
        if (**p == '-')
            v.left = true;
        else if (**p == '0')
            v.zero = true;
        else if (**p == '+')
            v.plus = true;
        else if (**p == ' ')
            v.blank = true;
        else if (**p != '#')
            break;
    }
    width = read_number(p);
    if (**p == '.') {
        (*p)++;
        precision = read_number(p);
        v.precision = (int)precision;
    }
    if (width > FORMAT_PRINTF_WIDTH || precision > FORMAT_PRINTF_WIDTH)
        return format_lex_bad(e, "\"printf\": a width of more than %d letters",
                              FORMAT_PRINTF_WIDTH);
    v.width = (int)width;
    v.letter = **p;
    if (v.letter)
        (*p)++;
    *ret = v;
    return 0;
}

static void add_quoted(struct text *out, const char *s)
{
    autojson json_t *j = json_string(s);
    autofree char *text = j ? jsonx_dump(j, 0) : NULL;

    text_add(out, text ? text : "\"\"");
}

static void add_binary(struct text *out, json_int_t i)
{
    unsigned long long u = i < 0 ? -(unsigned long long)i : (unsigned long long)i;
    char buf[65];
    size_t at = sizeof buf - 1;

    buf[at] = 0;
    do
        buf[--at] = (char)('0' + u % 2);
    while (u /= 2);
    text_addf(out, "%s%s", i < 0 ? "-" : "", buf + at);
}

static void add_integer(struct text *out, const struct verb *v, json_int_t i)
{
    const char *sign = i < 0 ? "-" : v->plus ? "+" : v->blank ? " " : "";
    unsigned long long u = i < 0 ? -(unsigned long long)i : (unsigned long long)i;

    switch (v->letter) {
    case 'x': text_addf(out, "%s%llx", sign, u); break;
    case 'X': text_addf(out, "%s%llX", sign, u); break;
    case 'o': text_addf(out, "%s%llo", sign, u); break;
    case 'b': add_binary(out, i); break;
    default: text_addf(out, "%s%llu", sign, u); break;
    }
}

static void add_real(struct text *out, const struct verb *v, double d)
{
    const char *sign = d >= 0 && v->plus ? "+" : d >= 0 && v->blank ? " " : "";

    text_add(out, sign);
    if (v->letter == 'e')
        text_addf(out, "%.*e", v->precision < 0 ? 6 : v->precision, d);
    else if (v->letter == 'f' || v->letter == 'F')
        text_addf(out, "%.*f", v->precision < 0 ? 6 : v->precision, d);
    else if (v->precision >= 0)
        text_addf(out, "%.*g", v->precision, d);
    else
        print_real(out, d);
}

static void add_hex(struct text *out, const char *s, bool capital)
{
    for (; *s; s++)
        text_addf(out, capital ? "%02X" : "%02x", (unsigned char)*s);
}

/* Letters of a text, at most v->precision of them. */
static void add_letters(struct text *out, const struct verb *v, json_t *value)
{
    autotext struct text t = {0};
    size_t n = 0;

    print_inner(&t, value);
    for (int letters = 0; n < t.n && (v->precision < 0 || letters < v->precision); letters++)
        do
            n++;
        while (n < t.n && (t.s[n] & 0xc0) == 0x80);
    text_add_n(out, t.s ? t.s : "", n);
}

/* Does the verb fit? */
static bool add_value(struct text *out, const struct verb *v, json_t *value)
{
    bool integer = json_is_integer(value), real = json_is_real(value);

    if (v->letter == 'v' && integer)
        add_integer(out, v, json_integer_value(value));
    else if (v->letter == 'v' && real)
        add_real(out, v, json_real_value(value));
    else if (v->letter == 'v')
        print_inner(out, value);
    else if (v->letter == 's' && !integer && !real && !json_is_boolean(value))
        add_letters(out, v, value);
    else if (v->letter == 'q' && json_is_string(value))
        add_quoted(out, json_string_value(value));
    else if ((v->letter == 'x' || v->letter == 'X') && json_is_string(value))
        add_hex(out, json_string_value(value), v->letter == 'X');
    else if (v->letter && strchr("dxXob", v->letter) && integer)
        add_integer(out, v, json_integer_value(value));
    else if (v->letter && strchr("eEfFgG", v->letter) && real)
        add_real(out, v, json_real_value(value));
    else if (v->letter == 't' && json_is_boolean(value))
        text_add(out, json_is_true(value) ? "true" : "false");
    else
        return false;
    return true;
}

static const char *go_type(json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_STRING: return "string=";
    case JSON_INTEGER: return "int=";
    case JSON_REAL: return "float64=";
    case JSON_TRUE:
    case JSON_FALSE: return "bool=";
    case JSON_ARRAY: return "[]interface {}=";
    case JSON_OBJECT: return "map[string]interface {}=";
    case JSON_NULL: break;
    }
    return "";
}

static void add_padded(struct text *out, const struct verb *v, const struct text *cell)
{
    const char *s = cell->s ? cell->s : "";
    int letters = 0, pad;

    for (size_t i = 0; i < cell->n; i++)
        letters += (s[i] & 0xc0) != 0x80;
    pad = v->width > letters ? v->width - letters : 0;
    if (v->left) {
        text_addf(out, "%s%*s", s, pad, "");
    } else if (v->zero && !strchr("sqv", v->letter)) {
        if (*s == '-' || *s == '+')
            text_add_n(out, s++, 1);
        while (pad--)
            text_add(out, "0");
        text_add(out, s);
    } else {
        text_addf(out, "%*s%s", pad, "", s);
    }
}

int format_printf(struct text *out, const char *how, json_t *const *args, size_t n, struct err *e)
{
    size_t used = 0;

    while (*how) {
        autotext struct text cell = {0};
        size_t plain = strcspn(how, "%");
        struct verb v = {0};

        text_add_n(out, how, plain);
        how += plain;
        if (!*how)
            break;
        how++;
        if (read_verb(&how, &v, e) < 0)
            return -EINVAL;
        if (v.letter == '%') {
            text_add(out, "%");
        } else if (!v.letter) {
            text_add(out, "%!(NOVERB)");
        } else if (used == n) {
            text_addf(out, "%%!%c(MISSING)", v.letter);
        } else {
            json_t *value = args[used++];

            if (!add_value(&cell, &v, value)) {
                text_addf(&cell, "%%!%c(%s", v.letter, go_type(value));
                print_inner(&cell, value);
                text_add(&cell, ")");
            }
            add_padded(out, &v, &cell);
        }
        if (out->n > FORMAT_PRINTF_MAX)
            return format_lex_bad(e, "more than %d MiB of output", FORMAT_PRINTF_MAX >> 20);
    }
    for (size_t i = used; i < n; i++) {
        text_addf(out, "%s%s", i == used ? "%!(EXTRA " : ", ", go_type(args[i]));
        print_inner(out, args[i]);
        text_add(out, i + 1 == n ? ")" : "");
    }
    return 0;
}
