#include "core/build/dockerfile_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 100, BEFORE_CARET = 60 }; /* bytes of a long line */

void dockerfile_error_source_free(struct dockerfile_source *s)
{
    free(s->name);
    free(s->text);
    *s = (struct dockerfile_source){0};
}

static const char *find_line(const struct dockerfile_source *s, unsigned line, size_t *ret_n)
{
    const char *p = s->text;

    for (unsigned i = 1; p && i < line; i++) {
        p = strchr(p, '\n');
        p = p ? p + 1 : NULL;
    }
    if (!p || line == 0 || !*p)
        return NULL;
    *ret_n = strcspn(p, "\r\n");
    return p;
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Spaces for what stands before the caret: one for each character, not for each byte. */
static void add_caret(struct text *to, const char *shown, size_t before, size_t width, size_t n)
{
    text_add(to, "\n    ");
    for (size_t i = 0; i < before; i++)
        if (!continues(shown[i]))
            text_add(to, " ");
    text_add(to, "^");
    for (size_t i = before + 1; i < before + width && i < n; i++)
        if (!continues(shown[i]))
            text_add(to, "~");
}

/* A terminal must not obey what stands in the line. U+0080 to U+009F are controls too. */
static void add_shown(struct text *to, const char *s, size_t n)
{
    text_add(to, "\n    ");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c == 0xc2 && i + 1 < n && (unsigned char)s[i + 1] < 0xa0) {
            text_add(to, "?");
            i++;
        } else {
            text_add_n(to, c == '\t' ? " " : c < 32 || c == 127 ? "?" : s + i, 1);
        }
    }
}

void dockerfile_error_quote(struct text *to, const struct dockerfile_source *s,
                            struct dockerfile_place at)
{
    size_t n, from = 0, column = at.column ? at.column - 1 : 0;
    const char *line = find_line(s, at.line, &n);

    if (!line)
        return;
    if (column > n)
        column = n;
    if (n > SHOWN_MAX) {
        from = column > BEFORE_CARET ? column - BEFORE_CARET : 0;
        while (from && continues(line[from]))
            from--;
        n -= from;
        if (n > SHOWN_MAX)
            n = SHOWN_MAX;
        while (n && continues(line[from + n]))
            n--;
    }
    add_shown(to, line + from, n);
    if (at.column)
        add_caret(to, line + from, column - from, at.width, n);
}

/* err_set makes one harmless line of any words; the quote has been made harmless and keeps its
 * lines. */
static void fill(struct err *e, int code, const struct dockerfile_source *s,
                 struct dockerfile_place at, const char *words)
{
    autotext struct text quote = {0};
    size_t n;

    if (!e)
        return;
    dockerfile_error_quote(&quote, s, at);
    (void)err_set(e, code, "%s:%u: %.*s", s->name, at.line, ERR_TEXT_MAX - 600, words);
    n = strlen(e->text);
    snprintf(e->text + n, sizeof e->text - n, "%s", quote.s ? quote.s : "");
}

int dockerfile_error_set(struct err *e, const struct dockerfile_source *s,
                         struct dockerfile_place at, const char *fmt, ...)
{
    char words[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    fill(e, EINVAL, s, at, words);
    return -EINVAL;
}

int dockerfile_error_wrap(struct err *e, int r, const struct dockerfile_source *s,
                          struct dockerfile_place at)
{
    char words[ERR_TEXT_MAX];

    if (!e || r == -ENOMEM)
        return r;
    memcpy(words, e->text, sizeof words);
    fill(e, -r, s, at, words);
    return r;
}

const char *dockerfile_error_hint(const struct near *n, const char *prefix,
                                  char buf[DOCKERFILE_ERROR_HINT_MAX])
{
    if (n->best)
        snprintf(buf, DOCKERFILE_ERROR_HINT_MAX, ": did you mean %s%.*s?", prefix, NEAR_WORD_MAX,
                 n->best);
    else
        buf[0] = 0;
    return buf;
}
