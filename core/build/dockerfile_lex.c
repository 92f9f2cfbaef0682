#include "core/build/dockerfile_lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/auto.h"

static const char space[] = " \t\v\f\r\n";

/* One line of the file, without its end. */
struct raw {
    const char *s;
    size_t n;
    unsigned line;
};

static bool next_raw(struct dockerfile_lex *x, struct raw *ret)
{
    size_t n;

    if (!*x->at)
        return false;
    n = strcspn(x->at, "\n");
    *ret = (struct raw){x->at, n, x->line++};
    x->at += n + (x->at[n] == '\n');
    while (ret->n && ret->s[ret->n - 1] == '\r')
        ret->n--;
    return true;
}

static size_t indent(const struct raw *r)
{
    size_t i = 0;

    while (i < r->n && strchr(space, r->s[i]))
        i++;
    return i;
}

/* ---- directives ---- */

/* "# name = value"; false when it is no such line. The parts are borrowed. */
static bool split_directive(const struct raw *r, struct raw *name, struct raw *value)
{
    size_t i = indent(r), begin;

    if (i == r->n || r->s[i++] != '#')
        return false;
    while (i < r->n && strchr(space, r->s[i]))
        i++;
    begin = i;
    if (i == r->n || !isalpha((unsigned char)r->s[i]))
        return false;
    while (i < r->n && isalnum((unsigned char)r->s[i]))
        i++;
    *name = (struct raw){r->s + begin, i - begin, r->line};
    while (i < r->n && strchr(space, r->s[i]))
        i++;
    if (i == r->n || r->s[i++] != '=')
        return false;
    while (i < r->n && strchr(space, r->s[i]))
        i++;
    *value = (struct raw){r->s + i, r->n - i, r->line};
    while (value->n && strchr(space, value->s[value->n - 1]))
        value->n--;
    return value->n > 0;
}

static bool named(const struct raw *r, const char *word)
{
    return r->n == strlen(word) && strncasecmp(r->s, word, r->n) == 0;
}

static struct dockerfile_place raw_place(const struct dockerfile_lex *x, const struct raw *part)
{
    const char *line = part->s;

    while (line > x->source->text && line[-1] != '\n')
        line--;
    return (struct dockerfile_place){part->line, (unsigned)(part->s - line) + 1, (unsigned)part->n};
}

static int keep(struct dockerfile_lex *x, const struct raw *name, const struct raw *value,
                char **to, struct err *e)
{
    if (*to)
        return dockerfile_error_set(e, x->source, raw_place(x, name),
                                    "the directive %.*s is given twice: keep one of them",
                                    (int)name->n, name->s);
    *to = strndup(value->s, value->n);
    return *to ? 1 : err_memory(e);
}

static int set_escape(struct dockerfile_lex *x, const struct raw *name, const struct raw *value,
                      char **seen, struct err *e)
{
    int r = keep(x, name, value, seen, e);

    if (r < 0)
        return r;
    if (value->n != 1 || (value->s[0] != '\\' && value->s[0] != '`'))
        return dockerfile_error_set(e, x->source, raw_place(x, value),
                                    "the escape character can only be \\ or `");
    x->directives.escape = value->s[0];
    return 1;
}

/* 1: it was one; 0: it is none, and so there can be none any more. */
static int directive(struct dockerfile_lex *x, const struct raw *r, char **escape, struct err *e)
{
    struct raw name, value;

    if (!split_directive(r, &name, &value))
        return 0;
    if (named(&name, "escape"))
        return set_escape(x, &name, &value, escape, e);
    if (named(&name, "syntax"))
        return keep(x, &name, &value, &x->directives.syntax, e);
    if (named(&name, "check")) {
        x->directives.check_line = r->line;
        return keep(x, &name, &value, &x->directives.check, e);
    }
    return 0;
}

int dockerfile_lex_open(struct dockerfile_lex *x, const struct dockerfile_source *source,
                        struct err *e)
{
    autofree char *escape = NULL;
    struct dockerfile_lex before;
    struct raw line;
    int r = 1;

    *x = (struct dockerfile_lex){
        .source = source, .at = source->text, .line = 1, .directives = {.escape = '\\'}};
    if (source->n > DOCKERFILE_LEX_FILE_MAX)
        return err_set(e, E2BIG, "%s: a Dockerfile of %zu bytes: at most %d are read", source->name,
                       source->n, DOCKERFILE_LEX_FILE_MAX);
    if (strlen(source->text) != source->n)
        return err_set(e, EINVAL, "%s: has a zero byte: it is no text", source->name);
    if (strncmp(x->at, "\xef\xbb\xbf", 3) == 0)
        x->at += 3;
    if (strncmp(x->at, "#!", 2) == 0)
        (void)next_raw(x, &line); /* the file is a script: directives may follow */
    for (before = *x; r > 0 && next_raw(x, &line); before = *x) {
        r = directive(x, &line, &escape, e);
        if (r <= 0)
            break;
    }
    if (r < 0) {
        dockerfile_lex_close(x);
        return r;
    }
    x->at = before.at;
    x->line = before.line;
    return 0;
}

void dockerfile_lex_close(struct dockerfile_lex *x)
{
    free(x->directives.syntax);
    free(x->directives.check);
    *x = (struct dockerfile_lex){0};
}

/* ---- logical lines ---- */

void dockerfile_lex_line_free(struct dockerfile_line *line)
{
    free(line->text);
    free(line->pieces);
    strv_free(&line->comments);
    *line = (struct dockerfile_line){0};
}

static bool is_comment(const struct raw *r)
{
    size_t i = indent(r);

    return i < r->n && r->s[i] == '#';
}

/* Cuts off an escape at its end (and the blanks after it); false when there is none. Two escapes
 * are none. */
static bool continues(const struct dockerfile_lex *x, struct raw *r)
{
    size_t n = r->n;

    while (n && (r->s[n - 1] == ' ' || r->s[n - 1] == '\t'))
        n--;
    if (!n || r->s[n - 1] != x->directives.escape)
        return false;
    if (n > 1 && r->s[n - 2] == x->directives.escape)
        return false;
    r->n = n - 1;
    return true;
}

static int add_piece(struct dockerfile_line *line, struct text *t, const struct raw *r,
                     size_t skipped, struct err *e)
{
    struct dockerfile_piece *p = realloc(line->pieces, (line->n_pieces + 1) * sizeof *p);

    if (!p)
        return err_memory(e);
    line->pieces = p;
    p[line->n_pieces++] = (struct dockerfile_piece){t->n, r->line, (unsigned)skipped + 1};
    text_add_n(t, r->s + skipped, r->n - skipped);
    line->last = r->line;
    return 0;
}

/* After the first line, which ended with an escape. */
static int join(struct dockerfile_lex *x, struct dockerfile_line *line, struct text *t,
                struct err *e)
{
    bool more = true;
    struct raw raw;
    int r = 0;

    while (r == 0 && more && next_raw(x, &raw)) {
        if (is_comment(&raw))
            continue;
        if (indent(&raw) == raw.n) {
            if (!line->empty)
                line->empty = raw.line;
            continue;
        }
        more = continues(x, &raw);
        r = add_piece(line, t, &raw, 0, e);
    }
    return r;
}

static int comment(struct dockerfile_line *line, const struct raw *r, struct err *e)
{
    size_t i = indent(r) + 1, n = r->n;

    while (i < n && strchr(space, r->s[i]))
        i++;
    while (n > i && strchr(space, r->s[n - 1]))
        n--;
    if (n == i) { /* "#" alone parts what stands above from what stands below */
        strv_free(&line->comments);
        return 0;
    }
    return strv_take(&line->comments, strndup(r->s + i, n - i), e);
}

/* Comments and empty lines before a line that says something; 0: the file ends. */
static int find_first(struct dockerfile_lex *x, struct dockerfile_line *line, struct raw *raw,
                      struct err *e)
{
    while (next_raw(x, raw)) {
        int r = 0;

        if (is_comment(raw))
            r = comment(line, raw, e);
        else if (indent(raw) == raw->n)
            strv_free(&line->comments);
        else
            return 1;
        if (r < 0)
            return r;
    }
    return 0;
}

int dockerfile_lex_next(struct dockerfile_lex *x, struct dockerfile_line *ret, struct err *e)
{
    autotext struct text t = {0};
    struct raw raw;
    int r;

    *ret = (struct dockerfile_line){0};
    r = find_first(x, ret, &raw, e);
    if (r > 0) {
        size_t skipped = indent(&raw);
        bool more = continues(x, &raw);

        ret->first = raw.line;
        if (skipped > raw.n)
            skipped = raw.n;
        r = add_piece(ret, &t, &raw, skipped, e);
        if (r == 0 && more)
            r = join(x, ret, &t, e);
        if (r == 0)
            r = text_check(&t, e);
        if (r == 0)
            r = 1;
    }
    if (r <= 0) {
        dockerfile_lex_line_free(ret);
        return r;
    }
    while (t.n && strchr(space, t.s[t.n - 1]))
        t.s[--t.n] = 0;
    ret->n = t.n;
    ret->text = text_take(&t);
    return 1;
}

struct dockerfile_place dockerfile_lex_place(const struct dockerfile_line *line, size_t at,
                                             size_t width)
{
    size_t i = line->n_pieces - 1;

    while (i && line->pieces[i].at > at)
        i--;
    if (i + 1 < line->n_pieces && at + width > line->pieces[i + 1].at)
        width = line->pieces[i + 1].at - at;
    return (struct dockerfile_place){line->pieces[i].line,
                                     line->pieces[i].column + (unsigned)(at - line->pieces[i].at),
                                     (unsigned)width};
}

/* ---- here-documents ---- */

void dockerfile_lex_heredoc_free(struct dockerfile_heredoc *h)
{
    free(h->name);
    free(h->text);
    *h = (struct dockerfile_heredoc){0};
}

/* The end of the shell word that begins at s; quotes and backslashes hold it together. NULL: a
 * quote is not closed, so that there are no words to speak of. `last_arithmetic`: the last "))" of
 * the line, or its beginning when there is none. */
static const char *word_end(const char *s, const char *last_arithmetic)
{
    while (*s && !strchr(space, *s)) {
        if (*s == '\\' && s[1]) {
            s += 2;
        } else if (s < last_arithmetic && strncmp(s, "$((", 3) == 0) {
            s = strstr(s, "))") + 2; /* arithmetic: << is no here-document in it */
        } else if (*s == '\'') {
            s = strchr(s + 1, '\'');
            if (!s)
                return NULL;
            s++;
        } else if (*s == '"') {
            for (s++; *s && *s != '"'; s++)
                if (*s == '\\' && s[1])
                    s++;
            if (!*s++)
                return NULL;
        } else {
            s++;
        }
    }
    return s;
}

/* The word after "<<": without its quotes, which say that the text is to stay as it is (a backslash
 * does not, as in BuildKit and unlike in a shell). */
static char *unquote(const char *s, const char *end, bool *ret_quoted)
{
    autotext struct text t = {0};
    char quote = 0;

    *ret_quoted = false;
    text_add(&t, "");
    for (; s < end; s++) {
        if (*s == '\\' && s + 1 < end && quote != '\'') {
            s++;
        } else if (quote ? *s == quote : *s == '\'' || *s == '"') {
            quote = quote ? 0 : *s;
            *ret_quoted = true;
            continue;
        }
        text_add_n(&t, s, 1);
    }
    return text_take(&t);
}

/* Blanks may stand between "<<" and its word: then the word goes on to the end of that one. */
static const char *heredoc_end(const char *s, const char *end, const char *last_arithmetic)
{
    const char *p = s + strspn(s, "0123456789");
    size_t blanks;

    if (strncmp(p, "<<", 2) != 0 || (p + 2 != end && !(p[2] == '-' && p + 3 == end)))
        return end;
    blanks = strspn(end, " \t");
    return blanks && end[blanks] && end[blanks] != '<' ? word_end(end + blanks, last_arithmetic)
                                                       : end;
}

/* [fd]<<[-] WORD; 0 when the shell word s..end is something else. */
static int parse_heredoc(const char *s, const char *end, struct dockerfile_heredoc *ret,
                         struct err *e)
{
    const char *p = s;
    bool quoted;

    *ret = (struct dockerfile_heredoc){0};
    while (p < end && isdigit((unsigned char)*p) && ret->fd < 1000)
        ret->fd = ret->fd * 10 + (unsigned)(*p++ - '0');
    if (end - p < 3 || p[0] != '<' || p[1] != '<')
        return 0;
    p += 2;
    if (*p == '-') {
        ret->strip_tabs = true;
        p++;
    }
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if (p == end || memchr(p, '<', (size_t)(end - p)))
        return 0;
    ret->name = unquote(p, end, &quoted);
    if (!ret->name)
        return err_memory(e);
    ret->expand = !quoted;
    return 1;
}

static const char *find_last(const char *s, const char *what)
{
    const char *last = s;

    for (const char *p = s; (p = strstr(p, what)); p++)
        last = p;
    return last;
}

int dockerfile_lex_heredocs(const struct dockerfile_line *line,
                            struct dockerfile_heredoc ret[DOCKERFILE_LEX_HEREDOCS_MAX],
                            const struct dockerfile_source *source, struct err *e)
{
    const char *s = line->text, *end, *last = find_last(s, "))");
    bool open = false;
    int n = 0, r = 0;

    while (r >= 0 && !open && *(s += strspn(s, space))) {
        struct dockerfile_heredoc h;

        end = word_end(s, last);
        if (end)
            end = heredoc_end(s, end, last);
        open = !end; /* the rest is one text, and what came before does not count */
        r = open ? 0 : parse_heredoc(s, end, &h, e);
        if (r > 0 && n == DOCKERFILE_LEX_HEREDOCS_MAX) {
            dockerfile_lex_heredoc_free(&h);
            r = dockerfile_error_set(
                e, source, dockerfile_lex_place(line, (size_t)(s - line->text), 2),
                "more than %d here-documents in one instruction", DOCKERFILE_LEX_HEREDOCS_MAX);
        } else if (r > 0) {
            h.at = (size_t)(s - line->text);
            h.width = (size_t)(end - s);
            ret[n++] = h;
        }
        s = end;
    }
    if (r >= 0 && !open)
        return n;
    while (n)
        dockerfile_lex_heredoc_free(&ret[--n]);
    return r < 0 ? r : 0;
}

int dockerfile_lex_heredoc(struct dockerfile_lex *x, struct dockerfile_line *line,
                           struct dockerfile_heredoc *h, struct err *e)
{
    autotext struct text t = {0};
    size_t length = strlen(h->name);
    struct raw raw;

    h->first = x->line;
    text_add(&t, "");
    for (;;) {
        const char *begin = x->at;
        size_t tabs = 0;

        if (!next_raw(x, &raw))
            return dockerfile_error_set(e, x->source, dockerfile_lex_place(line, h->at, 2),
                                        "the here-document has no end: a line that is only %s",
                                        h->name);
        line->last = raw.line;
        if (h->strip_tabs)
            while (tabs < raw.n && raw.s[tabs] == '\t')
                tabs++;
        if (raw.n - tabs == length && memcmp(raw.s + tabs, h->name, length) == 0)
            break;
        text_add_n(&t, begin, (size_t)(x->at - begin));
    }
    h->last = raw.line - 1;
    h->text = text_take(&t);
    return h->text ? 0 : err_memory(e);
}

char *dockerfile_lex_heredoc_text(const struct dockerfile_heredoc *h)
{
    autotext struct text t = {0};
    const char *s = h->text;

    text_add(&t, "");
    while (*s) {
        size_t n;

        if (h->strip_tabs)
            s += strspn(s, "\t");
        n = strcspn(s, "\n");
        n += s[n] == '\n';
        text_add_n(&t, s, n);
        s += n;
    }
    return text_take(&t);
}
