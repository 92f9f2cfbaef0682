/* The arguments as text; without a text to write to, only the look at them. */
#include <stdlib.h>

#include "core/base/auto.h"
#include "core/base/when.h"
#include "core/build/dockerfile_args.h"

static void say(struct text *to, const char *key, const char *value)
{
    if (!to || !value)
        return;
    text_addf(to, " %s=", key);
    dockerfile_print_quoted(to, value);
}

static void say_all(struct text *to, const char *key, const struct strv *values)
{
    for (size_t i = 0; i < values->n; i++)
        say(to, key, values->v[i]);
}

static void flag(struct text *to, const char *word, bool set)
{
    if (to && set)
        text_addf(to, " %s", word);
}

static int print_pairs(const struct dockerfile_view *v, struct text *to, struct err *e)
{
    struct dockerfile_pairs p;
    int r = dockerfile_args_pairs(v, &p, e);

    if (r < 0)
        return r;
    flag(to, "legacy", p.legacy);
    for (size_t i = 0; i < p.n && to; i++) {
        text_add(to, " ");
        dockerfile_print_quoted(to, p.v[i].name);
        if (!p.v[i].value)
            continue;
        text_add(to, "=");
        dockerfile_print_quoted(to, p.v[i].value);
    }
    dockerfile_args_pairs_free(&p);
    return 0;
}

static int print_from(const struct dockerfile_view *v, struct text *to, struct err *e)
{
    struct dockerfile_from from;
    int r = dockerfile_args_from(v, &from, e);

    if (r < 0)
        return r;
    say(to, "image", from.image);
    if (to && from.stage >= 0)
        text_addf(to, " stage=%d", from.stage);
    say(to, "platform", from.platform);
    dockerfile_args_from_free(&from);
    return 0;
}

static int print_text(const struct dockerfile_view *v, struct text *to, struct err *e)
{
    autofree char *value = NULL;
    bool known;
    int r = dockerfile_args_text(v, &value, &known, e);

    say(to, "text", value);
    return r;
}

static int print_list(const struct dockerfile_view *v, struct text *to, struct err *e)
{
    autostrv struct strv l = {0};
    int r = dockerfile_args_list(v, &l, e);

    say_all(to, "path", &l);
    return r;
}

static int print_ports(const struct dockerfile_view *v, struct text *to, struct err *e)
{
    struct dockerfile_ports p;
    int r = dockerfile_args_ports(v, &p, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < p.n && to; i++) {
        text_addf(to, " %u", p.v[i].first);
        if (p.v[i].last != p.v[i].first)
            text_addf(to, "-%u", p.v[i].last);
        text_addf(to, "/%s%s%s", p.v[i].protocol, p.v[i].mapped ? " (mapped)" : "",
                  p.v[i].odd_case ? " (odd case)" : "");
    }
    dockerfile_args_ports_free(&p);
    return 0;
}

static void say_duration(struct text *to, const char *key, long long ns)
{
    char buf[WHEN_MAX];

    if (to && ns)
        text_addf(to, " %s=%s", key, when_format_duration(ns, buf));
}

static int print_health(const struct dockerfile_view *v, struct text *to, struct err *e)
{
    struct dockerfile_health h;
    int r = dockerfile_args_health(v, &h, e);

    if (r < 0)
        return r;
    flag(to, "none", h.none);
    say_duration(to, "interval", h.interval_ns);
    say_duration(to, "timeout", h.timeout_ns);
    say_duration(to, "start-period", h.start_period_ns);
    say_duration(to, "start-interval", h.start_interval_ns);
    if (to && h.retries)
        text_addf(to, " retries=%u", h.retries);
    return 0;
}

static int print_copy(const struct dockerfile_view *v, struct text *to, struct err *e)
{
    struct dockerfile_copy c;
    int r = dockerfile_args_copy(v, &c, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < c.n; i++) {
        say(to, c.sources[i].heredoc ? "file" : "source", c.sources[i].path);
        say(to, "holding", c.sources[i].text);
    }
    say(to, "destination", c.destination);
    say(to, "from", c.from);
    say(to, "chown", c.chown);
    say(to, "chmod", c.chmod);
    say(to, "checksum", c.checksum);
    say_all(to, "exclude", &c.exclude);
    flag(to, "link", c.link);
    flag(to, "parents", c.parents);
    flag(to, "keep-git-dir", c.keep_git_dir);
    flag(to, "unpack", c.unpack == 1);
    flag(to, "no-unpack", c.unpack == 0);
    dockerfile_args_copy_free(&c);
    return 0;
}

static void print_mount(const struct dockerfile_mount *m, struct text *to)
{
    static const char *const types[] = {[DOCKERFILE_MOUNT_BIND] = "bind",
                                        [DOCKERFILE_MOUNT_CACHE] = "cache",
                                        [DOCKERFILE_MOUNT_SECRET] = "secret",
                                        [DOCKERFILE_MOUNT_SSH] = "ssh",
                                        [DOCKERFILE_MOUNT_TMPFS] = "tmpfs"};
    static const char *const sharings[] = {[DOCKERFILE_SHARING_SHARED] = "shared",
                                           [DOCKERFILE_SHARING_PRIVATE] = "private",
                                           [DOCKERFILE_SHARING_LOCKED] = "locked"};

    text_addf(to, "\n    mount %s", types[m->type]);
    say(to, "target", m->target);
    say(to, "from", m->from);
    say(to, "source", m->source);
    say(to, "id", m->id);
    say(to, "env", m->env);
    flag(to, "writable", m->writable);
    flag(to, "required", m->required);
    if (m->type == DOCKERFILE_MOUNT_CACHE)
        text_addf(to, " %s", sharings[m->sharing]);
    if (m->mode)
        text_addf(to, " mode=%04o %u:%u", m->mode, m->uid, m->gid);
    if (m->size_bytes)
        text_addf(to, " size=%llu", m->size_bytes);
    flag(to, "(has variables)", !m->known);
}

static int print_run(const struct dockerfile_view *v, struct text *to, struct err *e)
{
    static const char *const networks[] = {[DOCKERFILE_NETWORK_DEFAULT] = "default",
                                           [DOCKERFILE_NETWORK_NONE] = "none",
                                           [DOCKERFILE_NETWORK_HOST] = "host"};
    struct dockerfile_run run;
    int r = dockerfile_args_run(v, &run, e);

    if (r < 0)
        return r;
    say(to, "shell", run.shell);
    say(to, "script", run.script);
    if (v->i->form == DOCKERFILE_AS_JSON)
        say_all(to, "exec", &v->i->args.words);
    if (to && run.network != DOCKERFILE_NETWORK_DEFAULT)
        text_addf(to, " network=%s", networks[run.network]);
    for (size_t i = 0; i < run.n_mounts && to; i++)
        print_mount(&run.mounts[i], to);
    dockerfile_args_run_free(&run);
    return 0;
}

static void print_command(const struct dockerfile_instruction *i, struct text *to)
{
    if (i->form == DOCKERFILE_AS_JSON)
        say_all(to, "exec", &i->args.words);
    else
        say(to, "shell", i->rest);
}

static int print(const struct dockerfile_view *v, struct text *to, struct err *e)
{
    switch (v->i->kind) {
    case DOCKERFILE_ADD:
    case DOCKERFILE_COPY: return print_copy(v, to, e);
    case DOCKERFILE_ARG:
    case DOCKERFILE_ENV:
    case DOCKERFILE_LABEL: return print_pairs(v, to, e);
    case DOCKERFILE_FROM: return print_from(v, to, e);
    case DOCKERFILE_MAINTAINER:
    case DOCKERFILE_STOPSIGNAL:
    case DOCKERFILE_USER:
    case DOCKERFILE_WORKDIR: return print_text(v, to, e);
    case DOCKERFILE_VOLUME: return print_list(v, to, e);
    case DOCKERFILE_EXPOSE: return print_ports(v, to, e);
    case DOCKERFILE_HEALTHCHECK: return print_health(v, to, e);
    case DOCKERFILE_RUN: return print_run(v, to, e);
    case DOCKERFILE_CMD:
    case DOCKERFILE_ENTRYPOINT:
    case DOCKERFILE_SHELL: print_command(v->i, to); return 0;
    case DOCKERFILE_ONBUILD:
    case DOCKERFILE_KIND_COUNT: break;
    }
    return 0;
}

int dockerfile_args_print(const struct dockerfile_view *v, struct text *to, struct err *e)
{
    struct dockerfile_view view = *v;
    int r;

    if (to)
        text_addf(to, "%u:", v->i->line.first);
    for (; view.i->inner; view.i = view.i->inner)
        if (to)
            text_addf(to, " %s", dockerfile_kind_name(view.i->kind));
    if (to)
        text_addf(to, " %s", dockerfile_kind_name(view.i->kind));
    r = print(&view, to, e);
    if (to && r == 0)
        text_add(to, "\n");
    return r;
}
