/* Theory of operation: dockerfile_lex gives logical lines; each becomes an instruction: its name,
 * its flags, then the rest in the form that its kind has (words, a text, or JSON). Here-documents
 * are known only then (JSON has none, and only ADD, COPY and RUN take them), so their texts are
 * fetched from the lexer after the line that announces them. All spots are kept as bytes of the
 * logical line's text; dockerfile_lex_place finds them in the file. */
#include "core/build/dockerfile.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/auto.h"

static const char blank[] = " \t\v\f\r\n";

static const struct {
    const char *name, *flags, *needs;
} kinds[] = {
#define X(name, flags, needs) {#name, flags, needs},
    DOCKERFILE_KINDS(X)
#undef X
};
_Static_assert(ARRAY_SIZE(kinds) == DOCKERFILE_KIND_COUNT, "a row for each kind");

const char *dockerfile_kind_name(enum dockerfile_kind kind)
{
    return kinds[kind].name;
}

const char *dockerfile_kind_flags(enum dockerfile_kind kind)
{
    return kinds[kind].flags;
}

int dockerfile_fail(struct err *e, const struct dockerfile *f,
                    const struct dockerfile_instruction *i, size_t at, size_t width,
                    const char *fmt, ...)
{
    char words[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    return dockerfile_error_set(e, &f->source, dockerfile_lex_place(&i->line, at, width), "%s",
                                words);
}

/* ---- one instruction ---- */

static void free_instruction(struct dockerfile_instruction *i)
{
    for (size_t k = 0; k < i->n_flags; k++) {
        free(i->flags[k].name);
        free(i->flags[k].value);
    }
    free(i->flags);
    for (size_t k = 0; k < i->n_heredocs; k++)
        dockerfile_lex_heredoc_free(&i->heredocs[k]);
    free(i->heredocs);
    free(i->rest);
    free(i->probe);
    dockerfile_words_free(&i->args);
    dockerfile_lex_line_free(&i->line);
    if (i->inner)
        free_instruction(i->inner);
    free(i->inner);
    *i = (struct dockerfile_instruction){0};
}

static int find_kind(const struct dockerfile *f, struct dockerfile_instruction *i, struct err *e)
{
    char word[NEAR_WORD_MAX + 1], hint[DOCKERFILE_ERROR_HINT_MAX];
    struct near n;

    snprintf(word, sizeof word, "%.*s", (int)i->name_width, i->line.text + i->name_at);
    for (char *p = word; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    near_begin(&n, word);
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        if (strlen(kinds[k].name) == i->name_width && strcmp(word, kinds[k].name) == 0) {
            i->kind = (enum dockerfile_kind)k;
            return 0;
        }
        near_offer(&n, kinds[k].name);
    }
    return dockerfile_fail(e, f, i, i->name_at, i->name_width, "unknown instruction '%.*s'%s",
                           (int)(i->name_width > 60 ? 60 : i->name_width),
                           i->line.text + i->name_at, dockerfile_error_hint(&n, "", hint));
}

/* One flag from s on: quotes and backslashes hold it together, and are taken off. New. */
static char *take_flag(const char *s, const char **ret_end)
{
    autotext struct text t = {0};
    char quote = 0;

    for (; *s && (quote || !strchr(blank, *s)); s++) {
        if (*s == '\\') {
            if (!s[1])
                continue;
            s++;
        } else if (quote ? *s == quote : *s == '"' || *s == '\'') {
            quote = quote ? 0 : *s;
            continue;
        }
        text_add_n(&t, s, 1);
    }
    *ret_end = s;
    return text_take(&t);
}

static int add_flag(const struct dockerfile *f, struct dockerfile_instruction *i, char *word,
                    size_t at, struct err *e)
{
    struct dockerfile_flag *flag = realloc(i->flags, (i->n_flags + 1) * sizeof *flag);
    char *equal = strchr(word, '=');

    if (!flag)
        return err_memory(e);
    if (i->n_flags == 1000)
        return dockerfile_fail(e, f, i, at, 2, "more than 1000 flags");
    i->flags = flag;
    flag += i->n_flags;
    *flag = (struct dockerfile_flag){.at = at};
    flag->name = strndup(word + 2, equal ? (size_t)(equal - word - 2) : strlen(word + 2));
    flag->value = equal ? strdup(equal + 1) : NULL;
    i->n_flags++;
    return !flag->name || (equal && !flag->value) ? err_memory(e) : 0;
}

/* The flag must be one that the kind has. */
static int check_flag(const struct dockerfile *f, const struct dockerfile_instruction *i,
                      const struct dockerfile_flag *flag, struct err *e)
{
    char all[80], hint[DOCKERFILE_ERROR_HINT_MAX];
    struct near n;

    near_begin(&n, flag->name);
    snprintf(all, sizeof all, "%s", kinds[i->kind].flags);
    for (char *save = NULL, *w = strtok_r(all, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        if (strcmp(w, flag->name) == 0)
            return 0;
        near_offer(&n, w);
    }
    return dockerfile_fail(e, f, i, flag->at, strlen(flag->name) + 2, "%s has no flag --%.60s%s",
                           kinds[i->kind].name, flag->name, dockerfile_error_hint(&n, "--", hint));
}

/* From `at` on; a word "--" ends them. *ret_at: where the rest begins. */
static int take_flags(const struct dockerfile *f, struct dockerfile_instruction *i, size_t at,
                      size_t *ret_at, struct err *e)
{
    const char *text = i->line.text, *s = text + at;
    int r = 0;

    for (s += strspn(s, blank); s[0] == '-' && s[1] == '-'; s += strspn(s, blank)) {
        const char *end;
        autofree char *word = take_flag(s, &end);

        if (!word)
            return err_memory(e);
        if (strcmp(word, "--") == 0) {
            s = end + strspn(end, blank);
            break;
        }
        r = add_flag(f, i, word, (size_t)(s - text), e);
        if (r == 0)
            r = check_flag(f, i, &i->flags[i->n_flags - 1], e);
        if (r < 0)
            return r;
        s = end;
    }
    *ret_at = (size_t)(s - text);
    return 0;
}

static int set_rest(struct dockerfile_instruction *i, size_t at, struct err *e)
{
    free(i->rest);
    i->rest_at = at;
    i->rest = strdup(i->line.text + at);
    return i->rest ? 0 : err_memory(e);
}

static int split(const struct dockerfile *f, struct dockerfile_instruction *i, bool quotes,
                 struct err *e)
{
    int r;

    i->form = DOCKERFILE_AS_WORDS;
    r = dockerfile_words_split(i->rest, i->rest_at, quotes, f->directives.escape, &i->args, e);
    return r < 0 ? dockerfile_error_wrap(e, r, &f->source,
                                         dockerfile_lex_place(&i->line, i->rest_at, 1))
                 : 0;
}

/* JSON if it is JSON, else `other`. */
static int json_or(const struct dockerfile *f, struct dockerfile_instruction *i,
                   enum dockerfile_form other, struct err *e)
{
    int r = dockerfile_words_json(i->rest, i->rest_at, &i->args, e);

    if (r < 0)
        return dockerfile_error_wrap(e, r, &f->source,
                                     dockerfile_lex_place(&i->line, i->rest_at, 1));
    i->form = r ? DOCKERFILE_AS_JSON : other;
    return r || other == DOCKERFILE_AS_TEXT ? 0 : split(f, i, false, e);
}

/* HEALTHCHECK NONE, HEALTHCHECK CMD … */
static int parse_health(const struct dockerfile *f, struct dockerfile_instruction *i, struct err *e)
{
    size_t n = strcspn(i->rest, blank), at = i->rest_at;
    char hint[DOCKERFILE_ERROR_HINT_MAX];
    struct near near;
    int r;

    i->form = DOCKERFILE_AS_TEXT;
    i->probe = strndup(i->rest, n);
    if (!i->probe)
        return err_memory(e);
    for (char *p = i->probe; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    near_begin(&near, i->probe);
    near_offer(&near, "CMD");
    near_offer(&near, "NONE");
    if (strcmp(i->probe, "CMD") != 0 && strcmp(i->probe, "NONE") != 0)
        return dockerfile_fail(e, f, i, at, n, "HEALTHCHECK has CMD or NONE here, not '%.60s'%s",
                               i->probe, dockerfile_error_hint(&near, "", hint));
    r = set_rest(i, at + n + strspn(i->line.text + at + n, blank), e);
    if (r < 0)
        return r;
    if (i->probe[0] == 'N' && i->rest[0])
        return dockerfile_fail(e, f, i, i->rest_at, strlen(i->rest),
                               "HEALTHCHECK NONE takes nothing after it");
    if (i->probe[0] == 'C' && !i->rest[0])
        return dockerfile_fail(e, f, i, at, n, "HEALTHCHECK CMD needs a command");
    return json_or(f, i, DOCKERFILE_AS_TEXT, e);
}

static int parse_at(const struct dockerfile *f, struct dockerfile_instruction *i, size_t at,
                    bool trigger, struct err *e);

static int copy_line(const struct dockerfile_line *from, struct dockerfile_line *to, struct err *e)
{
    *to = (struct dockerfile_line){
        .n = from->n, .n_pieces = from->n_pieces, .first = from->first, .last = from->last};
    to->text = strdup(from->text);
    to->pieces = malloc(from->n_pieces * sizeof *to->pieces);
    if (!to->text || !to->pieces)
        return err_memory(e);
    memcpy(to->pieces, from->pieces, from->n_pieces * sizeof *to->pieces);
    return 0;
}

static int parse_onbuild(const struct dockerfile *f, struct dockerfile_instruction *i,
                         struct err *e)
{
    int r;

    i->form = DOCKERFILE_AS_TEXT;
    i->inner = calloc(1, sizeof *i->inner);
    if (!i->inner)
        return err_memory(e);
    r = copy_line(&i->line, &i->inner->line, e);
    return r < 0 ? r : parse_at(f, i->inner, i->rest_at, true, e);
}

static int parse_rest(const struct dockerfile *f, struct dockerfile_instruction *i, struct err *e)
{
    switch (i->kind) {
    case DOCKERFILE_ADD:
    case DOCKERFILE_COPY:
    case DOCKERFILE_VOLUME: return json_or(f, i, DOCKERFILE_AS_WORDS, e);
    case DOCKERFILE_CMD:
    case DOCKERFILE_ENTRYPOINT:
    case DOCKERFILE_RUN:
    case DOCKERFILE_SHELL: return json_or(f, i, DOCKERFILE_AS_TEXT, e);
    case DOCKERFILE_EXPOSE:
    case DOCKERFILE_FROM: return split(f, i, false, e);
    case DOCKERFILE_ARG:
    case DOCKERFILE_ENV:
    case DOCKERFILE_LABEL: return split(f, i, true, e);
    case DOCKERFILE_HEALTHCHECK: return parse_health(f, i, e);
    case DOCKERFILE_ONBUILD: return parse_onbuild(f, i, e);
    case DOCKERFILE_MAINTAINER:
    case DOCKERFILE_STOPSIGNAL:
    case DOCKERFILE_USER:
    case DOCKERFILE_WORKDIR: i->form = DOCKERFILE_AS_TEXT; return 0;
    case DOCKERFILE_KIND_COUNT: break;
    }
    return -EINVAL;
}

static int missing(const struct dockerfile *f, const struct dockerfile_instruction *i,
                   struct err *e)
{
    return dockerfile_fail(e, f, i, i->name_at, i->name_width, "%s needs %s", kinds[i->kind].name,
                           kinds[i->kind].needs);
}

/* Enough words? CMD [] and ENTRYPOINT [] are: they take back what the base image has. */
static int check_count(const struct dockerfile *f, const struct dockerfile_instruction *i,
                       struct err *e)
{
    bool two = i->kind == DOCKERFILE_ADD || i->kind == DOCKERFILE_COPY;
    bool empty = i->kind == DOCKERFILE_CMD || i->kind == DOCKERFILE_ENTRYPOINT;

    if (i->form == DOCKERFILE_AS_TEXT)
        return i->kind == DOCKERFILE_SHELL ? missing(f, i, e) : 0;
    return i->args.words.n < (two ? 2 : empty ? 0 : 1) ? missing(f, i, e) : 0;
}

/* The instruction that begins at byte `at` of its line. `trigger`: it stands after ONBUILD. */
static int parse_at(const struct dockerfile *f, struct dockerfile_instruction *i, size_t at,
                    bool trigger, struct err *e)
{
    int r;

    i->name_at = at;
    i->name_width = strcspn(i->line.text + at, blank);
    r = find_kind(f, i, e);
    if (r < 0)
        return r;
    if (trigger && (i->kind == DOCKERFILE_ONBUILD || i->kind == DOCKERFILE_FROM ||
                    i->kind == DOCKERFILE_MAINTAINER))
        return dockerfile_fail(e, f, i, at, i->name_width, "%s cannot be given to ONBUILD",
                               kinds[i->kind].name);
    r = take_flags(f, i, at + i->name_width, &at, e);
    if (r == 0)
        r = set_rest(i, at, e);
    if (r < 0)
        return r;
    if (!i->rest[0])
        return missing(f, i, e);
    r = parse_rest(f, i, e);
    return r < 0 ? r : check_count(f, i, e);
}

/* ---- here-documents ---- */

static int take_heredocs(struct dockerfile_lex *x, const struct dockerfile *f,
                         struct dockerfile_instruction *outer, struct err *e)
{
    struct dockerfile_heredoc found[DOCKERFILE_LEX_HEREDOCS_MAX];
    struct dockerfile_instruction *i = outer->inner ? outer->inner : outer;
    bool takes =
        i->kind == DOCKERFILE_ADD || i->kind == DOCKERFILE_COPY || i->kind == DOCKERFILE_RUN;
    int n, r = 0;

    if (!takes || i->form == DOCKERFILE_AS_JSON || !strstr(i->rest, "<<"))
        return 0;
    n = dockerfile_lex_heredocs(&outer->line, found, &f->source, e);
    if (n <= 0)
        return n;
    i->heredocs = calloc((size_t)n, sizeof *i->heredocs);
    if (!i->heredocs) {
        while (n)
            dockerfile_lex_heredoc_free(&found[--n]);
        return err_memory(e);
    }
    memcpy(i->heredocs, found, (size_t)n * sizeof *found);
    i->n_heredocs = (size_t)n;
    for (size_t k = 0; k < i->n_heredocs && r == 0; k++)
        r = dockerfile_lex_heredoc(x, &outer->line, &i->heredocs[k], e);
    i->line.last = outer->line.last;
    return r;
}

char *dockerfile_trigger(const struct dockerfile_instruction *onbuild)
{
    const struct dockerfile_instruction *i = onbuild->inner;
    autotext struct text t = {0};

    text_add(&t, i->line.text + i->name_at);
    for (size_t k = 0; k < i->n_heredocs; k++)
        text_addf(&t, "\n%s%s", i->heredocs[k].text, i->heredocs[k].name);
    return text_take(&t);
}

/* ---- stages ---- */

/* [a-z][a-z0-9._-]*, once in small letters. */
static bool valid_name(const char *name)
{
    return islower((unsigned char)name[0]) &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == 0;
}

static int name_stage(const struct dockerfile *f, const struct dockerfile_instruction *i,
                      struct dockerfile_stage *s, struct err *e)
{
    const struct strv *w = &i->args.words;

    if (w->n == 1)
        return 0;
    if (strcasecmp(w->v[1], "as") != 0)
        return dockerfile_fail(e, f, i, i->args.at[1], strlen(w->v[1]),
                               "after the image only AS and the stage's name can follow");
    if (w->n == 2)
        return dockerfile_fail(e, f, i, i->args.at[1], 2, "AS needs the stage's name after it");
    if (w->n > 3)
        return dockerfile_fail(e, f, i, i->args.at[3], strlen(w->v[3]),
                               "nothing can follow the stage's name");
    s->name = strdup(w->v[2]);
    if (!s->name)
        return err_memory(e);
    for (char *p = s->name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (!valid_name(s->name))
        return dockerfile_fail(e, f, i, i->args.at[2], strlen(s->name),
                               "a stage's name begins with a letter and has only letters, digits, "
                               "'.', '_' and '-'");
    return 0;
}

static int begin_stage(struct dockerfile *f, const struct dockerfile_instruction *i, struct err *e)
{
    struct dockerfile_stage *s;

    if (f->n_stages == DOCKERFILE_STAGES_MAX)
        return err_set(e, E2BIG, "%s:%u: more than %d stages", f->source.name, i->line.first,
                       DOCKERFILE_STAGES_MAX);
    s = realloc(f->stages, (f->n_stages + 1) * sizeof *s);
    if (!s)
        return err_memory(e);
    f->stages = s;
    s += f->n_stages++;
    *s = (struct dockerfile_stage){.first = f->n - 1};
    return name_stage(f, i, s, e);
}

int dockerfile_find_stage(const struct dockerfile *f, size_t before, const char *name, bool numbers)
{
    unsigned long long n;

    for (size_t i = before; i > 0; i--)
        if (f->stages[i - 1].name && strcasecmp(f->stages[i - 1].name, name) == 0)
            return (int)i - 1;
    if (numbers && before && text_number(name, before - 1, &n, NULL) == 0)
        return (int)n;
    return -ENOENT;
}

/* ---- the file ---- */

static int place_in_stage(struct dockerfile *f, bool trigger, struct err *e)
{
    const struct dockerfile_instruction *i = &f->instructions[f->n - 1];

    if (trigger)
        return 0;
    if (i->kind == DOCKERFILE_FROM) {
        int r = begin_stage(f, i, e);

        if (r < 0)
            return r;
    } else if (!f->n_stages && i->kind != DOCKERFILE_ARG) {
        return dockerfile_fail(e, f, i, i->name_at, i->name_width,
                               "%s before the first FROM: only ARG may stand there",
                               kinds[i->kind].name);
    }
    if (f->n_stages)
        f->stages[f->n_stages - 1].n++;
    return 0;
}

/* Takes the line. */
static int add_instruction(struct dockerfile *f, struct dockerfile_lex *x,
                           struct dockerfile_line *line, bool trigger, struct err *e)
{
    struct dockerfile_instruction *i = NULL;
    int r;

    if (f->n < DOCKERFILE_INSTRUCTIONS_MAX)
        i = realloc(f->instructions, (f->n + 1) * sizeof *i);
    if (!i) {
        r = f->n < DOCKERFILE_INSTRUCTIONS_MAX
                ? err_memory(e)
                : err_set(e, E2BIG, "%s:%u: more than %d instructions", f->source.name, line->first,
                          DOCKERFILE_INSTRUCTIONS_MAX);
        dockerfile_lex_line_free(line);
        return r;
    }
    f->instructions = i;
    i += f->n++;
    *i = (struct dockerfile_instruction){.line = *line};
    r = parse_at(f, i, 0, trigger, e);
    if (r == 0)
        r = take_heredocs(x, f, i, e);
    return r < 0 ? r : place_in_stage(f, trigger, e);
}

static int parse_lines(struct dockerfile *f, struct dockerfile_lex *x, bool trigger, struct err *e)
{
    int r;

    do {
        struct dockerfile_line line;

        r = dockerfile_lex_next(x, &line, e);
        if (r <= 0)
            return r;
        if (line.n)
            r = add_instruction(f, x, &line, trigger, e);
        else
            dockerfile_lex_line_free(&line); /* escapes at line ends, and nothing else */
    } while (r >= 0);
    return r;
}

static int parse(const char *name, const char *text, size_t n, bool trigger, struct dockerfile *ret,
                 struct err *e)
{
    struct dockerfile_lex x;
    int r;

    *ret = (struct dockerfile){.source = {.n = n}};
    ret->source.name = strdup(name);
    ret->source.text = n <= DOCKERFILE_LEX_FILE_MAX ? malloc(n + 1) : strdup("");
    if (!ret->source.name || !ret->source.text)
        r = err_memory(e);
    else {
        if (n <= DOCKERFILE_LEX_FILE_MAX) {
            memcpy(ret->source.text, text, n);
            ret->source.text[n] = 0;
        }
        r = dockerfile_lex_open(&x, &ret->source, e);
    }
    if (r == 0) {
        ret->directives = x.directives;
        r = parse_lines(ret, &x, trigger, e);
    }
    if (r == 0 && !ret->n)
        r = err_set(e, EINVAL, "%s: has no instructions", name);
    else if (r == 0 && !trigger && !ret->n_stages)
        r = err_set(e, EINVAL, "%s: has no FROM, so there is nothing to build", name);
    if (r < 0)
        dockerfile_free(ret);
    return r;
}

int dockerfile_parse(const char *name, const char *text, size_t n, struct dockerfile *ret,
                     struct err *e)
{
    return parse(name, text, n, false, ret, e);
}

int dockerfile_parse_trigger(const char *name, const char *text, struct dockerfile *ret,
                             struct err *e)
{
    int r = parse(name, text, strlen(text), true, ret, e);

    if (r == 0 && ret->n != 1) {
        r = err_set(e, EINVAL, "%s: has more than one instruction", name);
        dockerfile_free(ret);
    }
    return r;
}

void dockerfile_free(struct dockerfile *f)
{
    for (size_t i = 0; i < f->n; i++)
        free_instruction(&f->instructions[i]);
    free(f->instructions);
    for (size_t i = 0; i < f->n_stages; i++)
        free(f->stages[i].name);
    free(f->stages);
    dockerfile_error_source_free(&f->source);
    free(f->directives.syntax);
    free(f->directives.check);
    *f = (struct dockerfile){0};
}
