#include "cmd/ps_row.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/human.h"
#include "core/base/auto.h"
#include "core/engine/size.h"

enum { COMMAND_LETTERS = 17 };
static const long long SECOND = 1000000000;

const struct listing_column ps_row_columns[] = {
    {"ID", "CONTAINER ID"},
    {"Image", "IMAGE"},
    {"Command", "COMMAND"},
    {"Created", "CREATED"},
    {"Status", "STATUS"},
    {"Ports", "PORTS"},
    {"Names", "NAMES"},
    {"AutoRemove", "AUTOREMOVE"},
    {"CGROUPNS", "CGROUPNS"},
    {"CreatedAt", "CREATED AT"},
    {"CreatedHuman", "CREATED"},
    {"ExitCode", "EXIT CODE"},
    {"Exited", "EXITED"},
    {"ExitedAt", "EXITED AT"},
    {"Health", "HEALTH"},
    {"IPC", "IPC"},
    {"ImageID", "IMAGE ID"},
    {"IsInfra", "ISINFRA"},
    {"Label", "LABEL"},
    {"Labels", "LABELS"},
    {"LocalVolumes", "LOCAL VOLUMES"},
    {"MNT", "MNT"},
    {"Mounts", "MOUNTS"},
    {"NET", "NET"},
    {"Namespaces", "NAMESPACES"},
    {"Networks", "NETWORKS"},
    {"PIDNS", "PIDNS"},
    {"Pid", "PID"},
    {"Pod", "POD ID"},
    {"PodName", "PODNAME"},
    {"Restarts", "RESTARTS"},
    {"RunningFor", "CREATED"},
    {"Size", "SIZE"},
    {"StartedAt", "STARTED AT"},
    {"State", "STATE"},
    {"USERNS", "USERNS"},
    {"UTS", "UTS"},
    {NULL, NULL},
};

/* ---- the words of a status ---- */

char *ps_row_status(const struct record *r, long long now_ns)
{
    bool checked = r->health && *r->health;
    char since[HUMAN_MAX], code[16] = "unknown";
    autotext struct text t = {0};

    if (r->exit_code >= 0)
        snprintf(code, sizeof code, "%d", r->exit_code);
    switch (r->state) {
    case RECORD_CREATING:
    case RECORD_CREATED: return strdup("Created");
    case RECORD_STARTING: return strdup("Starting");
    case RECORD_INITIALIZED: return strdup("Initialized");
    case RECORD_RUNNING:
    case RECORD_PAUSED:
        human_duration((now_ns - r->started_ns) / SECOND, since);
        text_addf(&t, "Up %s", since);
        if (checked)
            text_addf(&t, " (%s)", r->health);
        text_add(&t, r->state == RECORD_PAUSED ? " (Paused)" : "");
        break;
    case RECORD_RESTARTING:
    case RECORD_EXITED:
        human_since(r->finished_ns / SECOND, now_ns / SECOND, since);
        text_addf(&t, "%s (%s) %s", r->state == RECORD_EXITED ? "Exited" : "Restarting", code,
                  since);
        break;
    }
    return text_take(&t);
}

/* ---- parts ---- */

static json_t *strings(const struct strv *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, json_string(l->v[i]));
    return a;
}

static json_t *destinations(const struct record *r)
{
    json_t *a = json_array();

    for (size_t i = 1; i < r->mounts.n; i += 2)
        json_array_append_new(a, json_string(r->mounts.v[i]));
    return a;
}

/* The same as one text. */
static json_t *mounts(const struct record *r)
{
    autotext struct text t = {0};

    for (size_t i = 1; i < r->mounts.n; i += 2)
        text_addf(&t, "%s%s", i > 1 ? "," : "", r->mounts.v[i]);
    return json_string(t.s ? t.s : "");
}

static json_t *joined(const struct strv *l, const char *with)
{
    autotext struct text t = {0};

    for (size_t i = 0; i < l->n; i++)
        text_addf(&t, "%s%s", i ? with : "", l->v[i]);
    return json_string(t.s ? t.s : "");
}

/* On one line; at most COMMAND_LETTERS of it, then "...". */
static json_t *command(const struct record *r, bool no_trunc)
{
    autotext struct text t = {0};
    size_t n = 0, letters = 0;

    for (size_t i = 0; i < r->command.n; i++)
        text_addf(&t, "%s%s", i ? " " : "", r->command.v[i]);
    for (size_t i = 0; i < t.n; i++) /* a newline would be another row */
        if ((unsigned char)t.s[i] < 0x20 || t.s[i] == 0x7f)
            t.s[i] = ' ';
    for (; n < t.n; n++)
        if ((t.s[n] & 0xc0) != 0x80 && letters++ == COMMAND_LETTERS)
            break;
    if (n < t.n && !no_trunc) {
        t.s[t.n = n] = 0;
        text_add(&t, "...");
    }
    return json_string(t.s ? t.s : "");
}

/* "4026532281" of /proc/PID/ns/NAME; "" when nothing runs or nobody may look. */
static const char *namespace(const struct record *r, const char *name, char buf[32])
{
    char path[64], to[64] = "";
    const char *begin;
    ssize_t n = -1;

    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)r->init.pid, name);
    if (record_has_monitor(r->state) && r->init.pid > 0)
        n = readlink(path, to, sizeof to - 1);
    to[n < 0 ? 0 : n] = 0;
    begin = strchr(to, '[');
    snprintf(buf, 32, "%.*s", begin ? (int)strcspn(begin + 1, "]") : 0, begin ? begin + 1 : "");
    return buf;
}

static int add_namespaces(const struct record *r, json_t *row, struct err *e)
{
    static const struct {
        const char *field, *key, *name;
    } kinds[] = {{"CGROUPNS", "cgroup", "cgroup"},
                 {"IPC", "ipc", "ipc"},
                 {"MNT", "mnt", "mnt"},
                 {"NET", "net", "net"},
                 {"PIDNS", "pidns", "pid"},
                 {"USERNS", "userns", "user"},
                 {"UTS", "uts", "uts"}};
    json_t *all = json_object();
    int n = all ? json_object_set_new(row, "Namespaces", all) : -1;
    char buf[32];

    for (size_t i = 0; n == 0 && i < ARRAY_SIZE(kinds); i++) {
        json_t *v = json_string(namespace(r, kinds[i].name, buf));

        n = json_object_set(all, kinds[i].key, v) | json_object_set(row, kinds[i].field, v);
        json_decref(v);
    }
    return n ? err_memory(e) : 0;
}

static int add_size(const struct store *s, struct record *r, json_t *row, bool text, struct err *e)
{
    char rw[HUMAN_MAX], virtual[HUMAN_MAX], both[2 * HUMAN_MAX + 16];
    struct size size;
    int n = size_of(s, r, &size, e);
    json_t *v;

    if (n < 0)
        return n;
    snprintf(both, sizeof both, "%s (virtual %s)", human_size(size.rw_bytes, rw),
             human_size(size.rw_bytes + size.image_bytes, virtual));
    v = text ? json_string(both)
             : json_pack("{s:I, s:I}", "rwSize", (json_int_t)size.rw_bytes, "rootFsSize",
                         (json_int_t)(size.rw_bytes + size.image_bytes));
    return json_object_set_new(row, "Size", v) < 0 ? err_memory(e) : 0;
}

/* ---- the two shapes ---- */

/* The fields that the table without --format shows. */
static json_t *brief_row(const struct record *r, const struct ps_row_options *o)
{
    autofree char *status = ps_row_status(r, o->now_ns);
    char id[RECORD_ID_HEX + 1], since[HUMAN_MAX], pid[16];

    snprintf(id, sizeof id, "%.*s", o->no_trunc ? RECORD_ID_HEX : RECORD_SHORT, r->id);
    snprintf(pid, sizeof pid, "%d", record_has_monitor(r->state) ? (int)r->init.pid : 0);
    human_since(r->created_ns / SECOND, o->now_ns / SECOND, since);
    return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:s, s:s}", "ID", id, "Image",
                     r->image ? r->image : "", "Command", command(r, o->no_trunc), "Created", since,
                     "Status", status ? status : "", "Ports", joined(&r->exposed, ", "), "Names",
                     r->name, "Pid", pid);
}

static json_t *more_times(const struct record *r, const struct ps_row_options *o)
{
    char since[HUMAN_MAX], at[HUMAN_MAX], started[HUMAN_MAX] = "", exited[HUMAN_MAX] = "";
    char since_exit[HUMAN_MAX] = "";

    human_since(r->created_ns / SECOND, o->now_ns / SECOND, since);
    if (r->started_ns)
        human_time(r->started_ns / SECOND, started);
    if (r->state == RECORD_EXITED && r->finished_ns) {
        human_time(r->finished_ns / SECOND, exited);
        human_since(r->finished_ns / SECOND, o->now_ns / SECOND, since_exit);
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "CreatedHuman", since, "RunningFor", since,
                     "CreatedAt", human_time(r->created_ns / SECOND, at), "StartedAt", started,
                     "ExitedAt", exited, "Exited", since_exit);
}

static json_t *more_fields(const struct record *r, const struct ps_row_options *o)
{
    char image[RECORD_ID_HEX + 1], volumes[24], code[16], restarts[16];

    snprintf(image, sizeof image, "%.*s", o->no_trunc ? RECORD_ID_HEX : RECORD_SHORT,
             r->image_id.hex);
    snprintf(restarts, sizeof restarts, "%d", r->restart_count);
    snprintf(volumes, sizeof volumes, "%zu", r->volumes.n);
    snprintf(code, sizeof code, "%d", r->exit_code < 0 ? 0 : r->exit_code);
    return json_pack("{s:s, s:O, s:O, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}",
                     "ImageID", image, "Labels", r->labels, "Label", r->labels, "LocalVolumes",
                     volumes, "Mounts", mounts(r), "Networks", r->network ? r->network : "",
                     "Restarts", restarts, "ExitCode", code, "Health", r->health ? r->health : "",
                     "State", record_state_name(r->state), "Pod", "", "PodName", "", "AutoRemove",
                     r->rm ? "true" : "false", "IsInfra", "false");
}

int ps_row(const struct store *s, struct record *r, const struct ps_row_options *o, json_t **ret,
           struct err *e)
{
    autojson json_t *row = brief_row(r, o);
    int n = 0;

    if (!row || (!o->brief && (json_object_update_new(row, more_fields(r, o)) < 0 ||
                               json_object_update_new(row, more_times(r, o)) < 0 ||
                               json_object_set_new(row, "Size", json_string("")) < 0)))
        return err_memory(e);
    if (o->ns)
        n = add_namespaces(r, row, e);
    if (n == 0 && o->size)
        n = add_size(s, r, row, true, e);
    if (n == 0)
        *ret = json_incref(row);
    return n;
}

static json_t *document_times(const struct record *r, const struct ps_row_options *o)
{
    bool exited = r->state == RECORD_EXITED;
    autofree char *status = ps_row_status(r, o->now_ns);
    char at[HUMAN_MAX], since[HUMAN_MAX];

    human_since(r->created_ns / SECOND, o->now_ns / SECOND, since);
    return json_pack("{s:I, s:s, s:s, s:b, s:I, s:i, s:I, s:s, s:s}", "Created",
                     (json_int_t)(r->created_ns / SECOND), "CreatedAt",
                     human_time(r->created_ns / SECOND, at), "RunningFor", since, "Exited", exited,
                     "ExitedAt", (json_int_t)(exited ? r->finished_ns / SECOND : -1), "ExitCode",
                     r->exit_code < 0 ? 0 : r->exit_code, "StartedAt",
                     (json_int_t)(r->started_ns / SECOND), "State", record_state_name(r->state),
                     "Status", status ? status : "");
}

int ps_row_document(const struct store *s, struct record *r, const struct ps_row_options *o,
                    json_t **ret, struct err *e)
{
    autojson json_t *j =
        json_pack("{s:s, s:[s], s:s, s:s, s:o, s:O, s:o, s:[s*], s:o, s:o, s:i, s:b, s:b, s:s, "
                  "s:s, s:i, s:s, "
                  "s:n}",
                  "Id", r->id, "Names", r->name, "Image", r->image ? r->image : "", "ImageID",
                  r->image_id.hex, "Command", strings(&r->command), "Labels", r->labels, "Mounts",
                  destinations(r), "Networks", r->network, "Ports", strings(&r->exposed), "Volumes",
                  strings(&r->volumes), "Pid", record_has_monitor(r->state) ? (int)r->init.pid : 0,
                  "AutoRemove", r->rm, "IsInfra", 0, "Pod", "", "PodName", "", "Restarts",
                  r->restart_count, "Health", r->health ? r->health : "", "Size");
    autojson json_t *times = document_times(r, o), *namespaces = json_object();
    int n;

    if (!j || !times || !namespaces || json_object_update(j, times) < 0)
        return err_memory(e);
    n = o->ns ? add_namespaces(r, namespaces, e) : 0;
    if (n == 0 && json_object_set_new(j, "Namespaces",
                                      o->ns ? json_incref(json_object_get(namespaces, "Namespaces"))
                                            : json_object()) < 0)
        n = err_memory(e);
    if (n == 0 && o->size)
        n = add_size(s, r, j, false, e);
    if (n == 0)
        *ret = json_incref(j);
    return n;
}
