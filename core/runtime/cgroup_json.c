#include "core/runtime/cgroup_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"

/* Which number of the ask is which member of linux.resources. */
static const struct {
    const char *group, *name;
    size_t at;
} numbers[] = {
    {"memory", "limit", offsetof(struct cgroup_ask, memory)},
    {"memory", "swap", offsetof(struct cgroup_ask, memory_swap)},
    {"memory", "reservation", offsetof(struct cgroup_ask, reservation)},
    {"cpu", "quota", offsetof(struct cgroup_ask, cpu_quota_us)},
    {"cpu", "period", offsetof(struct cgroup_ask, cpu_period_us)},
    {"cpu", "shares", offsetof(struct cgroup_ask, cpu_shares)},
    {"pids", "limit", offsetof(struct cgroup_ask, pids)},
    {"blockIO", "weight", offsetof(struct cgroup_ask, blkio_weight)},
};

static const char *const modes[] = {
    [CGROUP_NEEDED] = "",
    [CGROUP_ENABLED] = "enabled",
    [CGROUP_DISABLED] = "disabled",
    [CGROUP_SPLIT] = "split",
};

/* ---- out ---- */

/* Takes `value`. */
static void put(json_t *resources, const char *group, const char *name, json_t *value)
{
    json_t *o = json_object_get(resources, group);

    if (!o) {
        json_object_set_new(resources, group, json_object());
        o = json_object_get(resources, group);
    }
    json_object_set_new(o, name, value);
}

static void put_conf(const struct cgroup_ask *a, json_t *resources)
{
    for (size_t i = 0; i < a->conf.n; i++) {
        const char *equal = strchr(a->conf.v[i], '=');
        autofree char *name = strndup(a->conf.v[i], (size_t)(equal - a->conf.v[i]));

        if (name)
            put(resources, "unified", name, json_string(equal + 1));
    }
}

static json_t *resources_json(const struct cgroup_ask *a)
{
    json_t *o = json_object();

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        long long v = *(const long long *)((const char *)a + numbers[i].at);

        if (v)
            put(o, numbers[i].group, numbers[i].name, json_integer(v));
    }
    if (a->has_swappiness)
        put(o, "memory", "swappiness", json_integer(a->swappiness));
    if (a->oom_kill_disable)
        put(o, "memory", "disableOOMKiller", json_true());
    if (a->cpus)
        put(o, "cpu", "cpus", json_string(a->cpus));
    if (a->mems)
        put(o, "cpu", "mems", json_string(a->mems));
    put_conf(a, o);
    return o;
}

int cgroup_json_add(const struct cgroup_ask *a, json_t *doc, struct err *e)
{
    json_t *process = json_object_get(doc, "process"), *rctr = json_object_get(doc, "rctr");
    json_t *resources = resources_json(a), *rest = json_object();
    int r = 0;

    if (a->has_oom_score_adj)
        r |= json_object_set_new(process, "oomScoreAdj", json_integer(a->oom_score_adj));
    if (a->parent)
        r |= json_object_set_new(rest, "parent", json_string(a->parent));
    if (a->mode != CGROUP_NEEDED)
        r |= json_object_set_new(rest, "mode", json_string(modes[a->mode]));
    if (a->host_ns)
        r |= json_object_set_new(rest, "host_namespace", json_true());
    if (a->best_effort)
        r |= json_object_set_new(rest, "best_effort", json_true());
    if (json_object_size(resources))
        r |= json_object_set(json_object_get(doc, "linux"), "resources", resources);
    if (json_object_size(rest))
        r |= json_object_set(rctr, "cgroup", rest);
    json_decref(resources);
    json_decref(rest);
    return r ? err_memory(e) : 0;
}

/* ---- in ---- */

static int get_copy(const json_t *o, const char *key, char **to, struct err *e)
{
    const char *s = NULL;
    int r = jsonx_string(o, key, &s, e);

    if (r == 0 && s && !(*to = strdup(s)))
        r = err_memory(e);
    return r;
}

static int get_group(const json_t *resources, const char *group, const json_t **ret, struct err *e)
{
    json_t *o = NULL;
    int r = jsonx_object(resources, group, &o, e);

    *ret = o;
    return r;
}

static int get_numbers(const json_t *resources, struct cgroup_ask *a, struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        const json_t *o = NULL;
        json_int_t v = 0;
        int r = get_group(resources, numbers[i].group, &o, e);

        if (r == 0 && o)
            r = jsonx_integer(o, numbers[i].name, &v, e);
        if (r < 0)
            return r;
        *(long long *)((char *)a + numbers[i].at) = v;
    }
    return 0;
}

static int get_conf(const json_t *resources, struct cgroup_ask *a, struct err *e)
{
    json_t *o = NULL, *value;
    const char *name;
    int r = jsonx_object(resources, "unified", &o, e);

    json_object_foreach(o, name, value)
    {
        autofree char *word =
            text_format("%s=%s", name, json_is_string(value) ? json_string_value(value) : "");

        if (r == 0)
            r = !json_is_string(value) ? err_set(e, EINVAL, "\"unified\": %s is not a text", name)
                : word                 ? cgroup_ask_conf(word, a, e)
                                       : err_memory(e);
    }
    return r;
}

static int get_resources(const json_t *resources, struct cgroup_ask *a, struct err *e)
{
    const json_t *memory = NULL, *cpu = NULL;
    json_int_t swappiness = -1;
    int r = get_numbers(resources, a, e);

    if (r == 0)
        r = get_group(resources, "memory", &memory, e);
    if (r == 0)
        r = get_group(resources, "cpu", &cpu, e);
    if (r == 0 && memory && json_object_get(memory, "swappiness"))
        r = jsonx_integer(memory, "swappiness", &swappiness, e);
    if (r == 0 && swappiness > 100)
        r = err_set(e, ERANGE, "\"swappiness\" is more than 100");
    a->has_swappiness = swappiness >= 0;
    a->swappiness = a->has_swappiness ? (int)swappiness : 0;
    if (r == 0 && memory)
        r = jsonx_bool(memory, "disableOOMKiller", &a->oom_kill_disable, e);
    if (r == 0 && cpu)
        r = get_copy(cpu, "cpus", &a->cpus, e);
    if (r == 0 && cpu)
        r = get_copy(cpu, "mems", &a->mems, e);
    if (r == 0 &&
        ((a->cpus && !cgroup_ask_is_list(a->cpus)) || (a->mems && !cgroup_ask_is_list(a->mems))))
        r = err_set(e, EINVAL, "\"cpus\" or \"mems\" is not a list such as 0-2,7");
    return r < 0 ? r : get_conf(resources, a, e);
}

static int get_rest(const json_t *rest, struct cgroup_ask *a, struct err *e)
{
    const char *mode = NULL;
    int r = get_copy(rest, "parent", &a->parent, e);

    if (r == 0)
        r = jsonx_string(rest, "mode", &mode, e);
    for (size_t i = 0; mode && i < ARRAY_SIZE(modes); i++)
        if (strcmp(mode, modes[i]) == 0)
            a->mode = (enum cgroup_mode)i;
    if (r == 0)
        r = jsonx_bool(rest, "host_namespace", &a->host_ns, e);
    return r < 0 ? r : jsonx_bool(rest, "best_effort", &a->best_effort, e);
}

int cgroup_json_parse(const json_t *doc, struct cgroup_ask *ret, struct err *e)
{
    const json_t *process = json_object_get(doc, "process");
    json_t *resources = NULL, *rest = NULL;
    json_int_t score = 0;
    int r = jsonx_object(json_object_get(doc, "linux"), "resources", &resources, e);

    if (r == 0 && resources)
        r = err_wrap(e, get_resources(resources, ret, e), "linux.resources");
    if (r == 0)
        r = jsonx_object(json_object_get(doc, "rctr"), "cgroup", &rest, e);
    if (r == 0 && rest)
        r = err_wrap(e, get_rest(rest, ret, e), "rctr.cgroup");
    if (r == 0 && json_object_get(process, "oomScoreAdj")) {
        r = jsonx_integer(process, "oomScoreAdj", &score, e);
        if (r == 0 && (score < -1000 || score > 1000))
            r = err_set(e, ERANGE, "\"oomScoreAdj\" is not within -1000 and 1000");
        ret->has_oom_score_adj = r == 0;
        ret->oom_score_adj = (int)score;
    }
    return r;
}
