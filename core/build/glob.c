/* Theory of operation: a pattern of n tokens has the states 0..n; state i means "the tokens before
 * i are satisfied", n is a match. Feeding a character moves every living state on. Tokens that may
 * match nothing at all let their successor live as well, at once (add_state). */
#include "core/build/glob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

enum glob_kind {
    ONE,        /* this character */
    ANY,        /* ?: any character (but '/') */
    MANY,       /* *: any number of them */
    CLASS,      /* [...] */
    EVERYTHING, /* ** at the end: any number of characters, '/' too */
    FOLDERS,    /* before ** and '/': nothing, or what FOLDERS_IN takes */
    FOLDERS_IN, /* any characters, left after a '/' */
};

struct glob_token {
    enum glob_kind kind;
    bool path;            /* ANY, MANY: not '/' */
    bool negated;         /* CLASS */
    uint32_t character;   /* ONE */
    uint32_t first, last; /* CLASS: its ranges */
};

uint32_t glob_character(const char *s, size_t *ret_n)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t n = p[0] < 0xc2 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 1;
    uint32_t c;

    *ret_n = 1;
    if (n == 1)
        return p[0];
    c = p[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return p[0];
        c = c << 6 | (p[i] & 0x3f);
    }
    *ret_n = n;
    return c;
}

/* ---- parsing ---- */

static struct glob_token *add(struct glob *g, enum glob_kind kind)
{
    struct glob_token *t = &g->tokens[g->n++];

    *t = (struct glob_token){.kind = kind};
    if (kind != ONE)
        g->literal = false;
    return t;
}

static const char *one(struct glob *g, const char *s)
{
    size_t n;

    add(g, ONE)->character = glob_character(s, &n);
    return s + n;
}

/* One end of a range; NULL when there is none. */
static const char *class_end(const char *s, uint32_t *ret)
{
    size_t n;

    if (*s == '\\')
        s++;
    else if (*s == '-' || *s == ']')
        return NULL;
    if (!*s)
        return NULL;
    *ret = glob_character(s, &n);
    return s + n;
}

/* After '['. Source: Go's documentation of path/filepath, Match. */
static int class(struct glob *g, const char **at, struct err *e)
{
    struct glob_token *t = add(g, CLASS);
    const char *s = *at;

    t->first = (uint32_t)g->n_ranges;
    if (*s == '^') {
        t->negated = true;
        s++;
    }
    do {
        struct glob_range r;

        s = class_end(s, &r.first);
        if (!s)
            return err_set(e, EINVAL, "'[' is not closed, or a range in it lacks an end");
        r.last = r.first;
        if (*s == '-' && !(s = class_end(s + 1, &r.last)))
            return err_set(e, EINVAL, "a range between '[' and ']' lacks its end");
        if (r.last < r.first)
            return err_set(e, EINVAL, "a range between '[' and ']' runs backwards");
        g->ranges[g->n_ranges++] = r;
    } while (*s != ']');
    t->last = (uint32_t)g->n_ranges;
    *at = s + 1;
    return 0;
}

static int escaped(struct glob *g, enum glob_flavour flavour, const char **at, struct err *e)
{
    if (!**at)
        return err_set(e, EINVAL, "'\\' stands before nothing");
    if (flavour == GLOB_TEXT && !strchr("*?\\/}", **at))
        return err_set(e, EINVAL, "'\\' may only stand before * ? \\ / and }");
    *at = one(g, *at);
    return 0;
}

/* After "**". At the very beginning and before plain characters ("**.go") it is no folder but
 * anything, as in Docker's own matcher. */
static const char *deep(struct glob *g, const char *s)
{
    bool first = g->n == 0;

    if (*s == '/')
        s++;
    else if (first && *s && !strpbrk(s, "*?[]\\")) {
        add(g, EVERYTHING);
        return s;
    }
    if (!*s) {
        add(g, EVERYTHING);
        return s;
    }
    add(g, FOLDERS);
    add(g, FOLDERS_IN);
    return s;
}

static int parse(const char *s, enum glob_flavour flavour, struct glob *g, struct err *e)
{
    bool path = flavour != GLOB_TEXT;
    int r = 0;

    while (*s && r == 0) {
        char c = *s;

        if (c == '*' && flavour == GLOB_DEEP && s[1] == '*') {
            s = deep(g, s + 2);
        } else if (c == '*') {
            s++;
            add(g, MANY)->path = path;
        } else if (c == '?') {
            s++;
            add(g, ANY)->path = path;
        } else if (c == '[' && path) {
            s++;
            r = class(g, &s, e);
        } else if (c == '\\') {
            s++;
            r = escaped(g, flavour, &s, e);
        } else {
            s = one(g, s);
        }
    }
    return r;
}

/* Gives back what the longest pattern of this length would have needed. */
static void fit(struct glob *g)
{
    void *tokens = realloc(g->tokens, (g->n + 1) * sizeof *g->tokens),
         *ranges = realloc(g->ranges, (g->n_ranges + 1) * sizeof *g->ranges);

    if (tokens)
        g->tokens = tokens;
    if (ranges)
        g->ranges = ranges;
}

int glob_parse(const char *pattern, enum glob_flavour flavour, struct glob *ret, struct err *e)
{
    size_t n = strlen(pattern);
    int r;

    *ret = (struct glob){.literal = true};
    if (n > GLOB_PATTERN_MAX)
        return err_set(e, E2BIG, "the pattern is longer than %d bytes", GLOB_PATTERN_MAX);
    ret->tokens = calloc(n + 1, sizeof *ret->tokens);
    ret->ranges = calloc(n + 1, sizeof *ret->ranges);
    r = ret->tokens && ret->ranges ? parse(pattern, flavour, ret, e) : err_memory(e);
    if (r == 0) {
        fit(ret);
        ret->now = calloc(ret->n + 1, sizeof *ret->now);
        ret->next = calloc(ret->n + 1, sizeof *ret->next);
        ret->seen = calloc(ret->n + 1, sizeof *ret->seen);
        if (!ret->now || !ret->next || !ret->seen)
            r = err_memory(e);
    }
    if (r < 0)
        glob_free(ret);
    return r;
}

void glob_free(struct glob *g)
{
    free(g->tokens);
    free(g->ranges);
    free(g->now);
    free(g->next);
    free(g->seen);
    *g = (struct glob){0};
}

void glob_reverse(struct glob *g)
{
    for (size_t i = 0; i < g->n / 2; i++) {
        struct glob_token t = g->tokens[i];

        g->tokens[i] = g->tokens[g->n - 1 - i];
        g->tokens[g->n - 1 - i] = t;
    }
}

/* ---- matching ---- */

/* The state lives, and those that it reaches without a character. */
static void add_state(struct glob *g, uint32_t i)
{
    while (g->seen[i] != g->round) {
        enum glob_kind kind;

        g->seen[i] = g->round;
        g->next[g->n_next++] = i;
        if (i == g->n)
            return;
        kind = g->tokens[i].kind;
        if (kind == FOLDERS) {
            add_state(g, i + 1);
            i += 2;
        } else if (kind == MANY || kind == EVERYTHING) {
            i++;
        } else {
            return;
        }
    }
}

static void turn(struct glob *g)
{
    uint32_t *states = g->now;

    g->now = g->next;
    g->n_now = g->n_next;
    g->next = states;
    g->n_next = 0;
}

static void next_round(struct glob *g)
{
    if (++g->round == 0) { /* it came round: what was seen long ago must not look new */
        memset(g->seen, 0, (g->n + 1) * sizeof *g->seen);
        g->round = 1;
    }
}

void glob_begin(struct glob *g)
{
    g->n_next = 0;
    next_round(g);
    add_state(g, 0);
    turn(g);
}

static bool in_class(const struct glob *g, const struct glob_token *t, uint32_t c)
{
    for (uint32_t i = t->first; i < t->last; i++)
        if (c >= g->ranges[i].first && c <= g->ranges[i].last)
            return !t->negated;
    return t->negated;
}

static void step(struct glob *g, uint32_t i, uint32_t c)
{
    const struct glob_token *t = &g->tokens[i];

    switch (t->kind) {
    case ONE:
        if (t->character == c)
            add_state(g, i + 1);
        break;
    case ANY:
        if (!t->path || c != '/')
            add_state(g, i + 1);
        break;
    case MANY:
        if (!t->path || c != '/')
            add_state(g, i);
        break;
    case CLASS:
        if (in_class(g, t, c))
            add_state(g, i + 1);
        break;
    case EVERYTHING: add_state(g, i); break;
    case FOLDERS: break;
    case FOLDERS_IN:
        add_state(g, i);
        if (c == '/')
            add_state(g, i + 1);
        break;
    }
}

bool glob_feed(struct glob *g, uint32_t character)
{
    next_round(g);
    for (size_t i = 0; i < g->n_now; i++)
        if (g->now[i] != g->n)
            step(g, g->now[i], character);
    turn(g);
    return g->n_now > 0;
}

bool glob_accepts(const struct glob *g)
{
    return g->n_now && g->seen[g->n] == g->round;
}

bool glob_hopes(const struct glob *g)
{
    return g->n_now > (glob_accepts(g) ? 1u : 0u);
}

bool glob_match(struct glob *g, const char *text)
{
    glob_begin(g);
    while (*text) {
        size_t n;
        uint32_t c = glob_character(text, &n);

        if (!glob_feed(g, c))
            return false;
        text += n;
    }
    return glob_accepts(g);
}

int glob_escape(const char *path, struct text *to, struct err *e)
{
    for (; *path; path++)
        text_addf(to, "%s%c", strchr("*?[\\", *path) ? "\\" : "", *path);
    return text_check(to, e);
}
