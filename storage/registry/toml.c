#include "storage/registry/toml.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"

enum { DEPTH_MAX = 16, KEY_PARTS_MAX = 8 };

struct reader {
    const char *at;
    unsigned line, depth;
    json_t *root;
    struct err *e;
};

static int bad(const struct reader *r, const char *why)
{
    return err_set(r->e, EINVAL, "line %u: %s", r->line, why);
}

static void skip_blank(struct reader *r)
{
    while (*r->at == ' ' || *r->at == '\t')
        r->at++;
}

/* Blanks, comments and line ends. */
static void skip_space(struct reader *r)
{
    for (;; r->at++) {
        if (*r->at == '#')
            r->at += strcspn(r->at, "\n");
        if (*r->at == '\n')
            r->line++;
        else if (!isspace((unsigned char)*r->at))
            return;
        if (!*r->at)
            return;
    }
}

static int end_of_line(struct reader *r)
{
    skip_blank(r);
    if (*r->at == '#')
        r->at += strcspn(r->at, "\n");
    if (*r->at == '\r')
        r->at++;
    if (*r->at && *r->at != '\n')
        return bad(r, "something stands behind the value");
    return 0;
}

/* ---- strings ---- */

static int escape(struct reader *r, struct text *t)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    const char *which = *r->at ? strchr(from, *r->at) : NULL;

    if (!which)
        return bad(r, "an escape in a string that is not known here");
    text_add_n(t, &to[which - from], 1);
    r->at++;
    return 0;
}

static int read_string(struct reader *r, struct text *t)
{
    char quote = *r->at;

    if (r->at[1] == quote && r->at[2] == quote)
        return bad(r, "strings of several lines are not read");
    for (r->at++; *r->at != quote;) {
        if (*r->at == 0 || *r->at == '\n')
            return bad(r, "a string has no end");
        if (*r->at == '\\' && quote == '"') {
            int n;

            r->at++;
            n = escape(r, t);
            if (n < 0)
                return n;
            continue;
        }
        text_add_n(t, r->at++, 1);
    }
    r->at++;
    return text_check(t, r->e);
}

/* "a.b" or "'a b'.c": the parts, new. */
static int read_key(struct reader *r, struct strv *parts)
{
    for (;;) {
        autotext struct text t = {0};
        int n = 0;

        skip_blank(r);
        if (*r->at == '"' || *r->at == '\'') {
            n = read_string(r, &t);
        } else {
            while (isalnum((unsigned char)*r->at) || *r->at == '-' || *r->at == '_')
                text_add_n(&t, r->at++, 1);
            if (!t.n)
                n = bad(r, "a key is wanted");
        }
        if (n == 0 && parts->n == KEY_PARTS_MAX)
            n = bad(r, "a key has too many parts");
        if (n == 0)
            n = strv_add(parts, t.s ? t.s : "", r->e);
        if (n < 0)
            return n;
        skip_blank(r);
        if (*r->at != '.')
            return 0;
        r->at++;
    }
}

/* ---- values ---- */

static int read_value(struct reader *r, json_t **ret);
static int read_pair(struct reader *r, json_t *table);

static int read_array(struct reader *r, json_t **ret)
{
    autojson json_t *array = json_array();

    r->at++;
    for (;;) {
        json_t *item = NULL;
        int n;

        skip_space(r);
        if (*r->at == ']')
            break;
        n = read_value(r, &item);
        if (n < 0)
            return n;
        if (json_array_append_new(array, item) < 0)
            return err_memory(r->e);
        skip_space(r);
        if (*r->at == ',')
            r->at++;
        else if (*r->at != ']')
            return bad(r, "an array has no end");
    }
    r->at++;
    *ret = take_ptr(&array);
    return 0;
}

static int read_inline_table(struct reader *r, json_t **ret)
{
    autojson json_t *table = json_object();

    r->at++;
    for (;;) {
        int n;

        skip_blank(r);
        if (*r->at == '}')
            break;
        n = read_pair(r, table);
        if (n < 0)
            return n;
        skip_blank(r);
        if (*r->at == ',')
            r->at++;
        else if (*r->at != '}')
            return bad(r, "an inline table has no end");
    }
    r->at++;
    *ret = take_ptr(&table);
    return 0;
}

static int read_word(struct reader *r, json_t **ret)
{
    size_t n = strcspn(r->at, " \t\r\n,]}#");
    autofree char *word = strndup(r->at, n);
    char *end;
    long long number;

    if (!word)
        return err_memory(r->e);
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0) {
        *ret = json_boolean(*word == 't');
    } else {
        errno = 0;
        number = strtoll(word, &end, 10);
        if (!*word || *end || errno)
            return bad(r, "a value that is neither a string, true, false nor a whole number");
        *ret = json_integer(number);
    }
    r->at += n;
    return *ret ? 0 : err_memory(r->e);
}

static int read_value(struct reader *r, json_t **ret)
{
    autotext struct text t = {0};
    int n;

    if (r->depth == DEPTH_MAX)
        return bad(r, "values are nested too deep");
    if (*r->at == '"' || *r->at == '\'') {
        n = read_string(r, &t);
        if (n < 0)
            return n;
        *ret = json_string(t.s);
        return *ret ? 0 : bad(r, "a string is not UTF-8");
    }
    r->depth++;
    n = *r->at == '['   ? read_array(r, ret)
        : *r->at == '{' ? read_inline_table(r, ret)
                        : read_word(r, ret);
    r->depth--;
    return n;
}

/* ---- tables ---- */

/* The table that the parts lead to from `from`, made where it is missing; an array of tables means
 * its last one. Borrowed. */
static int walk(struct reader *r, json_t *from, char *const *parts, size_t n, json_t **ret)
{
    for (size_t i = 0; i < n; i++) {
        json_t *next = json_object_get(from, parts[i]);

        if (!next) {
            next = json_object();
            if (json_object_set_new(from, parts[i], next) < 0)
                return bad(r, "a key is not UTF-8");
        }
        if (json_is_array(next) && json_array_size(next) > 0)
            next = json_array_get(next, json_array_size(next) - 1);
        if (!json_is_object(next))
            return bad(r, "a key is a value and a table at once");
        from = next;
    }
    *ret = from;
    return 0;
}

static int read_pair(struct reader *r, json_t *table)
{
    autostrv struct strv parts = {0};
    json_t *value = NULL;
    int n = read_key(r, &parts);

    if (n == 0 && *r->at != '=')
        n = bad(r, "'=' is wanted behind a key");
    if (n < 0)
        return n;
    r->at++;
    skip_blank(r);
    n = read_value(r, &value);
    if (n == 0)
        n = walk(r, table, parts.v, parts.n - 1, &table);
    if (n == 0 && json_object_get(table, parts.v[parts.n - 1]))
        n = bad(r, "a key is set twice");
    if (n < 0) {
        json_decref(value);
        return n;
    }
    return json_object_set_new(table, parts.v[parts.n - 1], value) < 0
               ? bad(r, "a key is not UTF-8")
               : 0;
}

/* A new element of an array of tables. */
static int append_table(struct reader *r, json_t *parent, const char *key, json_t **ret)
{
    json_t *array = json_object_get(parent, key);

    if (!array) {
        array = json_array();
        if (json_object_set_new(parent, key, array) < 0)
            return bad(r, "a key is not UTF-8");
    }
    *ret = json_object();
    if (!json_is_array(array))
        return json_decref(*ret), bad(r, "a table and an array of tables have the same name");
    return json_array_append_new(array, *ret) < 0 ? err_memory(r->e) : 0;
}

/* "[a.b]" or "[[a.b]]"; *ret is the table that the following pairs belong to. */
static int read_header(struct reader *r, json_t **ret)
{
    autostrv struct strv parts = {0};
    bool array = r->at[1] == '[';
    json_t *parent = NULL;
    int n;

    r->at += array ? 2 : 1;
    n = read_key(r, &parts);
    if (n == 0 && (*r->at != ']' || (array && r->at[1] != ']')))
        n = bad(r, "the name of a table has no end");
    if (n < 0)
        return n;
    r->at += array ? 2 : 1;
    if (!array)
        return walk(r, r->root, parts.v, parts.n, ret);
    n = walk(r, r->root, parts.v, parts.n - 1, &parent);
    return n < 0 ? n : append_table(r, parent, parts.v[parts.n - 1], ret);
}

int toml_parse(const char *text, json_t **ret, struct err *e)
{
    autojson json_t *root = json_object();
    struct reader r = {.at = text, .line = 1, .root = root, .e = e};
    json_t *table = root;
    int n = 0;

    if (!root)
        return err_memory(e);
    for (;;) {
        skip_space(&r);
        if (!*r.at)
            break;
        n = *r.at == '[' ? read_header(&r, &table) : read_pair(&r, table);
        if (n == 0)
            n = end_of_line(&r);
        if (n < 0)
            return n;
    }
    *ret = take_ptr(&root);
    return 0;
}
