#include "core/build/dockerfile_scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/auto.h"

void dockerfile_scope_free(struct dockerfile_scope *s)
{
    strv_free(&s->env);
    strv_free(&s->args);
    strv_free(&s->bare);
}

int dockerfile_scope_copy(struct dockerfile_scope *to, const struct dockerfile_scope *from,
                          struct err *e)
{
    int r = strv_copy(&to->env, &from->env, e);

    if (r == 0)
        r = strv_copy(&to->args, &from->args, e);
    return r == 0 ? strv_copy(&to->bare, &from->bare, e) : r;
}

/* ---- looking ---- */

const char *dockerfile_scope_get(void *scope, const char *name)
{
    const struct dockerfile_scope *s = scope;
    const char *value = strv_env(&s->env, name);

    return value ? value : strv_env(&s->args, name);
}

bool dockerfile_scope_has(const struct dockerfile_scope *s, const char *name)
{
    return strv_env(&s->env, name) || strv_env(&s->args, name) || strv_has(&s->bare, name);
}

static int names_of(const struct strv *pairs, struct strv *ret, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < pairs->n && r == 0; i++)
        r = strv_take(ret, strndup(pairs->v[i], strcspn(pairs->v[i], "=")), e);
    return r;
}

int dockerfile_scope_names(const struct dockerfile_scope *s, struct strv *ret, struct err *e)
{
    int r = names_of(&s->env, ret, e);

    if (r == 0)
        r = names_of(&s->args, ret, e);
    return r == 0 ? names_of(&s->bare, ret, e) : r;
}

bool dockerfile_scope_is_proxy(const char *name)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
                                        "all_proxy"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* ---- setting ---- */

static int set(struct strv *pairs, const char *name, const char *value, struct err *e)
{
    autofree char *line = text_format("%s=%s", name, value);

    return line ? strv_set_env(pairs, line, e) : err_memory(e);
}

static const char *given_value(const struct dockerfile_scope_given *given, const char *name)
{
    return given && given->build_args ? strv_env(given->build_args, name) : NULL;
}

/* What the builder declares for one side: TARGETPLATFORM, TARGETOS, TARGETARCH, TARGETVARIANT. */
static int platform_args(struct dockerfile_scope *s, const char *side, const struct platform *p,
                         const struct dockerfile_scope_given *given, struct err *e)
{
    char whole[200];
    const char *const parts[][2] = {{"PLATFORM", manifest_platform_format(p, whole)},
                                    {"OS", p->os},
                                    {"ARCH", p->arch},
                                    {"VARIANT", p->variant}};
    int r = 0;

    for (size_t k = 0; k < ARRAY_SIZE(parts) && r == 0; k++) {
        autofree char *name = text_format("%s%s", side, parts[k][0]);
        const char *value = name ? given_value(given, name) : NULL;

        r = name ? set(&s->args, name, value ? value : parts[k][1], e) : err_memory(e);
    }
    return r;
}

int dockerfile_scope_global(const struct dockerfile *f, const struct dockerfile_scope_given *given,
                            struct dockerfile_word *w, struct dockerfile_scope *ret, struct err *e)
{
    int r = platform_args(ret, "TARGET", &given->target_platform, given, e);

    if (r == 0)
        r = platform_args(ret, "BUILD", &given->build_platform, given, e);
    if (r == 0)
        r = set(&ret->args, "TARGETSTAGE", given->target ? given->target : "default", e);
    for (size_t k = 0; k < f->n && f->instructions[k].kind == DOCKERFILE_ARG && r == 0; k++) {
        const struct dockerfile_view v = {f, &f->instructions[k], w};

        r = dockerfile_scope_take(ret, &v, NULL, given, e);
    }
    return r;
}

/* ARG NAME[=VALUE] */
static int take_arg(struct dockerfile_scope *s, const struct dockerfile_pair *p,
                    const struct dockerfile_scope *global,
                    const struct dockerfile_scope_given *given, struct err *e)
{
    const char *value = given_value(given, p->name);

    if (!value)
        value = p->value;
    if (!value && global)
        value = strv_env(&global->args, p->name);
    if (value)
        return set(&s->args, p->name, value, e);
    return dockerfile_scope_has(s, p->name) ? 0 : strv_add(&s->bare, p->name, e);
}

int dockerfile_scope_take(struct dockerfile_scope *s, const struct dockerfile_view *v,
                          const struct dockerfile_scope *global,
                          const struct dockerfile_scope_given *given, struct err *e)
{
    struct dockerfile_pairs p;
    int r = dockerfile_args_pairs(v, &p, e);

    if (r < 0)
        return r;
    if (s->env.n + s->args.n + s->bare.n + p.n > DOCKERFILE_SCOPE_MAX)
        r = err_set(e, E2BIG, "%s:%u: more than %d variables", v->f->source.name, v->i->line.first,
                    DOCKERFILE_SCOPE_MAX);
    for (size_t k = 0; k < p.n && r == 0; k++)
        r = v->i->kind == DOCKERFILE_ENV ? set(&s->env, p.v[k].name, p.v[k].value, e)
                                         : take_arg(s, &p.v[k], global, given, e);
    dockerfile_args_pairs_free(&p);
    return r;
}

/* ---- what RUN gets ---- */

int dockerfile_scope_run(const struct dockerfile_scope *s,
                         const struct dockerfile_scope_given *given, struct strv *ret,
                         struct err *e)
{
    int r = 0;

    for (size_t k = 0; given->build_args && k < given->build_args->n && r == 0; k++) {
        const char *pair = given->build_args->v[k];
        autofree char *name = strndup(pair, strcspn(pair, "="));

        if (!name)
            r = err_memory(e);
        else if (dockerfile_scope_is_proxy(name) && pair[strlen(name)])
            r = strv_set_env(ret, pair, e);
    }
    for (size_t k = 0; k < s->args.n && r == 0; k++)
        r = strv_set_env(ret, s->args.v[k], e);
    for (size_t k = 0; k < s->env.n && r == 0; k++)
        r = strv_set_env(ret, s->env.v[k], e);
    return r;
}

/* ---- what nobody asked for ---- */

static bool declared(const struct dockerfile *f, const char *name)
{
    size_t n = strlen(name);

    for (size_t k = 0; k < f->n; k++) {
        const struct dockerfile_instruction *i = &f->instructions[k];

        if (i->inner)
            i = i->inner;
        for (size_t j = 0; i->kind == DOCKERFILE_ARG && j < i->args.words.n; j++)
            if (strncmp(i->args.words.v[j], name, n) == 0 &&
                (i->args.words.v[j][n] == 0 || i->args.words.v[j][n] == '='))
                return true;
    }
    return false;
}

/* Those that mean something to the builder even if no ARG declares them. */
static bool has_meaning(const char *name)
{
    static const char *const parts[] = {"PLATFORM", "OS", "ARCH", "VARIANT", "STAGE"};
    const char *part = text_starts(name, "TARGET")  ? name + 6
                       : text_starts(name, "BUILD") ? name + 5
                                                    : "";

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (strcmp(part, parts[i]) == 0)
            return true;
    return dockerfile_scope_is_proxy(name) || text_starts(name, "BUILDKIT_") ||
           strcmp(name, "SOURCE_DATE_EPOCH") == 0;
}

int dockerfile_scope_unused(const struct dockerfile *f, const struct dockerfile_scope_given *given,
                            struct strv *ret, struct err *e)
{
    int r = 0;

    for (size_t k = 0; given->build_args && k < given->build_args->n && r == 0; k++) {
        const char *pair = given->build_args->v[k];
        autofree char *name = strndup(pair, strcspn(pair, "="));

        if (!name)
            r = err_memory(e);
        else if (!has_meaning(name) && !declared(f, name))
            r = strv_add(ret, name, e);
    }
    return r;
}
