#include "cmd/format_lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\r\n";

int format_lex_bad(struct err *e, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(e, EINVAL, "--format: %s", text);
}

/* "{{- " (with the blank: "{{-3}}" is a number). */
static bool trims_before(const char *s)
{
    return text_starts(s, "{{-") && s[3] && strchr(blanks, s[3]);
}

/* The text from l->at up to the next "{{" or the end. */
static void lex_text(struct format_lexer *l, struct text *ret)
{
    size_t keep = ret->n;

    for (; *l->at && !text_starts(l->at, "{{"); l->at++) {
        char c = *l->at;

        if (c == '\\' && l->at[1] && strchr("nt\\\"", l->at[1])) {
            l->at++;
            c = *l->at == 'n' ? '\n' : *l->at == 't' ? '\t' : *l->at;
        }
        text_add_n(ret, &c, 1);
    }
    if (trims_before(l->at))
        while (ret->n > keep && isspace((unsigned char)ret->s[ret->n - 1]))
            ret->s[--ret->n] = 0;
}

/* The end of an action: the sign, and the blanks behind it that "-" takes away. */
static bool lex_close(struct format_lexer *l)
{
    bool trim = text_starts(l->at, "-}}");

    if (!trim && !text_starts(l->at, "}}"))
        return false;
    l->at += trim ? 3 : 2;
    if (trim)
        l->at += strspn(l->at, blanks);
    return true;
}

/* At "{{": its comment, if it is one, is passed over. 1: it was one. */
static int lex_comment(struct format_lexer *l, struct err *e)
{
    const char *begin = l->at;
    const char *p = begin + 2 + (trims_before(begin) ? 1 + strspn(begin + 3, blanks) : 0);
    const char *end = text_starts(p, "/*") ? strstr(p + 2, "*/") : NULL;

    if (!text_starts(p, "/*"))
        return 0;
    if (!end)
        return format_lex_bad(e, "a comment is not closed: '%.40s'", begin);
    l->at = end + 2 + strspn(end + 2, blanks);
    if (!lex_close(l))
        return format_lex_bad(e, "a comment ends with */}}: '%.40s'", begin);
    return 1;
}

static void add_rune(struct text *ret, unsigned long c)
{
    char b[4];

    if (c < 0x80) {
        b[0] = (char)c;
        text_add_n(ret, b, 1);
    } else if (c < 0x800) {
        b[0] = (char)(0xc0 | c >> 6), b[1] = (char)(0x80 | (c & 0x3f));
        text_add_n(ret, b, 2);
    } else {
        b[0] = (char)(0xe0 | c >> 12), b[1] = (char)(0x80 | (c >> 6 & 0x3f));
        b[2] = (char)(0x80 | (c & 0x3f));
        text_add_n(ret, b, 3);
    }
}

/* "\n" and the like in quotes; *p stands behind the backslash. */
static int lex_escape(const char **p, struct text *ret, struct err *e)
{
    static const char from[] = "abfnrtv\\\"'", to[] = "\a\b\f\n\r\t\v\\\"'";
    const char *known = **p ? strchr(from, **p) : NULL;
    size_t digits = **p == 'x' ? 2 : **p == 'u' ? 4 : 0;
    char hex[5] = "";

    if (known) {
        text_add_n(ret, &to[known - from], 1);
        (*p)++;
        return 0;
    }
    if (digits) {
        strncpy(hex, *p + 1, digits);
        if (strspn(hex, "0123456789abcdefABCDEF") == digits && strtoul(hex, NULL, 16)) {
            add_rune(ret, strtoul(hex, NULL, 16));
            *p += 1 + digits;
            return 0;
        }
    }
    return format_lex_bad(e, "'\\%.4s' is no escape (known: \\n \\t \\\" \\\\ \\xHH \\uHHHH)", *p);
}

static int lex_quoted(struct format_lexer *l, struct format_token *ret, struct err *e)
{
    char quote = *l->at;
    const char *p = l->at + 1;

    while (*p && *p != quote) {
        if (*p == '\\' && quote != '`') {
            p++;
            if (lex_escape(&p, &ret->word, e) < 0)
                return -EINVAL;
        } else {
            text_add_n(&ret->word, p++, 1);
        }
    }
    if (!*p)
        return format_lex_bad(e, "a text is not closed: %.40s", l->at);
    ret->kind = FORMAT_STRING;
    l->at = p + 1;
    return 0;
}

static bool is_letter(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

/* Letters from `p` on are the token's word. */
static void take_word(struct format_lexer *l, struct format_token *ret, enum format_token_kind kind,
                      const char *p)
{
    size_t n = 0;

    while (is_letter(p[n]))
        n++;
    text_add_n(&ret->word, p, n);
    ret->kind = kind;
    l->at = p + n;
}

static int lex_number(struct format_lexer *l, struct format_token *ret, struct err *e)
{
    const char *p = l->at + (*l->at == '-' || *l->at == '+');

    while (is_letter(*p) || *p == '.' || ((*p == '-' || *p == '+') && tolower(p[-1]) == 'e'))
        p++;
    text_add_n(&ret->word, l->at, (size_t)(p - l->at));
    ret->kind = FORMAT_NUMBER;
    l->at = p;
    return text_check(&ret->word, e);
}

static int lex_sign(struct format_lexer *l, struct format_token *ret, struct err *e)
{
    static const char signs[] = "|=,()";
    static const enum format_token_kind kinds[] = {FORMAT_PIPE, FORMAT_ASSIGN, FORMAT_COMMA,
                                                   FORMAT_LEFT, FORMAT_RIGHT};
    const char *known = strchr(signs, *l->at);

    if (text_starts(l->at, ":=")) {
        ret->kind = FORMAT_DECLARE;
        l->at += 2;
        return 0;
    }
    if (known) {
        ret->kind = kinds[known - signs];
        l->at++;
        return 0;
    }
    if (*l->at == '-')
        return format_lex_bad(e,
                              "'-' means nothing here: '%.30s' (a key with a '-' in it is reached "
                              "with {{index .X \"the-key\"}})",
                              l->at);
    return format_lex_bad(e, "'%c' means nothing here: '%.30s'",
                          isprint((unsigned char)*l->at) ? *l->at : '?', l->at);
}

static int lex_inside(struct format_lexer *l, struct format_token *ret, struct err *e)
{
    const char *p = l->at;

    if (lex_close(l)) {
        ret->kind = FORMAT_CLOSE;
        l->inside = false;
        return 0;
    }
    if (*p == '"' || *p == '`' || *p == '\'')
        return lex_quoted(l, ret, e);
    if (isdigit((unsigned char)*p) ||
        ((*p == '-' || *p == '+' || *p == '.') && (isdigit((unsigned char)p[1]))))
        return lex_number(l, ret, e);
    if (*p == '.' && is_letter(p[1])) {
        take_word(l, ret, FORMAT_FIELD, p + 1);
    } else if (*p == '.') {
        ret->kind = FORMAT_DOT;
        l->at++;
    } else if (*p == '$') {
        take_word(l, ret, FORMAT_VARIABLE, p + 1);
    } else if (is_letter(*p)) {
        take_word(l, ret, FORMAT_WORD, p);
    } else {
        return lex_sign(l, ret, e);
    }
    return text_check(&ret->word, e);
}

int format_lex(struct format_lexer *l, struct format_token *ret, struct err *e)
{
    ret->word.n = 0;
    if (ret->word.s)
        ret->word.s[0] = 0;
    if (l->inside) {
        size_t gap = strspn(l->at, blanks);

        l->at += gap;
        ret->at = l->at;
        ret->glued = gap == 0;
        if (!*l->at)
            return format_lex_bad(e, "an action does not end with }}");
        return lex_inside(l, ret, e);
    }
    ret->at = l->at;
    while (*l->at) {
        int r;

        lex_text(l, &ret->word);
        r = *l->at ? lex_comment(l, e) : 0;
        if (r < 0)
            return r;
        if (r == 0)
            break;
    }
    if (ret->word.n || ret->word.failed) {
        ret->kind = FORMAT_TEXT;
        return text_check(&ret->word, e);
    }
    ret->kind = *l->at ? FORMAT_OPEN : FORMAT_END;
    if (*l->at) {
        l->at += trims_before(l->at) ? 3 : 2;
        l->inside = true;
    }
    return 0;
}
