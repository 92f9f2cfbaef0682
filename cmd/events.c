/* rctr events: what happened, and what happens.
 *
 * Two shapes: a line of text in podman's words, and JSON (one object a line) in docker's, whose
 * words for some actions differ. Filters take the words of both. */
#include "cmd/events.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/command.h"
#include "cmd/format.h"
#include "core/base/auto.h"
#include "core/base/when.h"
#include "storage/event.h"

struct events_args {
    struct opt_list filters;
    const char *format, *since, *until;
    bool stream, no_trunc;
};

static const struct opt events_opts[] OPT_TABLE = {
    OPT_LIST('f', "filter", struct events_args, filters, "KEY=VALUE", "Show only these events"),
    OPT_TEXT(0, "format", struct events_args, format, "json|TEMPLATE", "Choose the form"),
    OPT_FLAG(0, "no-trunc", struct events_args, no_trunc, "Show whole ids", .preset = "true"),
    OPT_TEXT(0, "since", struct events_args, since, "TIME", "Show events from this time on"),
    OPT_FLAG(0, "stream", struct events_args, stream, "Go on with what happens from now on",
             .preset = "true"),
    OPT_TEXT(0, "until", struct events_args, until, "TIME", "Show events up to this time, and end"),
    OPT_DONE,
};

enum { SHORT = 12, NS_IN_MS = 1000000 };

struct show {
    const struct events_args *args;
    struct events_filter filter;
    long long since_ns, until_ns; /* 0: none */
};

/* ---- one event ---- */

static const char *local_time(long long ns, char *buf, size_t size)
{
    time_t seconds = ns / 1000000000;
    char date[24] = "", zone[32] = "";
    struct tm tm;

    if (localtime_r(&seconds, &tm)) {
        (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &tm);
        (void)strftime(zone, sizeof zone, "%z %Z", &tm);
    }
    snprintf(buf, size, "%s.%09lld %s", date, ns % 1000000000, zone);
    return buf;
}

static const char *attribute(const json_t *ev, const char *key)
{
    const char *s = json_string_value(
        json_object_get(json_object_get(json_object_get(ev, "Actor"), "Attributes"), key));

    return s ? s : "";
}

/* As podman: a container's image and name first, then its other attributes. */
static int add_attributes(const json_t *ev, struct text *t)
{
    const json_t *all = json_object_get(json_object_get(ev, "Actor"), "Attributes");
    const char *key;
    json_t *value;

    text_addf(t, " (image=%s, name=%s", attribute(ev, "image"), attribute(ev, "name"));
    json_object_foreach((json_t *)(uintptr_t)all, key, value)
    {
        if (strcmp(key, "image") != 0 && strcmp(key, "name") != 0 && json_is_string(value))
            text_addf(t, ", %s=%s", key, json_string_value(value));
    }
    text_add(t, ")");
    return 0;
}

static void as_text(const struct show *s, const json_t *ev, struct text *t)
{
    const char *type = events_text(ev, "Type");
    const char *id = json_string_value(json_object_get(json_object_get(ev, "Actor"), "ID"));
    int width = s->args->no_trunc ? INT_MAX : SHORT;
    char time[80];

    text_addf(t, "%s %s %s",
              local_time(json_integer_value(json_object_get(ev, "timeNano")), time, sizeof time),
              type, events_podman_word(type, events_text(ev, "Action")));
    if (*id)
        text_addf(t, " %.*s", strcmp(type, "volume") == 0 ? INT_MAX : width, id);
    if (strcmp(type, "container") == 0)
        add_attributes(ev, t);
    else if (strcmp(type, "volume") != 0 && *attribute(ev, "name"))
        text_addf(t, " %s", attribute(ev, "name"));
    for (char *c = t->s; c && *c; c++) /* a label may hold any character; a line is one line */
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
}

/* docker's object, with the fields of its older versions. */
static json_t *as_docker(const json_t *ev)
{
    const char *type = events_text(ev, "Type");
    json_t *j = json_deep_copy(ev);
    const char *word = events_docker_word(type, events_text(ev, "Action"));
    autofree char *health = NULL;

    if (!j)
        return NULL;
    if (strcmp(word, "health_status") == 0) {
        health = text_format("health_status: %s", attribute(ev, "health_status"));
        word = health ? health : word;
    }
    json_object_set_new(j, "Action", json_string(word));
    json_object_set_new(j, "status", json_string(word));
    json_object_set(j, "id", json_object_get(json_object_get(ev, "Actor"), "ID"));
    if (*attribute(ev, "image"))
        json_object_set_new(j, "from", json_string(attribute(ev, "image")));
    return j;
}

/* What a template sees: docker's and podman's names. */
static json_t *as_fields(const json_t *ev)
{
    const json_t *actor = json_object_get(ev, "Actor");
    const char *type = events_text(ev, "Type"), *action = events_text(ev, "Action");

    return json_pack(
        "{s:s, s:s, s:s, s:O, s:O, s:O, s:s, s:s, s:s, s:s, s:s, s:O, s:O, s:s}", "Type", type,
        "Action", events_docker_word(type, action), "Status", events_podman_word(type, action),
        "Actor", actor, "Attributes", json_object_get(actor, "Attributes"), "ID",
        json_object_get(actor, "ID"), "Image", attribute(ev, "image"), "From",
        attribute(ev, "image"), "Name", attribute(ev, "name"), "ContainerExitCode",
        attribute(ev, "exitCode"), "HealthStatus", attribute(ev, "health_status"), "Time",
        json_object_get(ev, "time"), "TimeNano", json_object_get(ev, "timeNano"), "Scope", "local");
}

static int print(const struct show *s, const json_t *ev, struct err *e)
{
    const char *format = s->args->format;
    autotext struct text t = {0};
    int r = 0;

    if (!format) {
        as_text(s, ev, &t);
    } else if (strcmp(format, "json") == 0 || strcmp(format, "{{json .}}") == 0) {
        autojson json_t *j = as_docker(ev);
        autofree char *line = j ? jsonx_dump(j, 0) : NULL;

        if (!line)
            return err_memory(e);
        text_add(&t, line);
    } else {
        autojson json_t *j = as_fields(ev);

        r = j ? format_render(format, j, &t, e) : err_memory(e);
    }
    if (r == 0)
        r = text_check(&t, e);
    if (r == 0)
        puts(t.s);
    return r;
}

/* ---- all of them ---- */

/* 1: this was beyond the end. */
static int show(const struct show *s, const json_t *ev, struct err *e)
{
    long long ns = json_integer_value(json_object_get(ev, "timeNano"));

    if (s->until_ns && ns > s->until_ns)
        return s->until_ns < when_now();
    if (ns < s->since_ns || !events_filter_takes(&s->filter, ev))
        return 0;
    return print(s, ev, e);
}

/* False: the time is over. */
static bool wait_for_more(const struct show *s, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int timeout = -1;

    if (s->until_ns) {
        long long left = s->until_ns - when_now();

        if (left <= 0)
            return false;
        timeout = left / NS_IN_MS >= INT_MAX ? INT_MAX : (int)(left / NS_IN_MS) + 1;
    }
    return poll(&p, 1, timeout) >= 0 || errno == EINTR;
}

static int run(const struct show *s, struct event_reader *reader, struct err *e)
{
    int fd = -1, r = event_wait_fd(reader, &fd, e);

    while (r == 0) {
        autojson json_t *ev = NULL;

        r = event_next(reader, &ev, e);
        if (r == 0) {
            r = show(s, ev, e);
        } else if (r == -EAGAIN) {
            r = 0;
            if (fflush(stdout) != 0)
                return errno == EPIPE ? 0 : err_sys(e, "cannot write the events");
            if (!s->args->stream || !wait_for_more(s, fd))
                break;
        }
    }
    return r < 0 ? r : 0;
}

static int parse_times(const struct events_args *a, struct show *s, struct err *e)
{
    long long now = when_now();
    int r = 0;

    if (a->since)
        r = err_wrap(e, when_parse(a->since, now, &s->since_ns, e), "--since");
    if (r == 0 && a->until)
        r = err_wrap(e, when_parse(a->until, now, &s->until_ns, e), "--until");
    if (r == 0 && a->until && s->until_ns == 0)
        s->until_ns = 1; /* 0 is "no end" */
    return r;
}

/* A template that fits no event is told before one comes. */
static int check_format(const struct events_args *a, struct err *e)
{
    autojson json_t *ev =
        json_pack("{s:s, s:s, s:{s:s, s:{}}, s:i, s:i}", "Type", "container", "Action", "create",
                  "Actor", "ID", "", "Attributes", "time", 0, "timeNano", 0);
    autojson json_t *fields = ev ? as_fields(ev) : NULL;
    autotext struct text t = {0};

    if (!fields)
        return err_memory(e);
    if (!a->format || strcmp(a->format, "json") == 0)
        return 0;
    return format_render(a->format, fields, &t, e);
}

static int events_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct events_args *a = args;
    struct show s = {.args = a};
    autoevents struct event_reader *reader = NULL;
    autostore struct store store = STORE_CLOSED;
    int r = parse_times(a, &s, e);

    (void)argc, (void)argv;
    if (r == 0)
        r = events_filter_parse(&a->filters, &s.filter, e);
    if (r == 0)
        r = check_format(a, e);
    if (r == 0)
        r = store_open(&store, e);
    if (r == 0)
        r = event_open(&store, &reader, e);
    if (r < 0)
        return r;
    if (a->stream && !a->since && !a->until)
        event_skip(reader);
    return run(&s, reader, e);
}

const struct command command_events OPT_TABLE = {
    .name = "events",
    .aliases = "system events",
    .operand = "",
    .summary = "Show what happens to containers, images and volumes",
    .opts = events_opts,
    .args_size = sizeof(struct events_args),
    .main = events_main,
};
