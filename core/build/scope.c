#include "core/build/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/runtime/env.h"

/* ---- lists of variables ---- */

static size_t find(const struct scope_vars *v, const char *name)
{
    size_t i = 0;

    while (i < v->names.n && strcmp(v->names.v[i], name) != 0)
        i++;
    return i;
}

static int put(struct scope_vars *v, const char *name, const char *value, struct err *e)
{
    size_t i = find(v, name);
    char *copy = strdup(value ? value : "");
    int r = 0;

    if (!copy)
        return err_memory(e);
    if (i < v->names.n) {
        free(v->values.v[i]);
        v->values.v[i] = copy;
    } else {
        bool *set = reallocarray(v->set, i + 1, sizeof *set);

        if (set)
            v->set = set;
        r = set ? strv_add(&v->names, name, e) : err_memory(e);
        r = r == 0 ? strv_take(&v->values, copy, e) : (free(copy), r);
        if (r < 0)
            return r;
    }
    v->set[i] = value != NULL;
    return 0;
}

static const char *get(const struct scope_vars *v, const char *name)
{
    size_t i = find(v, name);

    return i < v->names.n && v->set[i] ? v->values.v[i] : NULL;
}

int scope_vars_copy(const struct scope_vars *from, struct scope_vars *ret, struct err *e)
{
    struct scope_vars v = {0};
    int r = 0;

    for (size_t i = 0; i < from->names.n && r == 0; i++)
        r = put(&v, from->names.v[i], from->set[i] ? from->values.v[i] : NULL, e);
    if (r < 0)
        scope_vars_free(&v);
    else
        *ret = v;
    return r;
}

void scope_vars_free(struct scope_vars *v)
{
    strv_free(&v->names);
    strv_free(&v->values);
    free(v->set);
    *v = (struct scope_vars){0};
}

/* ---- beginning ---- */

static int put_platform(struct scope_vars *v, const char *prefix, const struct platform *p,
                        struct err *e)
{
    const struct {
        const char *name, *value;
    } rows[] = {{"OS", p->os}, {"ARCH", p->arch}, {"VARIANT", p->variant}};
    autofree char *whole =
        text_format("%s/%s%s%s", p->os, p->arch, *p->variant ? "/" : "", p->variant);
    autofree char *name = text_format("%sPLATFORM", prefix);
    int r = whole && name ? put(v, name, whole, e) : err_memory(e);

    for (size_t i = 0; i < ARRAY_SIZE(rows) && r == 0; i++) {
        autofree char *part = text_format("%s%s", prefix, rows[i].name);

        r = part ? put(v, part, rows[i].value, e) : err_memory(e);
    }
    return r;
}

static int take_given(struct scope *s, const char *word, struct err *e)
{
    const char *value;
    char *pair;

    if (!*word || *word == '=')
        return err_set(e, EINVAL, "--build-arg '%s': it is NAME=VALUE", word);
    if (strchr(word, '='))
        return strv_add(&s->given, word, e);
    value = getenv(word);
    if (!value)
        return 0;
    pair = text_format("%s=%s", word, value);
    return pair ? strv_take(&s->given, pair, e) : err_memory(e);
}

/* The last one counts. */
static const char *given_value(struct scope *s, const char *name)
{
    size_t n = strlen(name);
    const char *value = NULL;

    for (size_t i = 0; i < s->given.n; i++)
        if (strncmp(s->given.v[i], name, n) == 0 && s->given.v[i][n] == '=') {
            value = s->given.v[i] + n + 1;
            s->used[i] = true;
        }
    return value;
}

int scope_init(struct scope *s, const char *const *given, size_t n, const struct platform *target,
               const struct platform *build, const char *target_stage, struct err *e)
{
    int r = put_platform(&s->predefined, "TARGET", target, e);

    if (r == 0)
        r = put_platform(&s->predefined, "BUILD", build, e);
    if (r == 0)
        r = put(&s->predefined, "TARGETSTAGE", target_stage ? target_stage : "default", e);
    for (size_t i = 0; i < n && r == 0; i++)
        r = take_given(s, given[i], e);
    s->used = calloc(s->given.n + 1, sizeof *s->used);
    if (r == 0 && !s->used)
        r = err_memory(e);
    for (size_t i = 0; i < s->predefined.names.n && r == 0; i++) {
        const char *name = s->predefined.names.v[i], *value = given_value(s, name);

        r = value ? put(&s->predefined, name, value, e) : 0;
    }
    return r;
}

void scope_free(struct scope *s)
{
    strv_free(&s->given);
    free(s->used);
    scope_vars_free(&s->predefined);
    scope_vars_free(&s->global);
    scope_vars_free(&s->stage);
    *s = (struct scope){0};
}

/* ---- lines ---- */

int scope_declare(struct scope *s, const char *name, const char *value, struct err *e)
{
    const char *given = given_value(s, name);

    if (given)
        value = given;
    else if (s->in_stage && !value && !(value = get(&s->global, name)))
        value = get(&s->predefined, name);
    else if (!s->in_stage && !value)
        value = get(&s->predefined, name);
    return put(s->in_stage ? &s->stage : &s->global, name, value, e);
}

int scope_enter(struct scope *s, const struct scope_vars *parent, struct err *e)
{
    scope_vars_free(&s->stage);
    s->in_stage = true;
    return parent ? scope_vars_copy(parent, &s->stage, e) : 0;
}

static const char *environment_value(const json_t *config, const char *name)
{
    size_t n = strlen(name), i;
    const json_t *item;

    json_array_foreach(json_object_get(config, "Env"), i, item)
    {
        const char *pair = json_string_value(item);

        if (pair && strncmp(pair, name, n) == 0 && pair[n] == '=')
            return pair + n + 1;
    }
    return NULL;
}

static const char *look_up(const struct scope *s, const char *name)
{
    const char *value = s->config ? environment_value(s->config, name) : NULL;

    if (value)
        return value;
    if (s->in_stage)
        return get(&s->stage, name);
    value = get(&s->global, name);
    return value ? value : get(&s->predefined, name);
}

const char *scope_get(void *context, const char *name)
{
    return look_up(context, name);
}

bool scope_has(const struct scope *s, const char *name)
{
    const struct scope_vars *own = s->in_stage ? &s->stage : &s->global;

    return look_up(s, name) || find(own, name) < own->names.n;
}

int scope_names(const struct scope *s, struct strv *ret, struct err *e)
{
    const json_t *item;
    size_t i;
    int r = strv_copy(ret, s->in_stage ? &s->stage.names : &s->global.names, e);

    if (r == 0 && !s->in_stage)
        r = strv_copy(ret, &s->predefined.names, e);
    json_array_foreach(json_object_get(s->config, "Env"), i, item)
    {
        const char *pair = json_string_value(item);

        if (r == 0 && pair)
            r = strv_take(ret, strndup(pair, strcspn(pair, "=")), e);
    }
    return r;
}

bool scope_needs_no_arg(const char *name)
{
    for (size_t i = 0; env_proxies[i]; i++)
        if (strcmp(env_proxies[i], name) == 0)
            return true;
    return text_starts(name, "BUILDKIT_") || strcmp(name, "SOURCE_DATE_EPOCH") == 0;
}

/* ---- RUN ---- */

static int add_pair(struct strv *to, const char *name, const char *value, struct err *e)
{
    char *pair = text_format("%s=%s", name, value);

    return pair ? strv_take(to, pair, e) : err_memory(e);
}

int scope_environment(struct scope *s, bool key, struct strv *ret, struct err *e)
{
    int r = 0;

    for (size_t i = 0; env_proxies[i] && !key && r == 0; i++) {
        const char *value = given_value(s, env_proxies[i]);

        if (!value && s->host_proxies && !environment_value(s->config, env_proxies[i]))
            value = getenv(env_proxies[i]);
        if (value && !get(&s->stage, env_proxies[i]))
            r = add_pair(ret, env_proxies[i], value, e);
    }
    for (size_t i = 0; i < s->stage.names.n && r == 0; i++) {
        const char *name = s->stage.names.v[i];

        if (s->stage.set[i] && !environment_value(s->config, name))
            r = add_pair(ret, name, s->stage.values.v[i], e);
    }
    return r;
}

int scope_unused(const struct scope *s, struct strv *ret, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < s->given.n && r == 0; i++) {
        autofree char *name = strndup(s->given.v[i], strcspn(s->given.v[i], "="));

        if (!name)
            return err_memory(e);
        if (!s->used[i] && !scope_needs_no_arg(name))
            r = strv_add(ret, name, e);
    }
    return r;
}
