#include "core/build/dockerfile_word.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/build/glob.h"

static const char blank[] = " \t\v\f\r\n";

/* One text on its way. */
struct reader {
    struct dockerfile_word *w;
    const char *text, *s; /* s: what is not read yet */
    size_t max;           /* bytes of the result */
    struct strv *words;   /* where finished words go, or NULL: it is all one word */
    struct text *word;    /* the one that grows */
    bool in_word;         /* it has begun, perhaps with "" */
    unsigned depth;
};

static int fault(struct reader *r, const char *at, struct err *e, const char *words)
{
    r->w->fault = (size_t)(at - r->text);
    return err_set(e, EINVAL, "%s", words);
}

static int work(struct reader *r, size_t steps, struct err *e)
{
    r->w->work += steps;
    if (r->w->work <= DOCKERFILE_WORD_WORK_MAX)
        return 0;
    r->w->fault = (size_t)(r->s - r->text);
    return err_set(e, E2BIG, "expanding the variables of this file takes too long");
}

static int add(struct reader *r, const char *bytes, size_t n, struct err *e)
{
    if (r->word->n + n > r->max) {
        r->w->fault = (size_t)(r->s - r->text);
        return err_set(e, E2BIG, "the value would be longer than %zu bytes", r->max);
    }
    text_add_n(r->word, bytes, n);
    r->in_word = true;
    return work(r, n / 8, e);
}

static int end_word(struct reader *r, struct err *e)
{
    int code;

    if (!r->in_word)
        return 0;
    code = strv_add(r->words, r->word->s ? r->word->s : "", e);
    text_free(r->word);
    r->in_word = false;
    return code;
}

/* A value outside quotes: its blanks end words, when words are asked for. */
static int add_value(struct reader *r, const char *s, struct err *e)
{
    int code = 0;

    if (!r->words)
        return *s ? add(r, s, strlen(s), e) : 0;
    while (*s && code >= 0) {
        size_t n = strcspn(s, blank);

        if (n)
            code = add(r, s, n, e);
        s += n;
        n = strspn(s, blank);
        if (n && code >= 0)
            code = end_word(r, e);
        s += n;
    }
    return code;
}

/* ---- variables ---- */

static int note(struct strv *names, const char *name, struct err *e)
{
    if (strv_has(names, name))
        return 0;
    if (names->n == DOCKERFILE_WORD_NAMES_MAX)
        return err_set(e, E2BIG, "more than %d variables", DOCKERFILE_WORD_NAMES_MAX);
    return strv_add(names, name, e);
}

static int look_up(struct reader *r, const char *name, bool provided, const char **ret,
                   struct err *e)
{
    int code = work(r, DOCKERFILE_WORD_LOOK_UP, e);

    if (code < 0)
        return code;
    *ret = r->w->get ? r->w->get(r->w->context, name) : NULL;
    code = note(&r->w->used, name, e);
    if (code >= 0 && !*ret && !provided)
        code = note(&r->w->unset, name, e);
    return code;
}

/* Digits, one special character, or letters, digits and _; nothing at all is a name too. New. */
static char *take_name(struct reader *r)
{
    const char *begin = r->s;

    if (isdigit((unsigned char)*r->s)) {
        while (isdigit((unsigned char)*r->s))
            r->s++;
    } else if (*r->s && strchr("@*#?-$!", *r->s)) {
        r->s++;
    } else {
        while (isalnum((unsigned char)*r->s) || *r->s == '_' || (unsigned char)*r->s >= 0x80)
            r->s++;
    }
    return strndup(begin, (size_t)(r->s - begin));
}

static int read_until(struct reader *r, char stop, bool raw, struct err *e);

/* The word inside ${x:-word} up to `stop`, which is read too. `raw`: escapes stay, for a pattern.
 */
static int inner_word(struct reader *r, char stop, bool raw, struct text *ret, struct err *e)
{
    struct reader inner = *r;
    int code;

    if (++inner.depth > DOCKERFILE_WORD_DEPTH_MAX)
        return fault(r, r->s, e, "variables lie too deep inside each other");
    inner.words = NULL;
    inner.word = ret;
    code = read_until(&inner, stop, raw, e);
    r->s = inner.s;
    return code < 0 ? code : text_check(ret, e);
}

static int need(struct reader *r, const char *at, const char *name, const char *value,
                const char *word, struct err *e)
{
    r->w->fault = (size_t)(at - r->text);
    return err_set(e, ENOENT, "%.100s must %s%s%.200s", name, value ? "not be empty" : "be set",
                   *word ? ": " : "", word);
}

/* ${x-w} ${x+w} ${x?w}; `or_empty`: with a colon, which takes an empty value for none. */
static int provision(struct reader *r, const char *name, char kind, bool or_empty, struct text *ret,
                     struct err *e)
{
    autotext struct text word = {0};
    const char *at = r->s, *value;
    bool have;
    int code = inner_word(r, '}', false, &word, e);

    if (code >= 0)
        code = look_up(r, name, true, &value, e);
    if (code < 0)
        return code;
    have = value && (*value || !or_empty);
    if (kind == '?' && !have)
        return need(r, at, name, value, word.s, e);
    if (kind == '+')
        text_add(ret, have ? word.s : "");
    else
        text_add(ret, have ? value : word.s);
    return text_check(ret, e);
}

/* ---- patterns ---- */

/* How many bytes of s (going forward, or from its end backwards) match; -1: none do. `longest` of
 * several. */
static int reach(struct reader *r, struct glob *g, const char *s, size_t n, bool back, bool longest,
                 ssize_t *ret, struct err *e)
{
    size_t done = 0;
    int code = 0;

    *ret = -1;
    glob_begin(g);
    for (;;) {
        size_t width = 1;
        uint32_t c;

        if (glob_accepts(g)) {
            *ret = (ssize_t)done;
            if (!longest)
                return 0;
        }
        if (done == n)
            return 0;
        if (back) {
            while (done + width < n && ((unsigned char)s[n - done - width] & 0xc0) == 0x80)
                width++;
            c = glob_character(s + n - done - width, &width);
        } else {
            c = glob_character(s + done, &width);
        }
        code = work(r, g->n_now + 1, e);
        if (code < 0 || !glob_feed(g, c))
            return code;
        done += width;
    }
}

static int parse_pattern(struct reader *r, const char *pattern, const char *at, struct glob *ret,
                         struct err *e)
{
    int code = glob_parse(pattern, GLOB_TEXT, ret, e);

    if (code < 0)
        r->w->fault = (size_t)(at - r->text);
    return code < 0 ? err_wrap(e, code, "pattern '%.100s'", pattern) : 0;
}

/* ${x#p} ${x##p} ${x%p} ${x%%p} */
static int strip(struct reader *r, const char *name, char kind, struct text *ret, struct err *e)
{
    autotext struct text pattern = {0};
    autoglob struct glob g = {0};
    const char *at = r->s, *value;
    bool longest = *r->s == kind;
    ssize_t n;
    int code;

    r->s += longest;
    code = inner_word(r, '}', true, &pattern, e);
    if (code >= 0)
        code = look_up(r, name, false, &value, e);
    if (code >= 0)
        code = parse_pattern(r, pattern.s, at, &g, e);
    if (code < 0)
        return code;
    if (!value)
        value = "";
    if (kind == '%')
        glob_reverse(&g);
    code = reach(r, &g, value, strlen(value), kind == '%', longest, &n, e);
    if (code < 0)
        return code;
    if (n < 0)
        n = 0;
    if (kind == '#')
        text_add(ret, value + n);
    else
        text_add_n(ret, value, strlen(value) - (size_t)n);
    return text_check(ret, e);
}

static int replaced(struct reader *r, struct glob *g, const char *value, const char *with, bool all,
                    struct text *ret, struct err *e)
{
    size_t n = strlen(value);
    bool done = false;

    for (size_t i = 0; i <= n;) {
        size_t width = 1;
        ssize_t match = -1;
        int code = done && !all ? 0 : reach(r, g, value + i, n - i, false, true, &match, e);

        if (code < 0)
            return code;
        if (ret->n > r->max)
            return err_set(e, E2BIG, "the value would be longer than %zu bytes", r->max);
        if (match >= 0 && !(match == 0 && i == n && done)) {
            text_add(ret, with);
            done = true;
        }
        if (match > 0) {
            i += (size_t)match;
            continue;
        }
        if (i < n) {
            (void)glob_character(value + i, &width);
            text_add_n(ret, value + i, width);
        }
        i += width;
    }
    return text_check(ret, e);
}

/* ${x/p/w} ${x//p/w} */
static int replace(struct reader *r, const char *name, struct text *ret, struct err *e)
{
    autotext struct text pattern = {0}, with = {0};
    autoglob struct glob g = {0};
    const char *at, *value;
    bool all = *r->s == '/';
    int code;

    r->s += all;
    at = r->s;
    code = inner_word(r, '/', true, &pattern, e);
    if (code >= 0)
        code = inner_word(r, '}', true, &with, e);
    if (code >= 0)
        code = look_up(r, name, false, &value, e);
    if (code >= 0)
        code = parse_pattern(r, pattern.s, at, &g, e);
    return code < 0 ? code : replaced(r, &g, value ? value : "", with.s, all, ret, e);
}

/* After "${". */
static int braces(struct reader *r, struct text *ret, struct err *e)
{
    const char *begin = r->s - 2, *value, *at;
    autofree char *name = NULL;
    bool colon;
    char kind;

    if (!*r->s)
        return fault(r, begin, e, "the brace of this ${ is not closed");
    if (strchr("{}:", *r->s))
        return fault(r, begin, e, "a ${…} without a name");
    name = take_name(r);
    if (!name)
        return err_memory(e);
    at = r->s;
    kind = *r->s;
    if (!kind)
        return fault(r, begin, e, "the brace of this ${ is not closed");
    r->s++;
    if (kind == '}') {
        int code = look_up(r, name, false, &value, e);

        text_add(ret, code >= 0 && value ? value : "");
        return code;
    }
    colon = kind == ':';
    if (colon && !(kind = *r->s++))
        return fault(r, begin, e, "the brace of this ${ is not closed");
    if (strchr("-+?", kind))
        return provision(r, name, kind, colon, ret, e);
    if (!colon && (kind == '#' || kind == '%'))
        return strip(r, name, kind, ret, e);
    if (!colon && kind == '/')
        return replace(r, name, ret, e);
    return fault(r, at, e, "this form of ${…} is unknown: known are :- - :+ + :? ? # ## % %% / //");
}

/* At '$'; `ret` is its value. A lone '$' stays. */
static int dollar(struct reader *r, struct text *ret, struct err *e)
{
    autofree char *name = NULL;
    const char *value;
    int code;

    if (*++r->s == '{') {
        r->s++;
        code = braces(r, ret, e);
        return code < 0 ? code : text_check(ret, e);
    }
    name = take_name(r);
    if (!name)
        return err_memory(e);
    if (!*name) {
        text_add(ret, "$");
        return text_check(ret, e);
    }
    code = look_up(r, name, false, &value, e);
    text_add(ret, code >= 0 && value ? value : "");
    return code < 0 ? code : text_check(ret, e);
}

/* ---- quotes ---- */

static int single_quoted(struct reader *r, struct err *e)
{
    const char *begin = r->s++, *end = strchr(r->s, '\'');
    int code;

    if (!end)
        return fault(r, begin, e, "this ' is not closed");
    code = add(r, r->s, (size_t)(end - r->s), e);
    r->s = end + 1;
    return code;
}

static int variable(struct reader *r, bool quoted, struct err *e)
{
    autotext struct text value = {0};
    int code = dollar(r, &value, e);

    if (code < 0)
        return code;
    return quoted ? add(r, value.s, value.n, e) : add_value(r, value.s, e);
}

static int double_quoted(struct reader *r, bool raw, struct err *e)
{
    const char *begin = r->s++;
    char escape = r->w->escape;
    int code = add(r, "", 0, e);

    while (code >= 0 && *r->s && *r->s != '"') {
        if (*r->s == '$') {
            code = variable(r, true, e);
            continue;
        }
        if (*r->s == escape && r->s[1] && (strchr("\"$", r->s[1]) || r->s[1] == escape)) {
            if (raw)
                code = add(r, r->s, 1, e);
            r->s++;
        }
        if (code >= 0)
            code = add(r, r->s++, 1, e);
    }
    if (code < 0)
        return code;
    if (!*r->s)
        return fault(r, begin, e, "this \" is not closed");
    r->s++;
    return 0;
}

/* Up to `stop`, which is read too; 0: up to the end. */
static int read_until(struct reader *r, char stop, bool raw, struct err *e)
{
    const char *begin = r->s;
    int code = 0;

    while (code >= 0 && *r->s && *r->s != stop) {
        if (*r->s == '\'') {
            code = single_quoted(r, e);
        } else if (*r->s == '"') {
            code = double_quoted(r, raw, e);
        } else if (*r->s == '$') {
            code = variable(r, false, e);
        } else if (*r->s == r->w->escape) {
            if (raw)
                code = add(r, r->s, 1, e);
            if (*++r->s && code >= 0)
                code = add(r, r->s++, 1, e);
        } else if (r->words && strchr(blank, *r->s)) {
            code = end_word(r, e);
            r->s++;
        } else {
            code = add(r, r->s++, 1, e);
        }
    }
    if (code < 0)
        return code;
    if (stop && *r->s != stop)
        return fault(r, begin, e, "the brace of this ${ is not closed");
    r->s += stop != 0;
    return 0;
}

int dockerfile_word_expand(struct dockerfile_word *w, const char *text, char **ret, struct err *e)
{
    autotext struct text word = {0};
    struct reader r = {.w = w, .text = text, .s = text, .max = DOCKERFILE_WORD_MAX, .word = &word};
    int code = read_until(&r, 0, false, e);

    if (code >= 0)
        code = text_check(&word, e);
    if (code >= 0)
        *ret = text_take(&word);
    return code;
}

int dockerfile_word_split(struct dockerfile_word *w, const char *text, struct strv *ret,
                          struct err *e)
{
    autotext struct text word = {0};
    struct reader r = {
        .w = w, .text = text, .s = text, .max = DOCKERFILE_WORD_MAX, .words = ret, .word = &word};
    int code = read_until(&r, 0, false, e);

    return code < 0 ? code : end_word(&r, e);
}

int dockerfile_word_heredoc(struct dockerfile_word *w, const char *text, char **ret, struct err *e)
{
    autotext struct text word = {0};
    struct reader r = {
        .w = w, .text = text, .s = text, .max = DOCKERFILE_WORD_HEREDOC_MAX, .word = &word};
    int code = 0;

    while (code >= 0 && *r.s) {
        size_t n = strcspn(r.s, "$\\");

        if (n) {
            code = add(&r, r.s, n, e);
            r.s += n;
        } else if (*r.s == '$') {
            code = variable(&r, true, e);
        } else {
            if (r.s[1] && strchr("$\\`", r.s[1]))
                r.s++;
            code = add(&r, r.s++, 1, e);
        }
    }
    if (code >= 0)
        code = text_check(&word, e);
    if (code >= 0)
        *ret = text_take(&word);
    return code;
}

void dockerfile_word_free(struct dockerfile_word *w)
{
    strv_free(&w->used);
    strv_free(&w->unset);
}
