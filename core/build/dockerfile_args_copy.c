/* ADD and COPY. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/build/dockerfile_args.h"
#include "core/build/glob.h"

void dockerfile_args_copy_free(struct dockerfile_copy *c)
{
    for (size_t k = 0; k < c->n; k++) {
        free(c->sources[k].path);
        free(c->sources[k].text);
    }
    free(c->sources);
    free(c->destination);
    free(c->from);
    free(c->chown);
    free(c->chmod);
    free(c->checksum);
    strv_free(&c->exclude);
    *c = (struct dockerfile_copy){0};
}

bool dockerfile_args_is_url(const char *source)
{
    return strncasecmp(source, "http://", 7) == 0 || strncasecmp(source, "https://", 8) == 0;
}

bool dockerfile_args_is_git(const char *source)
{
    size_t n = strcspn(source, "#?");

    if (text_starts(source, "git@") || text_starts(source, "git://") ||
        text_starts(source, "ssh://"))
        return true;
    return dockerfile_args_is_url(source) && n > 4 && strncmp(source + n - 4, ".git", 4) == 0;
}

/* One clause of chmod(1)'s language: [ugoa]*([-+=]([rwxXst]*|[ugo]))+ */
static bool valid_clause(const char *s, size_t n)
{
    const char *end = s + n;
    bool any = false;

    while (s < end && strchr("ugoa", *s))
        s++;
    while (s < end && strchr("+-=", *s)) {
        any = true;
        s++;
        if (s < end && strchr("ugo", *s))
            s++;
        else
            while (s < end && strchr("rwxXst", *s))
                s++;
    }
    return any && s == end;
}

static bool valid_mode(const char *s)
{
    size_t octal = strspn(s, "01234567");

    if (octal && !s[octal])
        return strtoul(s, NULL, 8) <= 07777 && octal <= 8;
    for (;; s++) {
        size_t n = strcspn(s, ",");

        if (!valid_clause(s, n))
            return false;
        s += n;
        if (!*s)
            return true;
    }
}

/* ":group" as well: buildah has it. */
static bool valid_owner(const char *s)
{
    const char *colon = strchr(s, ':');

    return *s && !strpbrk(s, " \t/") && (!colon || (colon[1] && !strchr(colon + 1, ':')));
}

/* An invalid value of a flag. */
static int refuse(const struct dockerfile_view *v, const char *name, const char *value,
                  const char *form, struct err *e)
{
    const struct dockerfile_flag *flag;
    int r = dockerfile_args_flag(v, name, true, &flag, e);

    if (r <= 0)
        return r;
    return dockerfile_args_flag_fail(e, v, flag, "'%.60s' is not %s", value, form);
}

/* --chown and --chmod: both kinds have them. */
static int owner_and_mode(const struct dockerfile_view *v, struct dockerfile_copy *c, struct err *e)
{
    bool known;
    int r = dockerfile_args_flag_value(v, "chown", &c->chown, &known, e);

    if (r == 0 && c->chown && known && !valid_owner(c->chown))
        r = refuse(v, "chown", c->chown, "USER or USER:GROUP", e);
    if (r == 0)
        r = dockerfile_args_flag_value(v, "chmod", &c->chmod, &known, e);
    if (r == 0 && c->chmod && known && !valid_mode(c->chmod))
        r = refuse(v, "chmod", c->chmod, "a mode such as 755 or u=rwX,go=rX", e);
    return r;
}

static int set_bool(const struct dockerfile_view *v, const char *name, bool *ret, struct err *e)
{
    int given, r = dockerfile_args_flag_bool(v, name, &given, e);

    *ret = given == 1;
    return r;
}

static int excludes(const struct dockerfile_view *v, struct strv *ret, struct err *e)
{
    for (size_t k = 0; k < v->i->n_flags; k++) {
        const struct dockerfile_flag *flag = &v->i->flags[k];
        autoglob struct glob g = {0};
        char *value;
        bool known;
        int r;

        if (strcmp(flag->name, "exclude") != 0)
            continue;
        if (!flag->value || !flag->value[0])
            return dockerfile_args_flag_fail(e, v, flag, "it needs a pattern");
        r = dockerfile_args_value(v, flag->value, flag->at, strlen(flag->name) + 2, &value, &known,
                                  e);
        if (r < 0)
            return r;
        r = strv_take(ret, value, e);
        if (r == 0 && known && (r = glob_parse(value, GLOB_DEEP, &g, e)) < 0)
            r = dockerfile_args_flag_fail(e, v, flag, "%s", e ? e->text : "");
        if (r < 0)
            return r;
    }
    return 0;
}

static int flags(const struct dockerfile_view *v, struct dockerfile_copy *c, struct err *e)
{
    const struct dockerfile_flag *flag;
    bool known;
    int r = owner_and_mode(v, c, e);

    if (r == 0)
        r = set_bool(v, "link", &c->link, e);
    if (r == 0)
        r = set_bool(v, "parents", &c->parents, e);
    if (r == 0)
        r = set_bool(v, "keep-git-dir", &c->keep_git_dir, e);
    if (r == 0)
        r = dockerfile_args_flag_bool(v, "unpack", &c->unpack, e);
    if (r == 0)
        r = excludes(v, &c->exclude, e);
    if (r == 0)
        r = dockerfile_args_flag_value(v, "checksum", &c->checksum, &known, e);
    if (r == 0)
        r = dockerfile_args_flag(v, "from", true, &flag, e);
    if (r <= 0)
        return r;
    if (strchr(flag->value, '$'))
        return dockerfile_args_flag_fail(
            e, v, flag, "no variables here: write FROM %.60s AS name, and --from=name",
            flag->value);
    c->from = strdup(flag->value);
    return c->from ? 0 : err_memory(e);
}

/* ---- sources ---- */

static const struct dockerfile_heredoc *heredoc_at(const struct dockerfile_instruction *i,
                                                   size_t at)
{
    for (size_t k = 0; k < i->n_heredocs; k++)
        if (i->heredocs[k].at == at)
            return &i->heredocs[k];
    return NULL;
}

static unsigned line_of(const struct dockerfile_heredoc *h, const char *text, size_t at)
{
    unsigned line = h->first;

    for (size_t i = 0; i < at && text[i]; i++)
        line += text[i] == '\n';
    return line;
}

/* Its text, with the variables it asks for; without variables only their form is judged. */
static int heredoc_text(const struct dockerfile_view *v, struct dockerfile_copy_source *s,
                        struct err *e)
{
    struct dockerfile_word plain = {.escape = '\\'}, *w = v->w ? v->w : &plain;
    autofree char *raw = dockerfile_lex_heredoc_text(s->heredoc), *text = NULL;
    struct err own = {0};
    int r = 0;

    s->path = strdup(s->heredoc->name);
    if (!s->path || !raw)
        return err_memory(e);
    if (s->heredoc->expand)
        r = dockerfile_word_heredoc(w, raw, &text, &own);
    if (!v->w)
        dockerfile_word_free(&plain);
    if (r < 0 && (v->w || r == -EINVAL)) {
        if (e)
            *e = own;
        return dockerfile_error_wrap(
            e, r == -ENOMEM ? r : -EINVAL, &v->f->source,
            (struct dockerfile_place){.line = line_of(s->heredoc, raw, w->fault)});
    }
    s->text = v->w && text ? take_ptr(&text) : take_ptr(&raw);
    return 0;
}

static int check_pattern(const struct dockerfile_view *v, const struct dockerfile_copy *c,
                         const char *path, size_t at, size_t width, struct err *e)
{
    autoglob struct glob g = {0};
    int r = 0;

    if (!path[0])
        return dockerfile_fail(e, v->f, v->i, at, width, "a source is empty");
    if (v->i->kind != DOCKERFILE_ADD ||
        !(dockerfile_args_is_url(path) || dockerfile_args_is_git(path)))
        r = glob_parse(path, c->parents ? GLOB_DEEP : GLOB_PATH, &g, e);
    return r < 0 ? dockerfile_error_wrap(e, r, &v->f->source,
                                         dockerfile_lex_place(&v->i->line, at, width))
                 : 0;
}

static int add_source(const struct dockerfile_view *v, struct dockerfile_copy *c, const char *word,
                      size_t at, struct err *e)
{
    struct dockerfile_copy_source *s = &c->sources[c->n++];
    bool known;
    int r;

    *s = (struct dockerfile_copy_source){
        .heredoc = heredoc_at(v->i, at), .at = at, .width = strlen(word)};
    if (s->heredoc)
        return heredoc_text(v, s, e);
    r = dockerfile_args_value(v, word, at, strlen(word), &s->path, &known, e);
    return r == 0 && known ? check_pattern(v, c, s->path, at, strlen(word), e) : r;
}

/* A here-document whose quoted word has a blank ("A B") is several words here; only its first
 * counts. */
static bool inside_heredoc(const struct dockerfile_instruction *i, size_t at)
{
    for (size_t k = 0; k < i->n_heredocs; k++)
        if (at > i->heredocs[k].at && at < i->heredocs[k].at + i->heredocs[k].width)
            return true;
    return false;
}

static int sources(const struct dockerfile_view *v, struct dockerfile_copy *c, struct err *e)
{
    const struct dockerfile_words *args = &v->i->args;
    size_t last = args->words.n - 1;
    bool known;
    int r = 0;

    c->sources = calloc(args->words.n, sizeof *c->sources);
    if (!c->sources)
        return err_memory(e);
    for (size_t k = 0; k < last && r == 0; k++)
        if (!inside_heredoc(v->i, args->at[k]))
            r = add_source(v, c, args->words.v[k], args->at[k], e);
    if (r < 0)
        return r;
    if (heredoc_at(v->i, args->at[last]) || inside_heredoc(v->i, args->at[last]))
        return dockerfile_fail(e, v->f, v->i, v->i->name_at, v->i->name_width,
                               "%s needs a destination after its here-document",
                               dockerfile_kind_name(v->i->kind));
    r = dockerfile_args_value(v, args->words.v[last], args->at[last], strlen(args->words.v[last]),
                              &c->destination, &known, e);
    if (r == 0 && known && !c->destination[0])
        r = dockerfile_fail(e, v->f, v->i, args->at[last], strlen(args->words.v[last]),
                            "the destination is empty");
    return r;
}

/* What is promised of a file that comes from outside can only be one file's. */
static int checksum(const struct dockerfile_view *v, const struct dockerfile_copy *c, struct err *e)
{
    const struct dockerfile_flag *flag;
    const char *sum = c->checksum, *source = c->n ? c->sources[0].path : "";
    bool git = dockerfile_args_is_git(source), url = dockerfile_args_is_url(source);

    if (!sum || strchr(sum, '$') || strchr(source, '$'))
        return 0;
    if ((c->n != 1 || !(git || url)) && dockerfile_args_flag(v, "checksum", true, &flag, e) > 0)
        return dockerfile_args_flag_fail(e, v, flag,
                                         "it is for one single source from http(s) or git");
    if (git ? strlen(sum) <= 64 && !sum[strspn(sum, "0123456789abcdef")]
            : text_starts(sum, "sha256:") && strlen(sum) == 71 &&
                  !sum[7 + strspn(sum + 7, "0123456789abcdef")])
        return 0;
    return refuse(v, "checksum", sum, git ? "a commit" : "sha256: and 64 hexadecimal digits", e);
}

int dockerfile_args_copy(const struct dockerfile_view *v, struct dockerfile_copy *ret,
                         struct err *e)
{
    int r;

    *ret = (struct dockerfile_copy){.unpack = -1};
    r = flags(v, ret, e);
    if (r == 0)
        r = sources(v, ret, e);
    if (r == 0)
        r = checksum(v, ret, e);
    if (r < 0)
        dockerfile_args_copy_free(ret);
    return r;
}
