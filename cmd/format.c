/* Theory of operation: a template is rendered while it is read, by recursive descent. A block that
 * is not wanted (the other branch of an if, the body of a range over nothing) is read by the same
 * code with `out` NULL, so that its end is found and its grammar checked; fields are not looked up
 * then. */
#include "cmd/format.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/near.h"

enum { WORDS_MAX = 8, WORD_MAX = 256, DEPTH_MAX = 32 };

/* Objects whose keys are the user's: a missing one is no mistake. */
static const char *const free_maps[] = {"Labels", "Annotations", "ExposedPorts", "Volumes"};

struct render {
    const char *at; /* the text still to read */
    struct err *e;
    bool lenient; /* values may have any type (a header stands for its field) */
};

/* ---- values ---- */

static void add_value(struct text *out, json_t *v)
{
    const char *key;
    json_t *item;
    size_t i;

    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_STRING: text_add_n(out, json_string_value(v), json_string_length(v)); break;
    case JSON_INTEGER: text_addf(out, "%lld", (long long)json_integer_value(v)); break;
    case JSON_REAL: text_addf(out, "%g", json_real_value(v)); break;
    case JSON_TRUE: text_add(out, "true"); break;
    case JSON_FALSE: text_add(out, "false"); break;
    case JSON_NULL: text_add(out, "<no value>"); break;
    case JSON_ARRAY:
        text_add(out, "[");
        json_array_foreach(v, i, item)
        {
            text_add(out, i ? " " : "");
            add_value(out, item);
        }
        text_add(out, "]");
        break;
    case JSON_OBJECT:
        text_add(out, "map[");
        i = 0;
        json_object_foreach(v, key, item)
        {
            text_addf(out, "%s%s:", i++ ? " " : "", key);
            add_value(out, item);
        }
        text_add(out, "]");
        break;
    }
}

static bool is_true(json_t *v)
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

static bool is_free_map(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(free_maps); i++)
        if (strcmp(free_maps[i], name) == 0)
            return true;
    return false;
}

static int unknown_field(json_t *object, const char *field, struct err *e)
{
    struct near near = {.word = field};
    const char *key;
    json_t *item;

    json_object_foreach(object, key, item) near_offer(&near, key);
    if (near.best)
        return err_set(e, EINVAL, "--format: there is no field \"%s\"; did you mean \"%s\"?", field,
                       near.best);
    return err_set(e, EINVAL, "--format: there is no field \"%s\"", field);
}

/* ".Config.Env" below `dot`; *ret is borrowed, NULL for no value. */
static int look_up(const struct render *t, const char *path, json_t *dot, json_t **ret)
{
    char part[WORD_MAX], before[WORD_MAX] = "";

    while (*path == '.' && path[1]) {
        size_t n = strcspn(path + 1, ".");
        json_t *next;

        snprintf(part, sizeof part, "%.*s", (int)n, path + 1);
        next = json_object_get(dot, part);
        if (!next && (t->lenient && !json_is_object(dot))) {
            *ret = dot; /* a header: it stands for whatever is below its field */
            return 0;
        }
        if (!next && json_is_object(dot) && !is_free_map(before))
            return unknown_field(dot, part, t->e);
        if (!next && dot && !json_is_object(dot) && !json_is_null(dot))
            return err_set(t->e, EINVAL, "--format: \"%s\" has no fields, so no \"%s\"", before,
                           part);
        dot = json_is_null(next) ? NULL : next;
        snprintf(before, sizeof before, "%s", part);
        path += 1 + n;
    }
    *ret = dot;
    return 0;
}

/* ---- the words between {{ and }} ---- */

struct action {
    char words[WORDS_MAX][WORD_MAX];
    bool quoted[WORDS_MAX];
    size_t n;
};

static int bad(const struct render *t, const char *why, const char *what)
{
    return err_set(t->e, EINVAL, "--format: %s: '{{%.60s'", why, what);
}

/* One word or quoted text at *p; moves it on. */
static int read_word(const struct render *t, const char **p, char word[WORD_MAX], bool *ret_quoted)
{
    const char *s = *p;
    char quote = *s == '"' || *s == '`' ? *s++ : 0;
    size_t n = 0;

    *ret_quoted = quote != 0;
    while (*s && n + 1 < WORD_MAX && (quote ? *s != quote : !isspace((unsigned char)*s))) {
        if (!quote && (text_starts(s, "}}") || text_starts(s, "-}}")))
            break;
        if (quote == '"' && *s == '\\' && s[1])
            s++;
        word[n++] = *s++;
    }
    word[n] = 0;
    if (quote && *s != quote)
        return bad(t, "a text is not closed", *p);
    *p = s + (quote != 0);
    return 0;
}

/* Read from behind "{{" to behind "}}"; -EINVAL when it does not end. */
static int read_action(struct render *t, struct action *ret)
{
    const char *p = t->at, *begin = p;

    *ret = (struct action){0};
    if (p[0] == '-' && isspace((unsigned char)p[1]))
        p++;
    for (;;) {
        p += strspn(p, " \t\n");
        if (!*p)
            return bad(t, "it does not end with }}", begin);
        if (text_starts(p, "}}")) {
            t->at = p + 2;
            return 0;
        }
        if (text_starts(p, "-}}")) {
            t->at = p + 3 + strspn(p + 3, " \t\n");
            return 0;
        }
        if (ret->n == WORDS_MAX)
            return bad(t, "it has too many words", begin);
        if (read_word(t, &p, ret->words[ret->n], &ret->quoted[ret->n]) < 0)
            return -EINVAL;
        ret->n++;
    }
}

/* ---- functions ---- */

static int argument(const struct render *t, const struct action *a, json_t *dot, json_t **ret)
{
    if (a->n < 2 || a->words[1][0] != '.' || a->quoted[1])
        return bad(t, "a field such as .Name is expected after the first word", a->words[0]);
    return look_up(t, a->words[1], dot, ret);
}

static void add_json(struct text *out, json_t *v)
{
    autofree char *s = v ? jsonx_dump(v, 0) : strdup("null");

    text_add(out, s ? s : "");
}

static void add_case(struct text *out, json_t *v, int (*change)(int))
{
    autotext struct text t = {0};

    add_value(&t, v);
    for (size_t i = 0; i < t.n; i++)
        t.s[i] = (char)change((unsigned char)t.s[i]);
    text_add_n(out, t.s ? t.s : "", t.n);
}

static void add_joined(struct text *out, json_t *v, const char *with)
{
    json_t *item;
    size_t i;

    if (!json_is_array(v)) {
        add_value(out, v);
        return;
    }
    json_array_foreach(v, i, item)
    {
        text_add(out, i ? with : "");
        add_value(out, item);
    }
}

static void add_length(struct text *out, json_t *v)
{
    size_t n = json_is_string(v)  ? json_string_length(v)
               : json_is_array(v) ? json_array_size(v)
                                  : json_object_size(v);

    text_addf(out, "%zu", n);
}

static json_t *index_of(json_t *v, const char *key)
{
    if (json_is_array(v))
        return json_array_get(v, strtoul(key, NULL, 10));
    return json_object_get(v, key);
}

/* An action that puts out a value. */
static int run_action(const struct render *t, const struct action *a, json_t *dot, struct text *out)
{
    const char *f = a->words[0];
    json_t *v = NULL;
    int r;

    if (a->quoted[0]) {
        text_add(out, f);
        return 0;
    }
    if (f[0] == '.') {
        r = a->n == 1 ? look_up(t, f, dot, &v) : bad(t, "a field stands alone", f);
        if (r == 0)
            add_value(out, v);
        return r;
    }
    r = argument(t, a, dot, &v);
    if (r < 0)
        return r;
    if (strcmp(f, "json") == 0)
        add_json(out, v);
    else if (strcmp(f, "len") == 0)
        add_length(out, v);
    else if (strcmp(f, "upper") == 0)
        add_case(out, v, toupper);
    else if (strcmp(f, "lower") == 0)
        add_case(out, v, tolower);
    else if (strcmp(f, "join") == 0 && a->n == 3)
        add_joined(out, v, a->words[2]);
    else if (strcmp(f, "index") == 0 && a->n == 3)
        add_value(out, index_of(v, a->words[2]));
    else
        return bad(t, "unknown word (known: json, len, upper, lower, join, index, range, if)", f);
    return 0;
}

/* ---- text and blocks ---- */

/* Text up to the next "{{", escapes resolved. */
static void add_literal(struct render *t, struct text *out)
{
    size_t keep = out ? out->n : 0;

    for (; *t->at && !text_starts(t->at, "{{"); t->at++) {
        char c = *t->at;

        if (c == '\\' && t->at[1] && strchr("nt\\\"", t->at[1])) {
            t->at++;
            c = *t->at == 'n' ? '\n' : *t->at == 't' ? '\t' : *t->at;
        }
        if (out)
            text_add_n(out, &c, 1);
    }
    if (out && text_starts(t->at, "{{-") && out->s)
        while (out->n > keep && isspace((unsigned char)out->s[out->n - 1]))
            out->s[--out->n] = 0;
}

enum stop { STOP_END_OF_TEXT, STOP_ELSE, STOP_END };

static int render_until(struct render *t, json_t *dot, struct text *out, int depth,
                        enum stop *ret_stop);

/* The body from t->at with `dot`, to its else or end. */
static int body(struct render *t, json_t *dot, struct text *out, int depth, enum stop *stop)
{
    int r = render_until(t, dot, out, depth + 1, stop);

    if (r == 0 && *stop == STOP_END_OF_TEXT)
        return err_set(t->e, EINVAL, "--format: {{end}} is missing");
    return r;
}

static int render_range(struct render *t, json_t *v, json_t *dot, struct text *out, int depth)
{
    const char *begin = t->at;
    enum stop stop = STOP_END;
    const char *key;
    json_t *item;
    size_t i, n = 0;
    int r = 0;

    if (json_is_array(v))
        json_array_foreach(v, i, item)
        {
            t->at = begin;
            n++;
            r = body(t, item, out, depth, &stop);
            if (r < 0)
                return r;
        }
    if (json_is_object(v))
        json_object_foreach(v, key, item)
        {
            t->at = begin;
            n++;
            r = body(t, item, out, depth, &stop);
            if (r < 0)
                return r;
        }
    if (n == 0)
        r = body(t, NULL, NULL, depth, &stop);
    if (r == 0 && stop == STOP_ELSE)
        r = body(t, dot, n ? NULL : out, depth, &stop);
    return r;
}

static int render_if(struct render *t, json_t *v, json_t *dot, struct text *out, int depth)
{
    enum stop stop;
    int r = body(t, dot, is_true(v) ? out : NULL, depth, &stop);

    if (r == 0 && stop == STOP_ELSE)
        r = body(t, dot, is_true(v) ? NULL : out, depth, &stop);
    return r;
}

static int render_until(struct render *t, json_t *dot, struct text *out, int depth,
                        enum stop *ret_stop)
{
    if (depth > DEPTH_MAX)
        return err_set(t->e, EINVAL, "--format: the blocks are nested too deeply");
    for (;;) {
        struct action a;
        json_t *v = NULL;
        bool block;
        int r;

        add_literal(t, out);
        *ret_stop = STOP_END_OF_TEXT;
        if (!*t->at)
            return 0;
        t->at += 2;
        r = read_action(t, &a);
        if (r < 0)
            return r;
        if (a.n == 1 && !a.quoted[0] &&
            (strcmp(a.words[0], "end") == 0 || strcmp(a.words[0], "else") == 0)) {
            if (depth == 0)
                return bad(t, "it closes nothing", a.words[0]);
            *ret_stop = a.words[0][1] == 'n' ? STOP_END : STOP_ELSE;
            return 0;
        }
        block = a.n > 1 && (strcmp(a.words[0], "range") == 0 || strcmp(a.words[0], "if") == 0);
        if (block && out)
            r = argument(t, &a, dot, &v);
        if (r == 0 && block)
            r = a.words[0][0] == 'r' ? render_range(t, v, dot, out, depth)
                                     : render_if(t, v, dot, out, depth);
        else if (r == 0 && out && a.n)
            r = run_action(t, &a, dot, out);
        if (r < 0)
            return r;
    }
}

static int render(const char *template, json_t *value, bool lenient, struct text *ret,
                  struct err *e)
{
    struct render t = {template, e, lenient};
    enum stop stop;
    int r = render_until(&t, value, ret, 0, &stop);

    return r < 0 ? r : text_check(ret, e);
}

int format_render(const char *template, json_t *value, struct text *ret, struct err *e)
{
    return render(template, value, false, ret, e);
}

int format_render_header(const char *template, json_t *header, struct text *ret, struct err *e)
{
    return render(template, header, true, ret, e);
}
