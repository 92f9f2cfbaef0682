#include "cmd/inspect_container.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "storage/record.h"

enum { TIME_MAX = 64 };

/* RFC 3339 with nanoseconds; docker's zero time for "not yet". */
static const char *time_text(long long ns, char buf[TIME_MAX])
{
    time_t t = (time_t)(ns / 1000000000);
    struct tm tm;
    size_t n;

    if (ns == 0)
        return "0001-01-01T00:00:00Z";
    gmtime_r(&t, &tm);
    n = strftime(buf, TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buf + n, TIME_MAX - n, ".%09lldZ", ns % 1000000000);
    return buf;
}

static json_t *strings(const struct strv *l, size_t from)
{
    json_t *a = json_array();

    for (size_t i = from; i < l->n; i++)
        json_array_append_new(a, json_string(l->v[i]));
    return a;
}

static json_t *state_of(const struct record *r)
{
    char started[TIME_MAX], finished[TIME_MAX];

    return json_pack(
        "{s:s, s:b, s:b, s:b, s:b, s:i, s:i, s:s, s:s, s:s}", "Status", record_state_name(r->state),
        "Running", r->state == RECORD_RUNNING, "Paused", 0, "Restarting", 0, "Dead", 0, "Pid",
        r->state == RECORD_RUNNING ? (int)r->init.pid : 0, "ExitCode",
        r->exit_code < 0 ? 0 : r->exit_code, "Error", r->error ? r->error : "", "StartedAt",
        time_text(r->started_ns, started), "FinishedAt", time_text(r->finished_ns, finished));
}

static json_t *config_of(const struct record *r)
{
    return json_pack("{s:o, s:O, s:O, s:b, s:b, s:s, s:s}", "Cmd", strings(&r->command, 0),
                     "Labels", r->labels, "Annotations", r->annotations, "Tty", r->tty, "OpenStdin",
                     r->open_stdin, "StopSignal", r->stop_signal ? r->stop_signal : "SIGTERM",
                     "Image", r->image ? r->image : "");
}

static json_t *document(const struct record *r)
{
    char created[TIME_MAX];

    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:o, s:{s:b, s:s}}", "Id",
                     r->id, "Created", time_text(r->created_ns, created), "Path",
                     r->command.n ? r->command.v[0] : "", "Args", strings(&r->command, 1), "State",
                     state_of(r), "Image", r->image_id.hex, "ImageName", r->image ? r->image : "",
                     "Name", r->name, "Driver", r->driver ? r->driver : "", "Config", config_of(r),
                     "HostConfig", "AutoRemove", r->rm, "NetworkMode",
                     r->network ? r->network : "");
}

int inspect_container(const struct store *s, const char *word, json_t **ret, struct err *e)
{
    autorecord struct record r = {.dir_fd = -1};
    int n = record_find(s, word, &r, e);

    if (n < 0)
        return n;
    *ret = document(&r);
    return *ret ? 0 : err_set(e, EINVAL, "container %s: its record is damaged", r.id);
}
