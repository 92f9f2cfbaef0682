#include "core/engine/change.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/auto.h"
#include "core/base/near.h"
#include "core/base/when.h"
#include "core/runtime/limits.h"

/* ---- values ---- */

static int set(json_t *config, const char *key, json_t *value, struct err *e)
{
    return json_object_set_new(config, key, value) < 0 ? err_memory(e) : 0;
}

static int set_text(json_t *config, const char *key, const char *text, struct err *e)
{
    json_t *value = json_string(text);

    return value ? set(config, key, value, e)
                 : err_set(e, EINVAL, "%s: the text is not UTF-8", key);
}

/* The object or array `key`, made when it is not there. */
static json_t *member(json_t *config, const char *key, bool object)
{
    json_t *v = json_object_get(config, key);

    if (object ? json_is_object(v) : json_is_array(v))
        return v;
    v = object ? json_object() : json_array();
    return json_object_set_new(config, key, v) < 0 ? NULL : v;
}

/* ["a", "b"] as it is; anything else is NULL. */
static json_t *exec_form(const char *value)
{
    json_t *v = json_loads(value, JSON_REJECT_DUPLICATES, NULL);
    const json_t *item;
    size_t i;

    if (!json_is_array(v)) {
        json_decref(v);
        return NULL;
    }
    json_array_foreach(v, i, item)
    {
        if (!json_is_string(item)) {
            json_decref(v);
            return NULL;
        }
    }
    return v;
}

/* A JSON array, else a line for the image's shell. */
static json_t *command_form(const json_t *config, const char *value)
{
    json_t *v = exec_form(value), *shell;

    if (v)
        return v;
    shell = json_object_get(config, "Shell");
    v = json_is_array(shell) && json_array_size(shell) ? json_copy(shell)
                                                       : json_pack("[s, s]", "/bin/sh", "-c");
    json_array_append_new(v, json_string(value));
    return v;
}

/* Words between spaces; quotes and backslashes as in a Dockerfile. */
static int split(const char *s, struct strv *ret, struct err *e)
{
    while (*(s += strspn(s, " \t"))) {
        autotext struct text word = {0};
        char quote = 0;
        int r;

        for (; *s && (quote || (*s != ' ' && *s != '\t')); s++) {
            if (quote ? *s == quote : *s == '"' || *s == '\'')
                quote = quote ? 0 : *s;
            else if (*s == '\\' && s[1] && quote != '\'')
                text_add_n(&word, ++s, 1);
            else
                text_add_n(&word, s, 1);
        }
        if (quote)
            return err_set(e, EINVAL, "a quotation mark %c is not closed", quote);
        if (text_check(&word, e) < 0)
            return -ENOMEM;
        r = strv_take(ret, text_take(&word), e);
        if (r < 0)
            return r;
    }
    return ret->n ? 0 : err_set(e, EINVAL, "it needs a value");
}

/* "a=b c='d e'" or, in the old form, "a b c": calls fn for each pair. */
static int pairs(const char *value, json_t *config,
                 int (*fn)(json_t *config, const char *key, const char *value, struct err *e),
                 struct err *e)
{
    autostrv struct strv words = {0};
    const char *space = value + strcspn(value, " \t");
    int r = split(value, &words, e);

    if (r == 0 && !strchr(words.v[0], '=')) {
        if (!*space)
            return err_set(e, EINVAL, "'%s' has no value", value);
        return fn(config, words.v[0], space + strspn(space, " \t"), e);
    }
    for (size_t i = 0; i < words.n && r == 0; i++) {
        char *equals = strchr(words.v[i], '=');

        if (!equals || equals == words.v[i])
            return err_set(e, EINVAL, "'%s' is not NAME=VALUE", words.v[i]);
        *equals = 0;
        r = fn(config, words.v[i], equals + 1, e);
    }
    return r;
}

/* ---- instructions ---- */

int change_env(json_t *config, const char *assignment, struct err *e)
{
    json_t *env = member(config, "Env", false), *value = json_string(assignment), *old;
    size_t i, n = strcspn(assignment, "=");

    if (!env)
        return err_memory(e);
    if (!value)
        return err_set(e, EINVAL, "the variable %.*s is not UTF-8", (int)n, assignment);
    json_array_foreach(env, i, old)
    {
        const char *s = json_string_value(old);

        if (s && strncmp(s, assignment, n) == 0 && s[n] == '=')
            return json_array_set_new(env, i, value) < 0 ? err_memory(e) : 0;
    }
    return json_array_append_new(env, value) < 0 ? err_memory(e) : 0;
}

static int env_pair(json_t *config, const char *key, const char *value, struct err *e)
{
    autofree char *text = text_format("%s=%s", key, value);

    return text ? change_env(config, text, e) : err_memory(e);
}

static int label_pair(json_t *config, const char *key, const char *value, struct err *e)
{
    json_t *labels = member(config, "Labels", true);

    return labels ? set_text(labels, key, value, e) : err_memory(e);
}

static int do_env(const char *value, json_t *config, struct err *e)
{
    return pairs(value, config, env_pair, e);
}

static int do_label(const char *value, json_t *config, struct err *e)
{
    return pairs(value, config, label_pair, e);
}

static int do_cmd(const char *value, json_t *config, struct err *e)
{
    return set(config, "Cmd", command_form(config, value), e);
}

static int do_entrypoint(const char *value, json_t *config, struct err *e)
{
    return set(config, "Entrypoint", command_form(config, value), e);
}

static int add_port(json_t *ports, const char *word, struct err *e)
{
    const char *slash = strchr(word, '/'), *protocol = slash ? slash + 1 : "tcp";
    autofree char *number = strndup(word, slash ? (size_t)(slash - word) : strlen(word));
    autofree char *key = NULL;
    unsigned long long port;

    if (!number)
        return err_memory(e);
    if (text_number(number, 65535, &port, NULL) < 0 || port == 0 ||
        (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 &&
         strcmp(protocol, "sctp") != 0))
        return err_set(e, EINVAL, "'%s' is no port (80, 53/udp)", word);
    key = text_format("%llu/%s", port, protocol);
    return key ? set(ports, key, json_object(), e) : err_memory(e);
}

static int do_expose(const char *value, json_t *config, struct err *e)
{
    json_t *ports = member(config, "ExposedPorts", true);
    autostrv struct strv words = {0};
    int r = ports ? split(value, &words, e) : err_memory(e);

    for (size_t i = 0; i < words.n && r == 0; i++)
        r = add_port(ports, words.v[i], e);
    return r;
}

static int do_volume(const char *value, json_t *config, struct err *e)
{
    json_t *volumes = member(config, "Volumes", true), *item;
    autojson json_t *list = exec_form(value);
    autostrv struct strv words = {0};
    int r = volumes ? 0 : err_memory(e);
    size_t k;

    if (r == 0 && !list)
        r = split(value, &words, e);
    json_array_foreach(list, k, item)
    {
        if (r == 0)
            r = strv_add(&words, json_string_value(item), e);
    }
    for (size_t i = 0; i < words.n && r == 0; i++)
        r = words.v[i][0] ? set(volumes, words.v[i], json_object(), e)
                          : err_set(e, EINVAL, "a volume's path is empty");
    return r;
}

static int do_onbuild(const char *value, json_t *config, struct err *e)
{
    json_t *list = member(config, "OnBuild", false);

    return !list || json_array_append_new(list, json_string(value)) < 0 ? err_memory(e) : 0;
}

static int do_stopsignal(const char *value, json_t *config, struct err *e)
{
    int signo, r = limits_parse_signal(value, &signo, e);

    return r < 0 ? r : set_text(config, "StopSignal", value, e);
}

static int do_user(const char *value, json_t *config, struct err *e)
{
    return set_text(config, "User", value, e);
}

static int do_workdir(const char *value, json_t *config, struct err *e)
{
    const char *old = json_string_value(json_object_get(config, "WorkingDir"));
    autofree char *path = NULL;

    if (*value == '/')
        return set_text(config, "WorkingDir", value, e);
    old = old && *old ? old : "/";
    path = text_format("%s%s%s", old, text_ends(old, "/") ? "" : "/", value);
    return path ? set_text(config, "WorkingDir", path, e) : err_memory(e);
}

static int health_option(const char *word, json_t *health, struct err *e)
{
    static const struct {
        const char *option, *key;
    } durations[] = {{"--interval=", "Interval"},
                     {"--timeout=", "Timeout"},
                     {"--start-period=", "StartPeriod"},
                     {"--start-interval=", "StartInterval"}};
    unsigned long long n;
    long long ns;

    for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
        if (!text_starts(word, durations[i].option))
            continue;
        if (when_duration(word + strlen(durations[i].option), &ns, e) < 0)
            return -EINVAL;
        return set(health, durations[i].key, json_integer(ns), e);
    }
    if (text_starts(word, "--retries=") && text_number(word + 10, 1000000, &n, NULL) == 0)
        return set(health, "Retries", json_integer((json_int_t)n), e);
    return err_set(e, EINVAL,
                   "'%s' is none of --interval=, --timeout=, --start-period=, --start-interval=, "
                   "--retries=",
                   word);
}

static int do_healthcheck(const char *value, json_t *config, struct err *e)
{
    autojson json_t *health = json_object();
    json_t *test;
    int r = 0;

    while (text_starts(value, "--") && r == 0) {
        size_t n = strcspn(value, " \t");
        autofree char *word = strndup(value, n);

        r = word ? health_option(word, health, e) : err_memory(e);
        value += n + strspn(value + n, " \t");
    }
    if (r < 0)
        return r;
    if (strcasecmp(value, "NONE") == 0)
        return set(config, "Healthcheck", json_pack("{s:[s]}", "Test", "NONE"), e);
    if (strncasecmp(value, "CMD", 3) != 0 || !strchr(" \t[", value[3]) || !value[3])
        return err_set(e, EINVAL, "it is followed by CMD and a command, or by NONE");
    value += 3 + strspn(value + 3, " \t");
    test = exec_form(value);
    if (test)
        json_array_insert_new(test, 0, json_string("CMD"));
    else
        test = json_pack("[s, s]", "CMD-SHELL", value);
    r = set(health, "Test", test, e);
    return r < 0 ? r : set(config, "Healthcheck", json_incref(health), e);
}

/* ---- lines ---- */

static const struct {
    const char *name;
    int (*apply)(const char *value, json_t *config, struct err *e);
} instructions[] = {
    {"CMD", do_cmd},         {"ENTRYPOINT", do_entrypoint},   {"ENV", do_env},
    {"EXPOSE", do_expose},   {"HEALTHCHECK", do_healthcheck}, {"LABEL", do_label},
    {"ONBUILD", do_onbuild}, {"STOPSIGNAL", do_stopsignal},   {"USER", do_user},
    {"VOLUME", do_volume},   {"WORKDIR", do_workdir},
};

int change_apply(const char *line, json_t *config, struct err *e)
{
    const char *value;
    struct near near;
    char word[24];
    size_t n;

    line += strspn(line, " \t");
    n = strcspn(line, " \t=");
    value = line + n;
    value += *value == '=' ? 1 : 0;
    value += strspn(value, " \t");
    snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), line);
    for (char *p = word; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    near_begin(&near, word);
    for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
        near_offer(&near, instructions[i].name);
        if (strcmp(word, instructions[i].name) != 0)
            continue;
        if (!*value)
            return err_set(e, EINVAL, "invalid change \"%s\": %s needs a value", line, word);
        return err_wrap(e, instructions[i].apply(value, config, e), "invalid change \"%s\"", line);
    }
    return err_set(e, EINVAL,
                   "invalid change \"%s\": %s is no instruction that an image's configuration "
                   "takes%s%s%s",
                   line, word, near.best ? " (did you mean " : "", near.best ? near.best : "",
                   near.best ? "?)" : "");
}
