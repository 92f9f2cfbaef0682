#include "core/build/dockerfile_finding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/auto.h"

static const struct {
    const char *name;
    bool experimental;
} rules[] = {
#define X(name, experimental) {#name, experimental},
    DOCKERFILE_RULES(X)
#undef X
};
_Static_assert(ARRAY_SIZE(rules) == DOCKERFILE_RULE_COUNT, "a row for each rule");

const char *dockerfile_finding_name(enum dockerfile_rule rule)
{
    return rules[rule].name;
}

/* ---- the directive ---- */

/* The names between commas, or "all"; each becomes `off`. */
static void switch_rules(struct dockerfile_findings *l, char *names, bool off)
{
    for (char *save = NULL, *p = strtok_r(names, ", \t", &save); p;
         p = strtok_r(NULL, ", \t", &save))
        for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
            if (strcmp(p, rules[i].name) == 0 ||
                (strcmp(p, "all") == 0 && (off || rules[i].experimental)))
                l->off[i] = off;
}

static struct dockerfile_place place_of(const struct dockerfile *f, const char *word)
{
    const char *line = f->source.text, *found;
    struct dockerfile_place at = {.line = f->directives.check_line, .width = 1};

    for (unsigned i = 1; i < at.line; i++)
        line = strchr(line, '\n') + 1;
    found = strstr(line, word);
    if (found) {
        at.column = (unsigned)(found - line) + 1;
        at.width = (unsigned)strlen(word);
    }
    return at;
}

static int option(struct dockerfile_findings *l, const struct dockerfile *f, const char *whole,
                  char *name, struct err *e)
{
    static const char *const names[] = {"skip", "error", "experimental"};
    char hint[DOCKERFILE_ERROR_HINT_MAX], *value = strchr(name, '=');
    struct near near;

    if (value)
        *value++ = 0;
    near_begin(&near, name);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        near_offer(&near, names[i]);
    if (value && strcasecmp(name, "skip") == 0) {
        switch_rules(l, value, true);
    } else if (value && strcasecmp(name, "experimental") == 0) {
        switch_rules(l, value, false);
    } else if (value && strcasecmp(name, "error") == 0) {
        l->error = strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0;
        if (!l->error && strcasecmp(value, "false") != 0 && strcmp(value, "0") != 0)
            return dockerfile_error_set(e, &f->source, place_of(f, whole),
                                        "check: error is true or false, not '%.60s'", value);
    } else {
        return dockerfile_error_set(e, &f->source, place_of(f, whole),
                                    "check: there is no '%.60s', only skip=, error= and "
                                    "experimental=%s",
                                    name, dockerfile_error_hint(&near, "", hint));
    }
    return 0;
}

int dockerfile_finding_begin(struct dockerfile_findings *l, const struct dockerfile *f,
                             struct err *e)
{
    autofree char *copy = strdup(f->directives.check ? f->directives.check : "");
    int r = 0;

    *l = (struct dockerfile_findings){0};
    if (!copy)
        return err_memory(e);
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        l->off[i] = rules[i].experimental;
    for (char *save = NULL, *p = strtok_r(copy, ";", &save); p && r == 0;
         p = strtok_r(NULL, ";", &save)) {
        autofree char *whole = NULL;

        p += strspn(p, " \t");
        whole = strdup(p);
        r = whole ? option(l, f, whole, p, e) : err_memory(e);
    }
    return r;
}

/* ---- the list ---- */

void dockerfile_finding_add(struct dockerfile_findings *l, enum dockerfile_rule rule,
                            const struct dockerfile_instruction *i, size_t at, size_t width,
                            const char *fmt, ...)
{
    struct dockerfile_finding *v;
    va_list ap;

    if (l->off[rule] || l->failed)
        return;
    if (l->n == DOCKERFILE_FINDINGS_MAX) {
        l->more++;
        return;
    }
    v = realloc(l->v, (l->n + 1) * sizeof *v);
    l->failed = !v;
    if (!v)
        return;
    l->v = v;
    v += l->n;
    *v = (struct dockerfile_finding){rule, dockerfile_lex_place(&i->line, at, width), NULL};
    va_start(ap, fmt);
    l->failed = vasprintf(&v->text, fmt, ap) < 0;
    va_end(ap);
    l->n += !l->failed;
}

static int by_line(const void *a, const void *b)
{
    const struct dockerfile_finding *x = a, *y = b;

    if (x->at.line != y->at.line)
        return x->at.line < y->at.line ? -1 : 1;
    if (x->at.column != y->at.column)
        return x->at.column < y->at.column ? -1 : 1;
    return (int)x->rule - (int)y->rule;
}

int dockerfile_finding_end(struct dockerfile_findings *l, struct err *e)
{
    if (l->n)
        qsort(l->v, l->n, sizeof *l->v, by_line);
    return l->failed ? err_memory(e) : 0;
}

void dockerfile_finding_free(struct dockerfile_findings *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i].text);
    free(l->v);
    *l = (struct dockerfile_findings){0};
}

void dockerfile_finding_print(const struct dockerfile *f, const struct dockerfile_findings *l,
                              struct text *to)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct dockerfile_finding *v = &l->v[i];

        text_addf(to, "%s:%u: %s: %s", f->source.name, v->at.line, rules[v->rule].name, v->text);
        dockerfile_error_quote(to, &f->source, v->at);
        text_add(to, "\n");
    }
    if (l->more)
        text_addf(to, "%s: %zu findings more\n", f->source.name, l->more);
}
