#include "storage/record_data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"

static const char *const state_words[] = {
#define WORD(name, word) [name] = word,
    RECORD_STATES(WORD)
#undef WORD
};

bool record_has_monitor(enum record_state s)
{
    return s == RECORD_INITIALIZED || s == RECORD_RUNNING || s == RECORD_PAUSED ||
           s == RECORD_RESTARTING;
}

static json_t *digest_json(const struct digest *d)
{
    char buf[DIGEST_TEXT_MAX];

    return d->hex[0] ? json_string(hash_format(d, buf)) : json_null();
}

static json_t *strings_json(const struct strv *l)
{
    json_t *a = json_array();

    for (size_t i = 0; a && i < l->n; i++)
        /* An argument may be any bytes, JSON text may not: such bytes are shown as '?'. */
        if (json_array_append_new(a, json_string(l->v[i])) < 0) {
            autofree char *copy = strdup(l->v[i]);

            for (char *p = copy; p && *p; p++)
                if (*p & 0x80)
                    *p = '?';
            if (!copy || json_array_append_new(a, json_string(copy)) < 0) {
                json_decref(a);
                return NULL;
            }
        }
    return a;
}

static json_t *process_json(const struct proc_id *p)
{
    if (p->pid <= 0)
        return json_null();
    return json_pack("{s:s, s:i, s:I}", "boot", p->boot, "pid", (int)p->pid, "start",
                     (json_int_t)p->start);
}

static json_t *settings_json(const struct record *r)
{
    json_t *j = json_pack(
        "{s:b, s:b, s:b, s:O, s:O, s:s?, s:s?, s:s?, s:I, s:s?, s:s?}", "rm", r->rm, "tty", r->tty,
        "open_stdin", r->open_stdin, "labels", r->labels, "annotations", r->annotations,
        "stop_signal", r->stop_signal, "driver", r->driver, "network", r->network, "stop_timeout",
        (json_int_t)r->stop_timeout_s, "restart", r->restart, "log_driver", r->log_driver);
    json_t *more = json_pack("{s:i, s:b, s:b, s:s?, s:i, s:s?, s:o, s:o, s:o}", "restart_count",
                             r->restart_count, "stopped_by_user", r->stopped_by_user, "oom_killed",
                             r->oom_killed, "health", r->health, "health_streak", r->health_streak,
                             "cgroup", r->cgroup, "volumes", strings_json(&r->volumes), "mounts",
                             strings_json(&r->mounts), "exposed", strings_json(&r->exposed));

    if (j && more && json_object_update(j, more) < 0) {
        json_decref(j);
        j = NULL;
    }
    if (!more) {
        json_decref(j);
        j = NULL;
    }
    json_decref(more);
    return j;
}

/* What a record that lacks the field means too is left out: ps reads hundreds of records at once,
 * and its time goes into their parsing. */
static void leave_out_empty(json_t *record)
{
    const char *key;
    json_t *v;
    void *next;

    json_object_foreach_safe(record, next, key, v)
    {
        if (json_is_null(v) || (json_is_array(v) && json_array_size(v) == 0) ||
            (json_is_object(v) && json_object_size(v) == 0))
            json_object_del(record, key);
    }
}

int record_data_format(const struct record *r, json_t **ret, struct err *e)
{
    json_t *j = json_pack(
        "{s:s, s:s, s:s?, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:i, s:s?, s:I, s:I, s:I}", "id",
        r->id, "name", r->name, "image", r->image, "image_id", digest_json(&r->image_id),
        "manifest", digest_json(&r->manifest_digest), "layers", strings_json(&r->layers), "command",
        strings_json(&r->command), "state", state_words[r->state], "creator",
        process_json(&r->creator), "monitor", process_json(&r->monitor), "init",
        process_json(&r->init), "exit_code", r->exit_code, "error", r->error, "created_ns",
        (json_int_t)r->created_ns, "started_ns", (json_int_t)r->started_ns, "finished_ns",
        (json_int_t)r->finished_ns);
    json_t *more = settings_json(r);
    int n = j && more ? json_object_update(j, more) : -1;

    json_decref(more);
    if (n < 0) {
        json_decref(j);
        return err_set(e, EINVAL,
                       "container %s: its record cannot be written as JSON (a text that "
                       "is not UTF-8?)",
                       r->id);
    }
    leave_out_empty(j);
    *ret = j;
    return 0;
}

static int get_text(const json_t *j, const char *key, char **ret, struct err *e)
{
    const char *s = NULL;
    int r = jsonx_string(j, key, &s, e);

    if (r < 0 || !s)
        return r;
    *ret = strdup(s);
    return *ret ? 0 : err_memory(e);
}

static int get_fixed(const json_t *j, const char *key, char *ret, size_t size, struct err *e)
{
    const char *s = NULL;
    int r = jsonx_string(j, key, &s, e);

    if (r == 0 && (!s || strlen(s) >= size))
        return err_set(e, EINVAL, "\"%s\" is missing or too long", key);
    if (r == 0)
        snprintf(ret, size, "%s", s);
    return r;
}

static int get_digest(const json_t *j, const char *key, struct digest *ret, struct err *e)
{
    const char *s = NULL;
    int r = jsonx_string(j, key, &s, e);

    return r < 0 || !s ? r : err_wrap(e, hash_parse(s, ret, e), "\"%s\"", key);
}

static int get_process(const json_t *j, const char *key, struct proc_id *ret, struct err *e)
{
    json_t *o = NULL;
    json_int_t pid = 0, start = 0;
    int r = jsonx_object(j, key, &o, e);

    if (r < 0 || !o)
        return r;
    r = get_fixed(o, "boot", ret->boot, sizeof ret->boot, e);
    if (r == 0)
        r = jsonx_integer(o, "pid", &pid, e);
    if (r == 0)
        r = jsonx_integer(o, "start", &start, e);
    if (r < 0)
        return err_wrap(e, r, "\"%s\"", key);
    ret->pid = (pid_t)pid;
    ret->start = (unsigned long long)start;
    return 0;
}

static int get_number(const json_t *j, const char *key, long long *ret, struct err *e)
{
    json_int_t v = *ret;
    int r = jsonx_integer(j, key, &v, e);

    *ret = v;
    return r;
}

static int get_state(const json_t *j, enum record_state *ret, struct err *e)
{
    const char *s = NULL;
    int r = jsonx_string(j, "state", &s, e);

    if (r < 0)
        return r;
    for (size_t i = 0; s && i < ARRAY_SIZE(state_words); i++)
        if (strcmp(s, state_words[i]) == 0) {
            *ret = (enum record_state)i;
            return 0;
        }
    return err_set(e, EINVAL, "\"state\" is '%s', which this rctr does not know", s ? s : "");
}

static int parse_times(const json_t *j, struct record *ret, struct err *e)
{
    long long code = -1;
    int r = get_number(j, "exit_code", &code, e);

    ret->exit_code = (int)code;
    if (r == 0)
        r = get_number(j, "created_ns", &ret->created_ns, e);
    if (r == 0)
        r = get_number(j, "started_ns", &ret->started_ns, e);
    if (r == 0)
        r = get_number(j, "finished_ns", &ret->finished_ns, e);
    return r;
}

static int parse_processes(const json_t *j, struct record *ret, struct err *e)
{
    int r = get_process(j, "creator", &ret->creator, e);

    if (r == 0)
        r = get_process(j, "monitor", &ret->monitor, e);
    if (r == 0)
        r = get_process(j, "init", &ret->init, e);
    return r;
}

static int parse_life(const json_t *j, struct record *ret, struct err *e)
{
    long long count = 0, streak = 0;
    int r = get_text(j, "restart", &ret->restart, e);

    if (r == 0)
        r = get_number(j, "restart_count", &count, e);
    if (r == 0)
        r = jsonx_bool(j, "stopped_by_user", &ret->stopped_by_user, e);
    if (r == 0)
        r = jsonx_bool(j, "oom_killed", &ret->oom_killed, e);
    if (r == 0)
        r = get_text(j, "health", &ret->health, e);
    if (r == 0)
        r = get_number(j, "health_streak", &streak, e);
    if (r == 0)
        r = get_text(j, "cgroup", &ret->cgroup, e);
    if (r == 0)
        r = jsonx_strings(j, "volumes", &ret->volumes, e);
    if (r == 0)
        r = jsonx_strings(j, "mounts", &ret->mounts, e);
    if (r == 0)
        r = jsonx_strings(j, "exposed", &ret->exposed, e);
    ret->restart_count = (int)count;
    ret->health_streak = (int)streak;
    return r;
}

static int parse_settings(const json_t *j, struct record *ret, struct err *e)
{
    int r = jsonx_bool(j, "rm", &ret->rm, e);

    if (r == 0)
        r = jsonx_bool(j, "tty", &ret->tty, e);
    if (r == 0)
        r = jsonx_bool(j, "open_stdin", &ret->open_stdin, e);
    if (r == 0)
        r = jsonx_string_members(j, "labels", &ret->labels, e);
    if (r == 0)
        r = jsonx_string_members(j, "annotations", &ret->annotations, e);
    if (r == 0)
        r = get_text(j, "stop_signal", &ret->stop_signal, e);
    if (r == 0)
        r = get_text(j, "driver", &ret->driver, e);
    if (r == 0)
        r = get_text(j, "network", &ret->network, e);
    if (r == 0)
        r = get_text(j, "log_driver", &ret->log_driver, e);
    if (r == 0)
        r = get_number(j, "stop_timeout", &ret->stop_timeout_s, e);
    return r;
}

int record_data_parse(const json_t *j, struct record *ret, struct err *e)
{
    int r;

    if (!json_is_object(j))
        return err_set(e, EINVAL, "a record is a JSON object");
    r = get_fixed(j, "id", ret->id, sizeof ret->id, e);
    if (r == 0)
        r = get_fixed(j, "name", ret->name, sizeof ret->name, e);
    if (r == 0)
        r = get_text(j, "image", &ret->image, e);
    if (r == 0)
        r = get_digest(j, "image_id", &ret->image_id, e);
    if (r == 0)
        r = get_digest(j, "manifest", &ret->manifest_digest, e);
    if (r == 0)
        r = jsonx_strings(j, "layers", &ret->layers, e);
    if (r == 0)
        r = jsonx_strings(j, "command", &ret->command, e);
    if (r == 0)
        r = get_text(j, "error", &ret->error, e);
    if (r == 0)
        r = get_state(j, &ret->state, e);
    if (r == 0)
        r = parse_times(j, ret, e);
    if (r == 0)
        r = parse_processes(j, ret, e);
    if (r == 0)
        r = parse_settings(j, ret, e);
    return r < 0 ? r : parse_life(j, ret, e);
}
