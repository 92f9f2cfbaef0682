#include "core/build/dockerfile_rules.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"

/* ---- names of secrets ---- */

/* Is one of the parts of NAME_LIKE_THIS this word? */
static bool has_part(const char *name, const char *word)
{
    size_t n = strlen(word);

    for (const char *s = name; *s; s += strcspn(s, "_"), s += *s == '_')
        if (strncasecmp(s, word, n) == 0 && (s[n] == 0 || s[n] == '_'))
            return true;
    return false;
}

static bool secret(const char *name)
{
    static const char *const words[] = {"apikey",   "auth",  "credential", "credentials", "key",
                                        "password", "pword", "passwd",     "secret",      "token"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (has_part(name, words[i]))
            return !has_part(name, "public");
    return false;
}

void dockerfile_rules_secrets(struct dockerfile_findings *found, const struct dockerfile_view *v)
{
    struct dockerfile_pairs p;

    if (dockerfile_args_pairs(v, &p, NULL) < 0)
        return;
    for (size_t k = 0; k < p.n; k++)
        if (secret(p.v[k].name))
            dockerfile_finding_add(found, DOCKERFILE_RULE_SecretsUsedInArgOrEnv, v->i, p.v[k].at,
                                   strlen(p.v[k].name),
                                   "%s '%s' sounds like a secret, and would be seen in the image's "
                                   "history: use RUN --mount=type=secret",
                                   dockerfile_kind_name(v->i->kind), p.v[k].name);
    dockerfile_args_pairs_free(&p);
}

/* ---- one instruction each ---- */

static void whole(struct dockerfile_rules *r, enum dockerfile_rule rule,
                  const struct dockerfile_instruction *i, const char *words)
{
    dockerfile_finding_add(r->found, rule, i, i->name_at, i->name_width, "%s", words);
}

static void env_or_label(struct dockerfile_rules *r, const struct dockerfile_view *v)
{
    struct dockerfile_pairs p;

    if (dockerfile_args_pairs(v, &p, NULL) < 0)
        return;
    if (p.legacy)
        dockerfile_finding_add(r->found, DOCKERFILE_RULE_LegacyKeyValueFormat, v->i,
                               v->i->args.at[0], strlen(v->i->args.words.v[0]),
                               "write %s %s=VALUE: the form without '=' may go one day",
                               dockerfile_kind_name(v->i->kind), v->i->args.words.v[0]);
    dockerfile_args_pairs_free(&p);
    if (v->i->kind == DOCKERFILE_ENV)
        dockerfile_rules_secrets(r->found, v);
}

static void expose(struct dockerfile_rules *r, const struct dockerfile_view *v)
{
    struct dockerfile_ports p;

    if (dockerfile_args_ports(v, &p, NULL) < 0)
        return;
    for (size_t k = 0; k < p.n; k++) {
        size_t width = strcspn(v->i->line.text + p.v[k].at, " \t");

        if (p.v[k].mapped)
            dockerfile_finding_add(r->found, DOCKERFILE_RULE_ExposeInvalidFormat, v->i, p.v[k].at,
                                   width,
                                   "EXPOSE has only the container's port: addresses and ports of "
                                   "the host are chosen by who runs it (-p)");
        if (p.v[k].odd_case)
            dockerfile_finding_add(r->found, DOCKERFILE_RULE_ExposeProtoCasing, v->i, p.v[k].at,
                                   width, "the protocol is written in small letters: %s",
                                   p.v[k].protocol);
    }
    dockerfile_args_ports_free(&p);
}

static void workdir(struct dockerfile_rules *r, const struct dockerfile_view *v)
{
    autofree char *path = NULL;
    bool known;

    if (dockerfile_args_text(v, &path, &known, NULL) < 0)
        return;
    if (path[0] != '/' && !r->stage->workdir_set)
        dockerfile_finding_add(r->found, DOCKERFILE_RULE_WorkdirRelativePath, v->i, v->i->rest_at,
                               strlen(v->i->rest),
                               "'%s' is below whatever folder the base image has set: begin with "
                               "an absolute WORKDIR",
                               path);
    r->stage->workdir_set |= path[0] == '/';
}

/* Only the last one counts. */
static void only_once(struct dockerfile_rules *r, const struct dockerfile_instruction *i)
{
    const struct dockerfile_instruction **last = &r->stage->last[i->kind];

    if (*last)
        dockerfile_finding_add(r->found, DOCKERFILE_RULE_MultipleInstructionsDisallowed, *last,
                               (*last)->name_at, (*last)->name_width,
                               "this %s has no effect: line %u has another one",
                               dockerfile_kind_name(i->kind), i->line.first);
    *last = i;
}

static void command(struct dockerfile_rules *r, const struct dockerfile_instruction *i)
{
    only_once(r, i);
    if (i->form == DOCKERFILE_AS_TEXT && !r->stage->shell_set)
        whole(r, DOCKERFILE_RULE_JSONArgsRecommended, i,
              "without a JSON array a shell stands between the program and the signals it is "
              "sent");
}

/* ---- COPY of what the context leaves out ---- */

static bool literal(const char *path)
{
    return !strpbrk(path, "*?[\\$");
}

static void copied(struct dockerfile_rules *r, const struct dockerfile_instruction *i,
                   const struct dockerfile_copy_source *source)
{
    autofree char *clean = ignore_clean(source->path);
    const char *path = clean;

    if (!clean || !literal(source->path))
        return;
    while (path[0] == '/' || strncmp(path, "../", 3) == 0)
        path += path[0] == '/' ? 1 : 3;
    if (!path[0] || strcmp(path, ".") == 0 || strcmp(path, "..") == 0)
        return;
    if (ignore_ask(r->ignore, path) == IGNORE_LEFT_OUT)
        dockerfile_finding_add(r->found, DOCKERFILE_RULE_CopyIgnoredFile, i, source->at,
                               source->width, "'%s' is left out of the context by .dockerignore",
                               path);
}

static void copy(struct dockerfile_rules *r, const struct dockerfile_view *v)
{
    struct dockerfile_copy c;

    if (!r->ignore || dockerfile_args_copy(v, &c, NULL) < 0)
        return;
    for (size_t k = 0; k < c.n && !c.from; k++)
        if (!c.sources[k].heredoc && !dockerfile_args_is_url(c.sources[k].path) &&
            !dockerfile_args_is_git(c.sources[k].path))
            copied(r, v->i, &c.sources[k]);
    dockerfile_args_copy_free(&c);
}

void dockerfile_rules_look(struct dockerfile_rules *r, const struct dockerfile_view *v)
{
    switch (v->i->kind) {
    case DOCKERFILE_ENV:
    case DOCKERFILE_LABEL: env_or_label(r, v); break;
    case DOCKERFILE_ARG: dockerfile_rules_secrets(r->found, v); break;
    case DOCKERFILE_EXPOSE: expose(r, v); break;
    case DOCKERFILE_WORKDIR: workdir(r, v); break;
    case DOCKERFILE_CMD:
    case DOCKERFILE_ENTRYPOINT: command(r, v->i); break;
    case DOCKERFILE_HEALTHCHECK: only_once(r, v->i); break;
    case DOCKERFILE_SHELL: r->stage->shell_set = true; break;
    case DOCKERFILE_MAINTAINER:
        whole(r, DOCKERFILE_RULE_MaintainerDeprecated, v->i,
              "write LABEL org.opencontainers.image.authors=\"…\" instead");
        break;
    case DOCKERFILE_ADD:
    case DOCKERFILE_COPY: copy(r, v); break;
    case DOCKERFILE_FROM:
    case DOCKERFILE_ONBUILD:
    case DOCKERFILE_RUN:
    case DOCKERFILE_STOPSIGNAL:
    case DOCKERFILE_USER:
    case DOCKERFILE_VOLUME:
    case DOCKERFILE_KIND_COUNT: break;
    }
}
