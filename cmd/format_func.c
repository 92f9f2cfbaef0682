#include "cmd/format_func.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/format_lex.h"
#include "cmd/format_printf.h"
#include "core/base/auto.h"

/* ---- values ---- */

static const char *kind_of(json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_STRING: return "a text";
    case JSON_INTEGER:
    case JSON_REAL: return "a number";
    case JSON_TRUE:
    case JSON_FALSE: return "true or false";
    case JSON_ARRAY: return "a list";
    case JSON_OBJECT: return "a map";
    case JSON_NULL: break;
    }
    return "nothing";
}

static json_t *new_string(struct text *t)
{
    return t->failed ? NULL : json_stringn(t->s ? t->s : "", t->n);
}

/* *ret from a text that has been built. */
static int give_text(struct text *t, json_t **ret, struct err *e)
{
    if (t->n > FORMAT_PRINTF_MAX)
        return format_lex_bad(e, "more than %d MiB of output", FORMAT_PRINTF_MAX >> 20);
    *ret = new_string(t);
    return *ret ? 0 : err_memory(e);
}

static int give(json_t *v, json_t **ret, struct err *e)
{
    *ret = v;
    return v ? 0 : err_memory(e);
}

static int borrow(json_t *v, json_t **ret)
{
    *ret = v ? json_incref(v) : json_null();
    return 0;
}

bool format_func_true(json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_STRING: return json_string_length(v) > 0;
    case JSON_INTEGER: return json_integer_value(v) != 0;
    case JSON_REAL: return json_real_value(v) != 0;
    case JSON_TRUE: return true;
    case JSON_FALSE:
    case JSON_NULL: return false;
    case JSON_ARRAY: return json_array_size(v) > 0;
    case JSON_OBJECT: return json_object_size(v) > 0;
    }
    return false;
}

/* ---- texts ---- */

static int want_number(json_t *v, const char *function, long long *ret, struct err *e)
{
    if (!json_is_integer(v))
        return format_lex_bad(e, "\"%s\" wants a whole number, not %s", function, kind_of(v));
    *ret = json_integer_value(v);
    return 0;
}

static int want_text(json_t *v, const char *function, const char **ret, struct err *e)
{
    if (!json_is_string(v))
        return format_lex_bad(e, "\"%s\" wants a text, not %s", function, kind_of(v));
    *ret = json_string_value(v);
    return 0;
}

/* A copy of the printed value with each letter changed. */
static int change_case(json_t *v, int (*change)(int), bool words, json_t **ret, struct err *e)
{
    autotext struct text t = {0};

    format_printf_value(&t, v);
    for (size_t i = 0; i < t.n; i++)
        if (!(t.s[i] & 0x80) && (!words || i == 0 || isspace((unsigned char)t.s[i - 1])))
            t.s[i] = (char)change((unsigned char)t.s[i]);
    return give_text(&t, ret, e);
}

static int call_upper(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    (void)n;
    return change_case(args[0], toupper, false, ret, e);
}

static int call_lower(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    (void)n;
    return change_case(args[0], tolower, false, ret, e);
}

static int call_title(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    (void)n;
    return change_case(args[0], toupper, true, ret, e);
}

static int call_join(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    autotext struct text t = {0};
    const char *with = "";
    json_t *item;
    size_t i;

    (void)n;
    if (want_text(args[1], "join", &with, e) < 0)
        return -EINVAL;
    if (args[0] && !json_is_null(args[0]) && !json_is_array(args[0]))
        return format_lex_bad(e, "\"join\" wants a list, not %s", kind_of(args[0]));
    json_array_foreach(args[0], i, item)
    {
        text_add(&t, i ? with : "");
        format_printf_value(&t, item);
    }
    return give_text(&t, ret, e);
}

static int call_split(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    autojson json_t *list = json_array();
    const char *s = "", *at = "", *next;

    (void)n;
    if (want_text(args[0], "split", &s, e) < 0 || want_text(args[1], "split", &at, e) < 0)
        return -EINVAL;
    if (!*at)
        return format_lex_bad(e, "\"split\" wants a text to split at, not an empty one");
    for (; s; s = next ? next + strlen(at) : NULL) {
        next = strstr(s, at);
        if (json_array_append_new(list, json_stringn(s, next ? (size_t)(next - s) : strlen(s))) < 0)
            return err_memory(e);
    }
    return give(json_incref(list), ret, e);
}

/* Bytes of the first `letters` letters. */
static size_t letters_size(const char *s, long long letters)
{
    size_t n = 0;

    for (; s[n] && letters > 0; letters--)
        do
            n++;
        while ((s[n] & 0xc0) == 0x80);
    return n;
}

static int call_truncate(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    const char *s = "";
    long long letters = 0;

    (void)n;
    if (want_text(args[0], "truncate", &s, e) < 0 ||
        want_number(args[1], "truncate", &letters, e) < 0)
        return -EINVAL;
    return give(json_stringn(s, letters_size(s, letters)), ret, e);
}

/* docker's: blanks before and behind a text that is not empty. */
static int call_pad(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    autotext struct text t = {0};
    long long before = 0, behind = 0;
    const char *s = "";

    (void)n;
    if (want_text(args[0], "pad", &s, e) < 0 || want_number(args[1], "pad", &before, e) < 0 ||
        want_number(args[2], "pad", &behind, e) < 0)
        return -EINVAL;
    if (before < 0 || before > FORMAT_PRINTF_WIDTH || behind < 0 || behind > FORMAT_PRINTF_WIDTH)
        return format_lex_bad(e, "\"pad\" adds at most %d blanks", FORMAT_PRINTF_WIDTH);
    if (*s)
        text_addf(&t, "%*s%s%*s", (int)before, "", s, (int)behind, "");
    return give_text(&t, ret, e);
}

static int call_json(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    autofree char *s = args[0] ? jsonx_dump(args[0], 0) : strdup("null");

    (void)n;
    return s ? give(json_string(s), ret, e) : err_memory(e);
}

/* ---- printing ---- */

/* As fmt.Sprint: a blank between two values when neither is a text. */
static int call_print(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    autotext struct text t = {0};

    for (size_t i = 0; i < n; i++) {
        if (i && !json_is_string(args[i]) && !json_is_string(args[i - 1]))
            text_add(&t, " ");
        format_printf_value(&t, args[i]);
    }
    return give_text(&t, ret, e);
}

static int call_println(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    autotext struct text t = {0};

    for (size_t i = 0; i < n; i++) {
        text_add(&t, i ? " " : "");
        format_printf_value(&t, args[i]);
    }
    text_add(&t, "\n");
    return give_text(&t, ret, e);
}

static int call_printf(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    autotext struct text t = {0};
    const char *how = "";
    int r = want_text(args[0], "printf", &how, e);

    if (r == 0)
        r = format_printf(&t, how, args + 1, n - 1, e);
    return r < 0 ? r : give_text(&t, ret, e);
}

/* ---- lists and maps ---- */

static int call_len(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    json_t *v = args[0];

    (void)n;
    if (json_is_number(v) || json_is_boolean(v))
        return format_lex_bad(e, "\"len\" wants a text, a list or a map, not %s", kind_of(v));
    return give(json_integer((json_int_t)(json_is_string(v)  ? json_string_length(v)
                                          : json_is_array(v) ? json_array_size(v)
                                                             : json_object_size(v))),
                ret, e);
}

/* What a map gives for a key that it lacks: "" when its values are texts. */
static json_t *missing(json_t *map)
{
    void *first = json_object_iter(map);

    return !first || json_is_string(json_object_iter_value(first)) ? json_string("") : json_null();
}

static int index_once(json_t *v, json_t *key, json_t **ret, struct err *e)
{
    json_t *item;

    if (json_is_array(v)) {
        long long i = 0;

        if (want_number(key, "index", &i, e) < 0)
            return -EINVAL;
        if (i < 0 || (size_t)i >= json_array_size(v))
            return format_lex_bad(e, "there is no element %lld in a list of %zu", i,
                                  json_array_size(v));
        return borrow(json_array_get(v, (size_t)i), ret);
    }
    if (v && !json_is_null(v) && !json_is_object(v))
        return format_lex_bad(e, "\"index\" wants a list or a map, not %s", kind_of(v));
    if (!json_is_string(key) && !json_is_integer(key))
        return format_lex_bad(e, "\"index\" wants a key, not %s", kind_of(key));
    if (json_is_integer(key) && json_is_object(v))
        return format_lex_bad(e, "the keys of a map are texts: \"%lld\"",
                              (long long)json_integer_value(key));
    item = json_object_get(v, json_string_value(key));
    return item ? borrow(item, ret) : give(missing(v), ret, e);
}

static int call_index(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    autojson json_t *v = args[0] ? json_incref(args[0]) : json_null();

    for (size_t i = 1; i < n; i++) {
        json_t *next = NULL;

        if (index_once(v, args[i], &next, e) < 0)
            return -EINVAL;
        json_decref(v);
        v = next;
    }
    return borrow(v, ret);
}

static int call_slice(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    bool text = json_is_string(args[0]);
    long long size =
        text ? (long long)json_string_length(args[0]) : (long long)json_array_size(args[0]);
    long long from = 0, to = size;
    autojson json_t *list = NULL;

    if (!text && !json_is_array(args[0]))
        return format_lex_bad(e, "\"slice\" wants a text or a list, not %s", kind_of(args[0]));
    if ((n > 1 && want_number(args[1], "slice", &from, e) < 0) ||
        (n > 2 && want_number(args[2], "slice", &to, e) < 0))
        return -EINVAL;
    if (from < 0 || to < from || to > size)
        return format_lex_bad(e, "\"slice\": %lld to %lld is not within 0 to %lld", from, to, size);
    if (text) {
        *ret = json_stringn(json_string_value(args[0]) + from, (size_t)(to - from));
        return *ret ? 0 : format_lex_bad(e, "\"slice\" cuts a letter in two");
    }
    list = json_array();
    for (long long i = from; i < to; i++)
        if (json_array_append(list, json_array_get(args[0], (size_t)i)) < 0)
            return err_memory(e);
    return give(list ? json_incref(list) : NULL, ret, e);
}

/* ---- comparing ---- */

/* -1, 0 or 1 in *ret. */
static int compare(const char *function, json_t *a, json_t *b, int *ret, struct err *e)
{
    if (json_is_integer(a) && json_is_integer(b)) {
        json_int_t x = json_integer_value(a), y = json_integer_value(b);

        *ret = (x > y) - (x < y);
        return 0;
    }
    if (json_is_number(a) && json_is_number(b)) {
        double x = json_number_value(a), y = json_number_value(b);

        *ret = (x > y) - (x < y);
        return 0;
    }
    if (json_is_string(a) && json_is_string(b)) {
        *ret = strcmp(json_string_value(a), json_string_value(b));
        *ret = (*ret > 0) - (*ret < 0);
        return 0;
    }
    return format_lex_bad(e, "\"%s\" cannot compare %s with %s", function, kind_of(a), kind_of(b));
}

static int is_equal(const char *function, json_t *a, json_t *b, bool *ret, struct err *e)
{
    bool nothing_a = !a || json_is_null(a), nothing_b = !b || json_is_null(b);
    int order = 0, r = 0;

    if (nothing_a || nothing_b) {
        *ret = nothing_a && nothing_b;
    } else if (json_is_boolean(a) && json_is_boolean(b)) {
        *ret = json_is_true(a) == json_is_true(b);
    } else {
        r = compare(function, a, b, &order, e);
        *ret = order == 0;
    }
    return r;
}

static int call_eq(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    bool same = false;

    for (size_t i = 1; i < n && !same; i++)
        if (is_equal("eq", args[0], args[i], &same, e) < 0)
            return -EINVAL;
    *ret = json_boolean(same);
    return 0;
}

static int call_ne(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    bool same = false;

    (void)n;
    if (is_equal("ne", args[0], args[1], &same, e) < 0)
        return -EINVAL;
    *ret = json_boolean(!same);
    return 0;
}

/* A comparison that is true for the orders from `low` to `high`. */
#define ORDER(name, low, high) \
    static int call_##name(json_t *const *args, size_t n, json_t **ret, struct err *e) \
    { \
        int order = 0, r = compare(#name, args[0], args[1], &order, e); \
\
        (void)n; \
        *ret = r < 0 ? NULL : json_boolean(order >= (low) && order <= (high)); \
        return r; \
    }
ORDER(lt, -1, -1)
ORDER(le, -1, 0)
ORDER(gt, 1, 1)
ORDER(ge, 0, 1)

static int call_not(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
    (void)n, (void)e;
    *ret = json_boolean(!format_func_true(args[0]));
    return 0;
}

/* ---- the table ---- */

enum { MANY = 64 };

static const struct format_function functions[] = {
    {"and", 1, MANY, NULL},
    {"eq", 2, MANY, call_eq},
    {"ge", 2, 2, call_ge},
    {"gt", 2, 2, call_gt},
    {"index", 1, MANY, call_index},
    {"join", 2, 2, call_join},
    {"json", 1, 1, call_json},
    {"le", 2, 2, call_le},
    {"len", 1, 1, call_len},
    {"lower", 1, 1, call_lower},
    {"lt", 2, 2, call_lt},
    {"ne", 2, 2, call_ne},
    {"not", 1, 1, call_not},
    {"or", 1, MANY, NULL},
    {"pad", 3, 3, call_pad},
    {"print", 0, MANY, call_print},
    {"printf", 1, MANY, call_printf},
    {"println", 0, MANY, call_println},
    {"slice", 1, 3, call_slice},
    {"split", 2, 2, call_split},
    {"title", 1, 1, call_title},
    {"truncate", 2, 2, call_truncate},
    {"upper", 1, 1, call_upper},
};

const struct format_function *format_func_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    return NULL;
}

const char *format_func_name(size_t i)
{
    return i < ARRAY_SIZE(functions) ? functions[i].name : NULL;
}
