/* Theory of operation: one walk over the instructions keeps, for each stage, the variables that
 * are declared and what else the rules ask for; a stage that begins with an earlier one starts
 * with a copy of that. Each instruction is expanded with them, and the names that were asked for in
 * vain are reported. Instructions that are wrong in themselves are passed over here: the build
 * refuses them (dockerfile_args_check). */
#include "core/build/dockerfile_check.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/auto.h"
#include "core/build/dockerfile_rules.h"
#include "storage/ref.h"

struct walk {
    const struct dockerfile *f;
    const struct dockerfile_check_context *context;
    struct dockerfile_findings *found;
    struct scope scope; /* at the instruction at hand; ENV is declared as ARG is */
    struct dockerfile_rules_stage *stages; /* f->n_stages of them */
    size_t n;                              /* stages that have begun */
    size_t declared;                       /* variables in all of them together */
    unsigned long work;                    /* of dockerfile_word */
};

enum { DECLARED_MAX = 50000, OF_STAGE_MAX = 1024 }; /* no sane file comes near */

/* ---- variables ---- */

/* An ARG that nobody gave a value is declared all the same: no reason to report it. */
static const char *declared_value(void *context, const char *name)
{
    const char *value = scope_get(context, name);

    return value ? value : scope_has(context, name) ? "" : NULL;
}

static struct dockerfile_word word_of(struct walk *w)
{
    return (struct dockerfile_word){.get = declared_value,
                                    .context = &w->scope,
                                    .escape = w->f->directives.escape,
                                    .work = w->work};
}

static void end_word(struct walk *w, struct dockerfile_word *word)
{
    w->work = word->work;
    dockerfile_word_free(word);
}

static int too_many(const struct walk *w, struct err *e)
{
    return err_set(e, E2BIG, "%s: has too many variables to look after", w->f->source.name);
}

static bool variable_name(const char *name)
{
    return isalpha((unsigned char)name[0]) || name[0] == '_';
}

/* Where "$name" or "${name" stands in the instruction's text. */
static size_t find_use(const struct dockerfile_instruction *i, const char *name, size_t *ret_width)
{
    size_t n = strlen(name);

    *ret_width = i->name_width;
    for (const char *s = i->line.text; (s = strchr(s, '$')); s++) {
        const char *word = s + 1 + (s[1] == '{');

        if (strncmp(word, name, n) != 0 || isalnum((unsigned char)word[n]) || word[n] == '_')
            continue;
        *ret_width = (size_t)(word - s) + n + (s[1] == '{' && word[n] == '}');
        return (size_t)(s - i->line.text);
    }
    return i->name_at;
}

static const char *hint(const struct scope *scope, const char *name,
                        char buf[DOCKERFILE_ERROR_HINT_MAX])
{
    autostrv struct strv names = {0};
    struct near near;

    near_begin(&near, name);
    (void)scope_names(scope, &names, NULL); /* without memory: without a hint */
    for (size_t k = 0; k < names.n; k++)
        near_offer(&near, names.v[k]);
    return dockerfile_error_hint(&near, "$", buf);
}

static void report_unset(struct walk *w, enum dockerfile_rule rule,
                         const struct dockerfile_instruction *i, const struct strv *unset)
{
    char buf[DOCKERFILE_ERROR_HINT_MAX];

    for (size_t k = 0; k < unset->n; k++) {
        const char *name = unset->v[k];
        size_t width, at = find_use(i, name, &width);

        if (!variable_name(name) ||
            (rule == DOCKERFILE_RULE_UndefinedVar && scope_needs_no_arg(name)))
            continue;
        dockerfile_finding_add(w->found, rule, i, at, width, "no ARG%s sets $%.60s before this%s",
                               rule == DOCKERFILE_RULE_UndefinedVar ? " or ENV" : "", name,
                               hint(&w->scope, name, buf));
    }
}

/* Every part of an instruction that has variables, for the names alone. */
static void use_all(const struct dockerfile_instruction *i, struct dockerfile_word *w)
{
    bool words = i->form == DOCKERFILE_AS_WORDS || i->kind == DOCKERFILE_COPY ||
                 i->kind == DOCKERFILE_ADD || i->kind == DOCKERFILE_VOLUME;
    bool text = i->kind == DOCKERFILE_STOPSIGNAL || i->kind == DOCKERFILE_USER ||
                i->kind == DOCKERFILE_WORKDIR;
    char *value;

    for (size_t k = 0; k < i->n_flags; k++)
        if (i->flags[k].value && dockerfile_word_expand(w, i->flags[k].value, &value, NULL) == 0)
            free(value);
    for (size_t k = 0; k < i->args.words.n && words; k++)
        if (dockerfile_word_expand(w, i->args.words.v[k], &value, NULL) == 0)
            free(value);
    if (text && dockerfile_word_expand(w, i->rest, &value, NULL) == 0)
        free(value);
    for (size_t k = 0; k < i->n_heredocs && i->kind != DOCKERFILE_RUN; k++)
        if (i->heredocs[k].expand &&
            dockerfile_word_heredoc(w, i->heredocs[k].text, &value, NULL) == 0)
            free(value);
}

static int declare_one(struct walk *w, const char *name, const char *value, struct err *e)
{
    const struct scope_vars *own = w->scope.in_stage ? &w->scope.stage : &w->scope.global;

    if (++w->declared > DECLARED_MAX || own->names.n >= OF_STAGE_MAX)
        return too_many(w, e);
    return scope_declare(&w->scope, name, value, e);
}

/* ARG and ENV: what they declare. Those that are wrong declare nothing: the build refuses them. */
static int declare(struct walk *w, const struct dockerfile_view *v, struct err *e)
{
    struct dockerfile_pairs p;
    int r = 0;

    if (dockerfile_args_pairs(v, &p, NULL) < 0)
        return 0;
    for (size_t k = 0; k < p.n && r == 0; k++)
        r = declare_one(w, p.v[k].name, p.v[k].value, e);
    dockerfile_args_pairs_free(&p);
    return r;
}

/* ---- FROM ---- */

static bool all_small(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isupper((unsigned char)s[i]))
            return false;
    return true;
}

static bool all_capital(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (islower((unsigned char)s[i]))
            return false;
    return true;
}

static void stage_name(struct walk *w, const struct dockerfile_instruction *i)
{
    const char *from = i->line.text + i->name_at, *as = i->args.words.v[1],
               *name = i->args.words.v[2];
    size_t at = i->args.at[2], n = strlen(name);

    if ((all_small(from, 4) && !all_small(as, 2)) || (all_capital(from, 4) && !all_capital(as, 2)))
        dockerfile_finding_add(w->found, DOCKERFILE_RULE_FromAsCasing, i, i->args.at[1], 2,
                               "'%s' is not written like '%.4s'", as, from);
    if (!all_small(name, n))
        dockerfile_finding_add(w->found, DOCKERFILE_RULE_StageNameCasing, i, at, n,
                               "the stage's name '%s' has capital letters", name);
    if (strcasecmp(name, "scratch") == 0 || strcasecmp(name, "context") == 0)
        dockerfile_finding_add(w->found, DOCKERFILE_RULE_ReservedStageName, i, at, n,
                               "'%s' has a meaning of its own and should be no stage's name", name);
    if (dockerfile_find_stage(w->f, w->n, name, false) >= 0)
        dockerfile_finding_add(w->found, DOCKERFILE_RULE_DuplicateStageName, i, at, n,
                               "an earlier stage is called '%s' too: only the later one can be "
                               "named from here on",
                               name);
}

static void platform(struct walk *w, const struct dockerfile_instruction *i)
{
    const char *value = i->n_flags ? i->flags[0].value : NULL,
               *name = w->f->stages[w->n].name ? w->f->stages[w->n].name : "";
    autofree char *os = value ? strndup(value, strcspn(value, "/")) : NULL;
    const char *arch = value && strchr(value, '/') ? strchr(value, '/') + 1 : value;
    size_t width;

    if (!value || !os)
        return;
    width = strlen(value) + 11;
    if (strcmp(value, "$TARGETPLATFORM") == 0 || strcmp(value, "${TARGETPLATFORM}") == 0)
        dockerfile_finding_add(w->found, DOCKERFILE_RULE_RedundantTargetPlatform, i, i->flags[0].at,
                               width, "%s is what FROM takes anyway: leave --platform out", value);
    if (!strchr(value, '$') && !strstr(name, os) && !strstr(name, arch))
        dockerfile_finding_add(w->found, DOCKERFILE_RULE_FromPlatformFlagConstDisallowed, i,
                               i->flags[0].at, width,
                               "the stage is tied to %s, whatever platform is built for", value);
}

/* Does FROM have a valid image when nothing is given with --build-arg? */
static void defaults(struct walk *w, const struct dockerfile_instruction *i,
                     struct dockerfile_word *word)
{
    const char *written = i->args.words.v[0];
    autofree char *image = NULL;
    struct ref ref;

    if (!strchr(written, '$') || dockerfile_word_expand(word, written, &image, NULL) < 0)
        return;
    if (strcmp(image, "scratch") != 0 && dockerfile_find_stage(w->f, w->n, image, false) < 0 &&
        ref_parse(image, &ref, NULL) < 0)
        dockerfile_finding_add(w->found, DOCKERFILE_RULE_InvalidDefaultArgInFrom, i, i->args.at[0],
                               strlen(written),
                               "without --build-arg this is '%s', which is no image's name", image);
}

static int declare_all(struct walk *w, const struct strv *env, struct err *e)
{
    int r = env ? 0 : declare_one(w, "PATH", "", e);

    for (size_t k = 0; env && k < env->n && r == 0; k++) {
        autofree char *name = strndup(env->v[k], strcspn(env->v[k], "="));

        r = name ? declare_one(w, name, env->v[k] + strlen(name) + (env->v[k][strlen(name)] == '='),
                               e)
                 : err_memory(e);
    }
    return r;
}

/* Enter the next stage. */
static int enter(struct walk *w, const char *image, struct err *e)
{
    int base = dockerfile_find_stage(w->f, w->n, image, false), r;
    const struct dockerfile_rules_stage *from = base >= 0 ? &w->stages[base] : NULL;

    if (from) {
        w->stages[w->n].workdir_set = from->workdir_set;
        w->stages[w->n].shell_set = from->shell_set;
        w->declared += from->vars.names.n;
        if (w->declared > DECLARED_MAX)
            return too_many(w, e);
    }
    r = scope_enter(&w->scope, from ? &from->vars : NULL, e);
    if (r == 0 && !from)
        r = declare_all(
            w, w->context->environment ? w->context->environment(w->context->context, w->n) : NULL,
            e);
    w->n++;
    return r;
}

/* The stage before it has ended; FROM sees only the global variables. */
static void leave(struct walk *w)
{
    if (w->n) {
        w->stages[w->n - 1].vars = w->scope.stage;
        w->scope.stage = (struct scope_vars){0};
    }
    w->scope.in_stage = false;
}

static int from(struct walk *w, const struct dockerfile_instruction *i, struct err *e)
{
    struct dockerfile_word word;
    autofree char *image = NULL;

    leave(w);
    word = word_of(w);
    if (i->args.words.n == 3)
        stage_name(w, i);
    platform(w, i);
    use_all(i, &word);
    report_unset(w, DOCKERFILE_RULE_UndefinedArgInFrom, i, &word.unset);
    if (!word.unset.n)
        defaults(w, i, &word);
    if (dockerfile_word_expand(&word, i->args.words.v[0], &image, NULL) < 0)
        image = strdup("");
    end_word(w, &word);
    return image ? enter(w, image, e) : err_memory(e);
}

/* ---- all instructions ---- */

/* Does one of the comments above FROM or ARG begin with its name? */
static void description(struct walk *w, const struct dockerfile_instruction *i)
{
    const struct strv *c = &i->line.comments;
    const char *name = NULL;
    size_t n;

    if (i->kind == DOCKERFILE_FROM && i->args.words.n == 3)
        name = i->args.words.v[2];
    else if (i->kind == DOCKERFILE_ARG && i->args.words.n == 1)
        name = i->args.words.v[0];
    if (!name || !c->n)
        return;
    n = strcspn(name, "=");
    for (size_t k = 0; k < c->n; k++)
        if (strncmp(c->v[k], name, n) == 0 && (c->v[k][n] == ' ' || c->v[k][n] == '\t'))
            return;
    dockerfile_finding_add(w->found, DOCKERFILE_RULE_InvalidDefinitionDescription, i, i->name_at,
                           i->name_width,
                           "the comment above describes it when it begins with '%.*s'; if it is "
                           "not meant to, leave an empty line between them",
                           (int)n, name);
}

static void layout(struct walk *w, const struct dockerfile_instruction *i, bool small)
{
    const char *name = i->line.text + i->name_at;
    size_t n = i->name_width;

    if (small ? !all_small(name, n) : !all_capital(name, n))
        dockerfile_finding_add(w->found, DOCKERFILE_RULE_ConsistentInstructionCasing, i, i->name_at,
                               n, "'%.*s' is not written in %s letters, as most instructions are",
                               (int)n, name, small ? "small" : "capital");
    if (i->line.empty) {
        struct dockerfile_instruction there = *i;
        struct dockerfile_piece piece = {0, i->line.empty, 0};

        there.line.pieces = &piece;
        there.line.n_pieces = 1;
        dockerfile_finding_add(w->found, DOCKERFILE_RULE_NoEmptyContinuation, &there, 0, 0,
                               "an empty line inside an instruction (it begins in line %u)",
                               i->line.first);
    }
}

static bool mostly_small(const struct dockerfile *f)
{
    size_t small = 0, capital = 0;

    for (size_t k = 0; k < f->n; k++) {
        const struct dockerfile_instruction *i = &f->instructions[k];

        small += all_small(i->line.text + i->name_at, i->name_width);
        capital += all_capital(i->line.text + i->name_at, i->name_width);
    }
    return small > capital;
}

static int any_other(struct walk *w, const struct dockerfile_instruction *i, struct err *e)
{
    struct dockerfile_word word = word_of(w);
    const struct dockerfile_view v = {w->f, i, &word};
    int r = 0;

    if (w->n) {
        struct dockerfile_rules rules = {w->found, w->context->ignore, &w->stages[w->n - 1]};

        use_all(i, &word);
        report_unset(w, DOCKERFILE_RULE_UndefinedVar, i, &word.unset);
        dockerfile_rules_look(&rules, &v);
    } else {
        dockerfile_rules_secrets(w->found, &v);
    }
    if (i->kind == DOCKERFILE_ARG || i->kind == DOCKERFILE_ENV)
        r = declare(w, &v, e);
    end_word(w, &word);
    return r;
}

static int walk(struct walk *w, struct err *e)
{
    bool small = mostly_small(w->f);
    struct platform here;
    int r = manifest_platform(NULL, &here, e);

    if (r >= 0)
        r = scope_init(&w->scope, NULL, 0, &here, &here, NULL, e);
    for (size_t k = 0; k < w->f->n && r >= 0; k++) {
        const struct dockerfile_instruction *i = &w->f->instructions[k];

        layout(w, i, small);
        description(w, i);
        r = i->kind == DOCKERFILE_FROM ? from(w, i, e) : any_other(w, i, e);
        if (r >= 0 && w->work > DOCKERFILE_WORD_WORK_MAX)
            r = too_many(w, e);
    }
    return r;
}

int dockerfile_check(const struct dockerfile *f, const struct dockerfile_check_context *context,
                     struct dockerfile_findings *ret, struct err *e)
{
    static const struct dockerfile_check_context nothing;
    struct walk w = {.f = f, .context = context ? context : &nothing, .found = ret};
    int r = dockerfile_finding_begin(ret, f, e);

    if (r < 0)
        return r;
    w.stages = calloc(f->n_stages + 1, sizeof *w.stages);
    r = w.stages ? walk(&w, e) : err_memory(e);
    for (size_t s = 0; s < f->n_stages && w.stages; s++)
        scope_vars_free(&w.stages[s].vars);
    free(w.stages);
    scope_free(&w.scope);
    if (r >= 0)
        r = dockerfile_finding_end(ret, e);
    if (r < 0)
        dockerfile_finding_free(ret);
    return r < 0 ? r : 0;
}
