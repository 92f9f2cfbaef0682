#include "core/build/build_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/jsonx.h"
#include "core/engine/change.h"

bool build_config_is(enum dockerfile_kind kind)
{
    return kind != DOCKERFILE_ADD && kind != DOCKERFILE_ARG && kind != DOCKERFILE_COPY &&
           kind != DOCKERFILE_FROM && kind != DOCKERFILE_RUN;
}

static int put(json_t *o, const char *key, json_t *value, struct err *e)
{
    return json_object_set_new(o, key, value) < 0
               ? err_set(e, EINVAL, "%s: the text is not UTF-8", key)
               : 0;
}

static json_t *member(json_t *config, const char *key)
{
    json_t *o = json_object_get(config, key);

    if (json_is_object(o))
        return o;
    o = json_object();
    json_object_set_new(config, key, o);
    return o;
}

/* ---- commands ---- */

json_t *build_config_command(const struct dockerfile_instruction *i, const json_t *config)
{
    json_t *shell = json_object_get(config, "Shell"), *list;

    if (i->form == DOCKERFILE_AS_JSON) {
        list = json_array();
        for (size_t k = 0; k < i->args.words.n; k++)
            json_array_append_new(list, json_string(i->args.words.v[k]));
        return list;
    }
    list = json_is_array(shell) && json_array_size(shell) ? json_copy(shell)
                                                          : json_pack("[s, s]", "/bin/sh", "-c");
    json_array_append_new(list, json_string(i->rest));
    return list;
}

static int put_command(const struct dockerfile_view *v, json_t *config, const char *key,
                       struct text *said, struct err *e)
{
    json_t *words = build_config_command(v->i, config);
    autofree char *text = jsonx_dump(words, 0);
    int r = put(config, key, words, e);

    if (r == 0)
        text_add(said, text ? text : "");
    return r;
}

static int put_shell(const struct dockerfile_view *v, json_t *config, struct text *said,
                     struct err *e)
{
    return put_command(v, config, "Shell", said, e);
}

static int put_entrypoint(const struct dockerfile_view *v, json_t *config, bool cmd_set,
                          struct text *said, struct err *e)
{
    if (!cmd_set)
        json_object_del(config, "Cmd");
    return put_command(v, config, "Entrypoint", said, e);
}

/* ---- pairs ---- */

static int put_pairs(const struct dockerfile_view *v, json_t *config, struct text *said,
                     struct err *e)
{
    struct dockerfile_pairs pairs = {0};
    json_t *labels = v->i->kind == DOCKERFILE_LABEL ? member(config, "Labels") : NULL;
    int r = dockerfile_args_pairs(v, &pairs, e);

    for (size_t i = 0; i < pairs.n && r == 0; i++) {
        const struct dockerfile_pair *p = &pairs.v[i];
        autofree char *pair = text_format("%s=%s", p->name, p->value);

        if (!pair)
            r = err_memory(e);
        else
            r = labels ? put(labels, p->name, json_string(p->value), e)
                       : change_env(config, pair, e);
        text_addf(said, "%s%s=", i ? " " : "", p->name);
        dockerfile_print_quoted(said, p->value);
    }
    dockerfile_args_pairs_free(&pairs);
    return r;
}

static int put_ports(const struct dockerfile_view *v, json_t *config, struct text *said,
                     struct err *e)
{
    struct dockerfile_ports ports = {0};
    json_t *all = member(config, "ExposedPorts");
    int r = dockerfile_args_ports(v, &ports, e);

    for (size_t i = 0; i < ports.n && r == 0; i++)
        for (unsigned port = ports.v[i].first; port <= ports.v[i].last && r == 0; port++) {
            char name[32];

            snprintf(name, sizeof name, "%u/%s", port, ports.v[i].protocol);
            r = put(all, name, json_object(), e);
            text_addf(said, "%s%s", said->s && text_ends(said->s, " ") ? "" : " ", name);
        }
    dockerfile_args_ports_free(&ports);
    return r;
}

static int put_volumes(const struct dockerfile_view *v, json_t *config, struct text *said,
                       struct err *e)
{
    autostrv struct strv list = {0};
    json_t *all = member(config, "Volumes");
    int r = dockerfile_args_list(v, &list, e);

    for (size_t i = 0; i < list.n && r == 0; i++) {
        r = put(all, list.v[i], json_object(), e);
        text_addf(said, "%s%s", i ? " " : "", list.v[i]);
    }
    return r;
}

/* ---- single values ---- */

char *build_config_join(const char *below, const char *path)
{
    autotext struct text t = {0};

    if (*path != '/')
        text_add(&t, below && *below ? below : "/");
    for (const char *at = path; *at;) {
        size_t n = strcspn(at += strspn(at, "/"), "/");
        char *slash;

        if (n == 2 && at[0] == '.' && at[1] == '.') {
            slash = t.s ? strrchr(t.s, '/') : NULL;
            t.n = slash ? (size_t)(slash - t.s) : 0;
            if (t.s)
                t.s[t.n] = 0;
        } else if (n && !(n == 1 && *at == '.')) {
            text_addf(&t, "%s%.*s", t.n && t.s[t.n - 1] == '/' ? "" : "/", (int)n, at);
        }
        at += n;
    }
    if (!t.n)
        text_add(&t, "/");
    return text_check(&t, NULL) < 0 ? NULL : text_take(&t);
}

static int put_text(const struct dockerfile_view *v, json_t *doc, struct text *said, struct err *e)
{
    json_t *config = json_object_get(doc, "config");
    autofree char *value = NULL;
    bool known;
    int r = dockerfile_args_text(v, &value, &known, e);

    if (r < 0)
        return r;
    if (v->i->kind == DOCKERFILE_WORKDIR) {
        const char *now = json_string_value(json_object_get(config, "WorkingDir"));
        char *joined = build_config_join(now, value);

        free(value);
        value = joined;
    }
    if (!value)
        return err_memory(e);
    text_add(said, value);
    switch ((int)v->i->kind) {
    case DOCKERFILE_MAINTAINER: return put(doc, "author", json_string(value), e);
    case DOCKERFILE_STOPSIGNAL: return put(config, "StopSignal", json_string(value), e);
    case DOCKERFILE_USER: return put(config, "User", json_string(value), e);
    default: return put(config, "WorkingDir", json_string(value), e);
    }
}

static int put_health(const struct dockerfile_view *v, json_t *config, struct text *said,
                      struct err *e)
{
    struct dockerfile_health h = {0};
    int r = dockerfile_args_health(v, &h, e);
    json_t *o, *test;
    autofree char *text = NULL;

    if (r < 0)
        return r;
    o = json_object();
    if (h.none)
        test = json_pack("[s]", "NONE");
    else if (v->i->form == DOCKERFILE_AS_JSON)
        test = build_config_command(v->i, config);
    else
        test = json_pack("[s]", v->i->rest);
    if (!h.none)
        json_array_insert_new(test, 0,
                              json_string(v->i->form == DOCKERFILE_AS_JSON ? "CMD" : "CMD-SHELL"));
    json_object_set_new(o, "Test", test);
    const struct {
        const char *key;
        long long value;
    } rows[] = {{"Interval", h.interval_ns},
                {"Timeout", h.timeout_ns},
                {"StartPeriod", h.start_period_ns},
                {"StartInterval", h.start_interval_ns},
                {"Retries", h.retries}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].value)
            json_object_set_new(o, rows[i].key, json_integer(rows[i].value));
    text = jsonx_dump(o, 0);
    text_add(said, text ? text : "");
    return put(config, "Healthcheck", o, e);
}

static int add_trigger(const struct dockerfile_view *v, json_t *config, struct text *said,
                       struct err *e)
{
    json_t *list = json_object_get(config, "OnBuild");

    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(config, "OnBuild", list);
    }
    text_add(said, v->i->rest);
    return json_array_append_new(list, json_string(v->i->rest)) < 0
               ? err_set(e, EINVAL, "ONBUILD: the text is not UTF-8")
               : 0;
}

int build_config_apply(const struct dockerfile_view *v, json_t *doc, bool *ret_cmd_set,
                       struct text *ret_said, struct err *e)
{
    json_t *config = json_object_get(doc, "config");

    text_addf(ret_said, "%s ", dockerfile_kind_name(v->i->kind));
    switch ((int)v->i->kind) {
    case DOCKERFILE_CMD: *ret_cmd_set = true; return put_command(v, config, "Cmd", ret_said, e);
    case DOCKERFILE_ENTRYPOINT: return put_entrypoint(v, config, *ret_cmd_set, ret_said, e);
    case DOCKERFILE_SHELL: return put_shell(v, config, ret_said, e);
    case DOCKERFILE_ENV:
    case DOCKERFILE_LABEL: return put_pairs(v, config, ret_said, e);
    case DOCKERFILE_EXPOSE: return put_ports(v, config, ret_said, e);
    case DOCKERFILE_VOLUME: return put_volumes(v, config, ret_said, e);
    case DOCKERFILE_HEALTHCHECK: return put_health(v, config, ret_said, e);
    case DOCKERFILE_ONBUILD: return add_trigger(v, config, ret_said, e);
    default: return put_text(v, doc, ret_said, e);
    }
}
