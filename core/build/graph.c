#include "core/build/graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/auto.h"
#include "core/build/dockerfile_word.h"

/* ---- what a stage needs ---- */

int graph_find(const struct dockerfile *f, size_t stage, const char *name)
{
    bool number = *name && name[strspn(name, "0123456789")] == 0;

    return dockerfile_find_stage(f, number ? stage : f->n_stages, name, true);
}

static int add_need(struct graph_stage *s, size_t other, struct err *e)
{
    size_t *more;

    for (size_t i = 0; i < s->need_count; i++)
        if (s->needs[i] == other)
            return 0;
    more = reallocarray(s->needs, s->need_count + 1, sizeof *more);
    if (!more)
        return err_memory(e);
    s->needs = more;
    more[s->need_count++] = other;
    return 0;
}

/* The value of from= among a mount's keys; new or NULL. */
static char *mount_from(const char *keys)
{
    for (const char *at = keys; at && *at;) {
        size_t n = strcspn(at, ",");

        if (n > 5 && strncasecmp(at, "from=", 5) == 0)
            return strndup(at + 5, n - 5);
        at += n + (at[n] == ',');
    }
    return NULL;
}

static int see_flags(const struct dockerfile *f, size_t stage, struct graph_stage *s,
                     const struct dockerfile_instruction *i, struct err *e)
{
    int r = 0;

    for (size_t k = 0; k < i->n_flags && r == 0; k++) {
        const struct dockerfile_flag *flag = &i->flags[k];
        autofree char *name = NULL;
        int other;

        if (flag->value && strcmp(flag->name, "from") == 0)
            name = strdup(flag->value);
        else if (flag->value && strcmp(flag->name, "mount") == 0)
            name = mount_from(flag->value);
        other = name ? graph_find(f, stage, name) : -ENOENT;
        if (other == (int)stage)
            r = dockerfile_fail(e, f, i, flag->at, strlen(flag->name) + 2,
                                "circular dependency: the stage '%s' cannot copy from itself",
                                name);
        else if (other >= 0)
            r = add_need(s, (size_t)other, e);
        else if (name && !name[strspn(name, "0123456789")])
            r = dockerfile_fail(e, f, i, flag->at, strlen(flag->name) + 2,
                                "there is no stage %.20s before this one, which is number %zu (the "
                                "first one is 0)",
                                name, stage);
    }
    return r;
}

/* ---- FROM ---- */

static int expand(const struct dockerfile *f, struct scope *scope,
                  const struct dockerfile_instruction *from, const char *word, size_t at,
                  char **ret, struct err *e)
{
    struct dockerfile_word w = {.get = scope_get, .context = scope, .escape = f->directives.escape};
    struct err why = {0};
    int r = dockerfile_word_expand(&w, word, ret, &why);

    if (r == 0 && !**ret)
        r = err_set(&why, EINVAL, "'%s' is empty when its variables are replaced%s", word,
                    w.unset.n ? " (only ARGs before the first FROM count here)" : "");
    if (r < 0)
        r = dockerfile_fail(e, f, from, at, strlen(word), "%s", why.text);
    dockerfile_word_free(&w);
    return r;
}

static int read_from(const struct dockerfile *f, size_t index, struct scope *scope,
                     struct graph_stage *s, struct err *e)
{
    const struct dockerfile_instruction *from = &f->instructions[s->stage->first];
    int r = expand(f, scope, from, from->args.words.v[0], from->args.at[0], &s->base, e);

    for (size_t k = 0; k < from->n_flags && r == 0; k++)
        if (strcmp(from->flags[k].name, "platform") == 0 && from->flags[k].value)
            r = expand(f, scope, from, from->flags[k].value, from->flags[k].at, &s->platform, e);
    if (r < 0)
        return r;
    s->base_stage = dockerfile_find_stage(f, index, s->base, false);
    return s->base_stage < 0 ? 0 : add_need(s, (size_t)s->base_stage, e);
}

static int read_stage(const struct dockerfile *f, size_t index, struct scope *scope,
                      struct graph_stage *s, struct err *e)
{
    const struct dockerfile_stage *stage = &f->stages[index];
    int r;

    s->stage = stage;
    r = read_from(f, index, scope, s, e);
    for (size_t i = 1; i < stage->n && r == 0; i++)
        r = see_flags(f, index, s, &f->instructions[stage->first + i], e);
    return r;
}

/* ---- order ---- */

enum mark { NEW, OPEN, DONE };

static const char *name_of(const struct graph *g, size_t i, char buf[32])
{
    if (g->stages[i].stage->name)
        return g->stages[i].stage->name;
    snprintf(buf, 32, "%zu", i);
    return buf;
}

static int visit(struct graph *g, size_t i, enum mark *marks, struct err *e)
{
    struct graph_stage *s = &g->stages[i];
    char name[32];
    int r = 0;

    if (marks[i] == DONE)
        return 0;
    if (marks[i] == OPEN)
        return err_set(e, ELOOP, "circular dependency: stage '%s' needs itself through others",
                       name_of(g, i, name));
    marks[i] = OPEN;
    s->needed = true;
    for (size_t k = 0; k < s->need_count && r == 0; k++)
        r = visit(g, s->needs[k], marks, e);
    marks[i] = DONE;
    if (r == 0)
        g->order[g->order_count++] = i;
    return r;
}

static int find_target(const struct dockerfile *f, const char *target, size_t *ret, struct err *e)
{
    autotext struct text names = {0};
    int i = target ? dockerfile_find_stage(f, f->n_stages, target, true) : (int)f->n_stages - 1;

    *ret = (size_t)i;
    if (i >= 0)
        return 0;
    for (size_t k = 0; k < f->n_stages; k++)
        if (f->stages[k].name)
            text_addf(&names, "%s%s", names.n ? ", " : "", f->stages[k].name);
    return err_set(e, ENOENT, "target stage '%s' could not be found in %s (it has %s%s)", target,
                   f->source.name, names.n ? names.s : "no named stages, only numbers",
                   names.failed ? "…" : "");
}

int graph_make(const struct dockerfile *f, struct scope *scope, const char *target, bool all,
               struct graph *ret, struct err *e)
{
    struct graph g = {.n = f->n_stages};
    autofree enum mark *marks = calloc(f->n_stages, sizeof *marks);
    int r;

    g.stages = calloc(g.n, sizeof *g.stages);
    g.order = calloc(g.n, sizeof *g.order);
    r = marks && g.stages && g.order ? find_target(f, target, &g.target, e) : err_memory(e);
    for (size_t i = 0; i < g.n && r == 0; i++)
        r = read_stage(f, i, scope, &g.stages[i], e);
    for (size_t i = 0; i < g.n && all && r == 0; i++)
        r = visit(&g, i, marks, e);
    if (r == 0)
        r = visit(&g, g.target, marks, e);
    if (r < 0)
        graph_free(&g);
    else
        *ret = g;
    return r;
}

void graph_free(struct graph *g)
{
    for (size_t i = 0; g->stages && i < g->n; i++) {
        free(g->stages[i].base);
        free(g->stages[i].platform);
        free(g->stages[i].needs);
    }
    free(g->stages);
    free(g->order);
    *g = (struct graph){0};
}

void graph_print(const struct graph *g, struct text *to)
{
    char name[32];

    for (size_t i = 0; i < g->n; i++) {
        const struct graph_stage *s = &g->stages[i];

        text_addf(to, "%s: FROM %s", name_of(g, i, name), s->base);
        if (s->platform)
            text_addf(to, " (%s)", s->platform);
        for (size_t k = 0, shown = 0; k < s->need_count; k++)
            if ((int)s->needs[k] != s->base_stage)
                text_addf(to, "%s%s", shown++ ? ", " : ", copies from ",
                          name_of(g, s->needs[k], name));
        text_addf(to, ", %zu step%s%s\n", s->stage->n - 1, s->stage->n == 2 ? "" : "s",
                  i == g->target ? " <- target"
                  : s->needed    ? ""
                                 : " (not needed)");
    }
}
