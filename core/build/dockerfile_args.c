#include "core/build/dockerfile_args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/runtime/limits.h"
#include "storage/ref.h"

/* ---- words and flags ---- */

/* Without variables only the form of what has some can be judged. */
static int judge_form(struct dockerfile_word *w, const char *word, char **ret, struct err *e)
{
    struct err own;
    int r = dockerfile_word_expand(w, word, ret, &own);

    if (r == -EINVAL && e)
        *e = own;
    if (r == -EINVAL)
        return r;
    if (r == 0)
        free(*ret);
    *ret = strdup(word);
    return *ret ? 0 : err_memory(e);
}

int dockerfile_args_value(const struct dockerfile_view *v, const char *word, size_t at,
                          size_t width, char **ret, bool *ret_known, struct err *e)
{
    struct dockerfile_word plain = {.escape = v->f->directives.escape};
    struct dockerfile_word *w = v->w ? v->w : &plain;
    int r;

    *ret_known = v->w || !strchr(word, '$');
    r = *ret_known ? dockerfile_word_expand(w, word, ret, e) : judge_form(w, word, ret, e);
    if (!v->w)
        dockerfile_word_free(&plain);
    if (r == 0 || r == -ENOMEM)
        return r;
    if (v->i->form != DOCKERFILE_AS_JSON && width == strlen(word)) {
        at += w->fault; /* the word stands in the line as it is */
        width = 1;
    }
    return dockerfile_error_wrap(e, -EINVAL, &v->f->source,
                                 dockerfile_lex_place(&v->i->line, at, width));
}

int dockerfile_args_flag_fail(struct err *e, const struct dockerfile_view *v,
                              const struct dockerfile_flag *flag, const char *fmt, ...)
{
    char words[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    return dockerfile_fail(e, v->f, v->i, flag->at,
                           strlen(flag->name) + 2 + (flag->value ? strlen(flag->value) + 1 : 0),
                           "--%s: %s", flag->name, words);
}

int dockerfile_args_flag(const struct dockerfile_view *v, const char *name, bool value,
                         const struct dockerfile_flag **ret, struct err *e)
{
    *ret = NULL;
    for (size_t k = 0; k < v->i->n_flags; k++) {
        const struct dockerfile_flag *flag = &v->i->flags[k];

        if (strcmp(flag->name, name) != 0)
            continue;
        if (*ret)
            return dockerfile_args_flag_fail(e, v, flag, "it is given twice");
        if (value && (!flag->value || !flag->value[0]))
            return dockerfile_args_flag_fail(e, v, flag, "it needs a value, as in --%s=VALUE",
                                             name);
        *ret = flag;
    }
    return *ret != NULL;
}

int dockerfile_args_flag_value(const struct dockerfile_view *v, const char *name, char **ret,
                               bool *ret_known, struct err *e)
{
    const struct dockerfile_flag *flag;
    int r = dockerfile_args_flag(v, name, true, &flag, e);

    *ret = NULL;
    *ret_known = false;
    if (r <= 0)
        return r;
    return dockerfile_args_value(v, flag->value, flag->at, strlen(name) + 2, ret, ret_known, e);
}

int dockerfile_args_flag_bool(const struct dockerfile_view *v, const char *name, int *ret,
                              struct err *e)
{
    const struct dockerfile_flag *flag;
    int r = dockerfile_args_flag(v, name, false, &flag, e);

    *ret = -1;
    if (r <= 0)
        return r;
    if (!flag->value || strcasecmp(flag->value, "true") == 0)
        *ret = 1;
    else if (strcasecmp(flag->value, "false") == 0)
        *ret = 0;
    else
        return dockerfile_args_flag_fail(e, v, flag, "it is true or false, not '%.60s'",
                                         flag->value);
    return 0;
}

/* ---- ARG, ENV, LABEL ---- */

void dockerfile_args_pairs_free(struct dockerfile_pairs *p)
{
    for (size_t k = 0; k < p->n; k++) {
        free(p->v[k].name);
        free(p->v[k].value);
    }
    free(p->v);
    *p = (struct dockerfile_pairs){0};
}

/* `name` and `value` as written; value NULL: there is none. */
static int add_pair(const struct dockerfile_view *v, const char *name, const char *value, size_t at,
                    size_t value_at, struct dockerfile_pairs *ret, struct err *e)
{
    struct dockerfile_pair *p = realloc(ret->v, (ret->n + 1) * sizeof *p);
    bool known;
    int r;

    if (!p)
        return err_memory(e);
    ret->v = p;
    p += ret->n++;
    *p = (struct dockerfile_pair){.at = at};
    r = dockerfile_args_value(v, name, at, strlen(name), &p->name, &known, e);
    if (r == 0 && !p->name[0])
        r = dockerfile_fail(e, v->f, v->i, at, 1, "%s: the name before '=' is missing",
                            dockerfile_kind_name(v->i->kind));
    if (r == 0 && value)
        r = dockerfile_args_value(v, value, value_at, strlen(value), &p->value, &known, e);
    return r;
}

/* ENV NAME all the rest of the line */
static int legacy_pair(const struct dockerfile_view *v, struct dockerfile_pairs *ret, struct err *e)
{
    const char *name = v->i->args.words.v[0];
    size_t n = strlen(name), at = v->i->args.at[0];

    ret->legacy = true;
    if (v->i->args.words.n < 2)
        return dockerfile_fail(e, v->f, v->i, at, n, "%s %.60s needs a value: %.60s=VALUE",
                               dockerfile_kind_name(v->i->kind), name, name);
    n = v->i->args.at[1];
    return add_pair(v, name, v->i->line.text + n, at, n, ret, e);
}

int dockerfile_args_pairs(const struct dockerfile_view *v, struct dockerfile_pairs *ret,
                          struct err *e)
{
    const struct dockerfile_words *args = &v->i->args;
    bool arg = v->i->kind == DOCKERFILE_ARG;
    int r = 0;

    *ret = (struct dockerfile_pairs){0};
    if (!arg && !strchr(args->words.v[0], '='))
        r = legacy_pair(v, ret, e);
    for (size_t k = 0; k < args->words.n && r == 0 && !ret->legacy; k++) {
        const char *word = args->words.v[k], *equal = strchr(word, '=');
        autofree char *name = strndup(word, equal ? (size_t)(equal - word) : strlen(word));

        if (!name)
            r = err_memory(e);
        else if (!equal && !arg)
            r = dockerfile_fail(e, v->f, v->i, args->at[k], strlen(word),
                                "'%.60s' has no '=': it is NAME=VALUE, and a value with blanks is "
                                "put in quotes",
                                word);
        else
            r = add_pair(v, name, equal ? equal + 1 : NULL, args->at[k],
                         args->at[k] + strlen(name) + 1, ret, e);
    }
    if (r < 0)
        dockerfile_args_pairs_free(ret);
    return r;
}

/* ---- FROM ---- */

void dockerfile_args_from_free(struct dockerfile_from *from)
{
    free(from->image);
    free(from->platform);
    *from = (struct dockerfile_from){0};
}

/* Of which stage is this instruction? */
static size_t stage_of(const struct dockerfile_view *v)
{
    size_t at = (size_t)(v->i - v->f->instructions), s = 0;

    while (s + 1 < v->f->n_stages && v->f->stages[s + 1].first <= at)
        s++;
    return s;
}

/* OS[/ARCH[/VARIANT]] */
static bool valid_platform(const char *s)
{
    unsigned parts = 1;

    for (;; s++) {
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

        if (n == 0 || parts++ > 3)
            return false;
        s += n;
        if (*s != '/')
            return *s == 0;
    }
}

static int check_image(const struct dockerfile_view *v, struct dockerfile_from *from, struct err *e)
{
    size_t at = v->i->args.at[0], width = strlen(v->i->args.words.v[0]);
    struct ref ref;
    int r;

    if (!from->image[0])
        return dockerfile_fail(e, v->f, v->i, at, width,
                               "the name of the image is empty: give its ARG a default, or "
                               "--build-arg");
    from->stage = dockerfile_find_stage(v->f, stage_of(v), from->image, false);
    if (from->stage >= 0 || strcmp(from->image, "scratch") == 0)
        return 0;
    r = ref_parse(from->image, &ref, e);
    return r < 0 ? dockerfile_error_wrap(e, r, &v->f->source,
                                         dockerfile_lex_place(&v->i->line, at, width))
                 : 0;
}

int dockerfile_args_from(const struct dockerfile_view *v, struct dockerfile_from *ret,
                         struct err *e)
{
    const struct dockerfile_words *args = &v->i->args;
    const struct dockerfile_flag *flag;
    int r;

    *ret = (struct dockerfile_from){.stage = -1};
    r = dockerfile_args_value(v, args->words.v[0], args->at[0], strlen(args->words.v[0]),
                              &ret->image, &ret->known, e);
    if (r == 0 && ret->known)
        r = check_image(v, ret, e);
    if (r == 0)
        r = dockerfile_args_flag_value(v, "platform", &ret->platform, &ret->platform_known, e);
    if (r == 0 && ret->platform && ret->platform_known && !valid_platform(ret->platform) &&
        dockerfile_args_flag(v, "platform", true, &flag, e) > 0)
        r = dockerfile_args_flag_fail(
            e, v, flag, "'%.60s' is no platform: it is OS/ARCHITECTURE[/VARIANT]", ret->platform);
    if (r < 0)
        dockerfile_args_from_free(ret);
    return r < 0 ? r : 0;
}

/* ---- texts and lists ---- */

int dockerfile_args_text(const struct dockerfile_view *v, char **ret, bool *ret_known,
                         struct err *e)
{
    const struct dockerfile_instruction *i = v->i;
    size_t width = strlen(i->rest);
    int r, signo;

    if (i->kind == DOCKERFILE_MAINTAINER) {
        *ret_known = true;
        *ret = strdup(i->rest);
        return *ret ? 0 : err_memory(e);
    }
    r = dockerfile_args_value(v, i->rest, i->rest_at, width, ret, ret_known, e);
    if (r < 0)
        return r;
    if (*ret_known && !(*ret)[0])
        r = dockerfile_fail(e, v->f, i, i->rest_at, width, "%s: the value is empty",
                            dockerfile_kind_name(i->kind));
    else if (*ret_known && i->kind == DOCKERFILE_STOPSIGNAL &&
             (r = limits_parse_signal(*ret, &signo, e)) < 0)
        r = dockerfile_error_wrap(e, r, &v->f->source,
                                  dockerfile_lex_place(&i->line, i->rest_at, width));
    if (r < 0) {
        free(*ret);
        *ret = NULL;
        return r;
    }
    return 0;
}

int dockerfile_args_list(const struct dockerfile_view *v, struct strv *ret, struct err *e)
{
    const struct dockerfile_words *args = &v->i->args;

    for (size_t k = 0; k < args->words.n; k++) {
        const char *word = args->words.v[k];
        char *value;
        bool known;
        int r = dockerfile_args_value(v, word, args->at[k], strlen(word), &value, &known, e);

        if (r < 0)
            return r;
        if (!value[0]) {
            free(value);
            return dockerfile_fail(e, v->f, v->i, args->at[k], strlen(word), "%s: an empty path",
                                   dockerfile_kind_name(v->i->kind));
        }
        r = strv_take(ret, value, e);
        if (r < 0)
            return r;
    }
    return 0;
}
