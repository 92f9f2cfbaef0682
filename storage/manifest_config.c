/* The image config of storage/manifest.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/manifest.h"

/* Far more than anybody needs, and few enough that a hostile image costs no minutes. */
enum { ENTRIES_MAX = 10000, VOLUMES_MAX = 256 };

/* The keys of an object whose values mean nothing ("Volumes": {"/data": {}}). */
static int parse_keys(const json_t *o, const char *key, struct strv *ret, struct err *e)
{
    json_t *set = NULL, *value;
    const char *name;
    int r = jsonx_object(o, key, &set, e);

    if (r < 0)
        return r;
    json_object_foreach(set, name, value)
    {
        r = strv_add(ret, name, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int parse_text(const json_t *o, const char *key, char **ret, struct err *e)
{
    const char *s = NULL;
    int r = jsonx_string(o, key, &s, e);

    if (r < 0)
        return r;
    *ret = strdup(s ? s : "");
    return *ret ? 0 : err_memory(e);
}

static int parse_labels(const json_t *o, json_t **ret, struct err *e)
{
    json_t *labels = NULL, *value;
    const char *name;
    int r = jsonx_object(o, "Labels", &labels, e);

    if (r < 0)
        return r;
    json_object_foreach(labels, name, value)
    {
        if (!json_is_string(value))
            return err_set(e, EINVAL, "the label \"%s\" is not a string", name);
    }
    *ret = labels ? json_incref(labels) : json_object();
    return *ret ? 0 : err_memory(e);
}

static int parse_health(const json_t *o, struct healthcheck *ret, struct err *e)
{
    const struct {
        const char *key;
        long long *at;
    } times[] = {
        {"Interval", &ret->interval_ns},
        {"Timeout", &ret->timeout_ns},
        {"StartPeriod", &ret->start_period_ns},
        {"StartInterval", &ret->start_interval_ns},
    };
    json_t *health = NULL;
    json_int_t n = 0;
    int r = jsonx_object(o, "Healthcheck", &health, e);

    if (r == 0)
        r = jsonx_strings(health, "Test", &ret->test, e);
    for (size_t i = 0; i < ARRAY_SIZE(times) && r == 0; i++) {
        json_int_t ns = 0;

        r = jsonx_integer(health, times[i].key, &ns, e);
        *times[i].at = ns > 0 ? ns : 0;
    }
    if (r == 0)
        r = jsonx_integer(health, "Retries", &n, e);
    if (r == 0)
        ret->retries = n > 0 && n < 1000000 ? (int)n : 0;
    return r;
}

static int parse_diff_ids(const json_t *o, struct image_config *c, struct err *e)
{
    json_t *rootfs = NULL, *ids = NULL;
    const char *type = NULL;
    size_t n;
    int r = jsonx_object(o, "rootfs", &rootfs, e);

    if (r == 0)
        r = jsonx_string(rootfs, "type", &type, e);
    if (r == 0)
        r = jsonx_array(rootfs, "diff_ids", &ids, e);
    if (r < 0)
        return r;
    if (!rootfs || !type || strcmp(type, "layers") != 0)
        return err_set(e, EINVAL, "its \"rootfs\" is not a list of layers");
    n = json_array_size(ids);
    if (n > MANIFEST_LAYERS_MAX)
        return err_set(e, EINVAL, "it lists %zu layers, more than %d", n, (int)MANIFEST_LAYERS_MAX);
    c->diff_ids = calloc(n ? n : 1, sizeof *c->diff_ids);
    if (!c->diff_ids)
        return err_memory(e);
    for (; c->diff_id_count < n; c->diff_id_count++) {
        const char *s = json_string_value(json_array_get(ids, c->diff_id_count));

        if (!s)
            return err_set(e, EINVAL, "\"diff_ids\" is not an array of strings");
        r = hash_parse(s, &c->diff_ids[c->diff_id_count], e);
        if (r < 0)
            return err_wrap(e, r, "\"diff_ids\"");
    }
    return 0;
}

static int bound(const struct strv *l, size_t max, const char *key, struct err *e)
{
    return l->n <= max
               ? 0
               : err_set(e, EINVAL, "\"%s\" has %zu entries, more than %zu", key, l->n, max);
}

static int parse_process(const json_t *o, struct image_config *c, struct err *e)
{
    const struct {
        const char *key;
        struct strv *at;
    } lists[] = {
        {"Env", &c->env},         {"Entrypoint", &c->entrypoint}, {"Cmd", &c->cmd},
        {"OnBuild", &c->onbuild}, {"Shell", &c->shell},
    };
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(lists) && r == 0; i++) {
        r = jsonx_strings(o, lists[i].key, lists[i].at, e);
        if (r == 0)
            r = bound(lists[i].at, ENTRIES_MAX, lists[i].key, e);
    }
    if (r == 0)
        r = parse_keys(o, "Volumes", &c->volumes, e);
    if (r == 0)
        r = bound(&c->volumes, VOLUMES_MAX, "Volumes", e);
    if (r == 0)
        r = parse_keys(o, "ExposedPorts", &c->exposed_ports, e);
    if (r == 0)
        r = parse_text(o, "User", &c->user, e);
    if (r == 0)
        r = parse_text(o, "WorkingDir", &c->working_dir, e);
    if (r == 0)
        r = parse_text(o, "StopSignal", &c->stop_signal, e);
    if (r == 0)
        r = parse_labels(o, &c->labels, e);
    return r < 0 ? r : parse_health(o, &c->health, e);
}

static int parse_config(const json_t *o, struct image_config *c, struct err *e)
{
    json_t *process = NULL;
    int r;

    if (!json_is_object(o))
        return err_set(e, EINVAL, "it is not a JSON object");
    r = manifest_platform_parse(o, &c->platform, e);
    if (r == 0)
        r = jsonx_copy(o, "created", c->created, sizeof c->created, e);
    if (r == 0)
        r = parse_diff_ids(o, c, e);
    if (r == 0)
        r = jsonx_object(o, "config", &process, e);
    return r < 0 ? r : parse_process(process, c, e);
}

int manifest_config_parse(const char *bytes, size_t n, struct image_config *ret, struct err *e)
{
    struct image_config c = {0};
    int r;

    if (n > MANIFEST_MAX)
        return err_set(e, EFBIG, "image config: %zu bytes are more than the limit of 4 MiB", n);
    r = jsonx_parse(bytes, n, &c.document, e);
    if (r == 0)
        r = parse_config(c.document, &c, e);
    if (r < 0) {
        manifest_config_free(&c);
        return err_wrap(e, r, "image config");
    }
    *ret = c;
    return 0;
}

void manifest_config_free(struct image_config *c)
{
    struct strv *lists[] = {
        &c->env,           &c->entrypoint, &c->cmd,   &c->volumes,
        &c->exposed_ports, &c->onbuild,    &c->shell, &c->health.test,
    };

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        strv_free(lists[i]);
    free(c->diff_ids);
    free(c->user);
    free(c->working_dir);
    free(c->stop_signal);
    json_decref(c->labels);
    json_decref(c->document);
    *c = (struct image_config){0};
}
