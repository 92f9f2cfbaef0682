/* rctr stats: what containers use, live or once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/listing.h"
#include "cmd/select.h"
#include "cmd/stats_cell.h"
#include "cmd/stats_view.h"
#include "core/base/auto.h"
#include "core/base/when.h"

/* Between the two samples of --no-stream: processor times in /proc come in steps of 10 ms. */
enum { ONCE_MS = 500 };

struct stats_args {
    bool all, latest, no_stream, no_reset, no_trunc;
    const char *format, *interval;
};

static const struct opt stats_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct stats_args, all, "Show all containers, not only those that run"),
    OPT_TEXT(0, "format", struct stats_args, format, "TEMPLATE",
             "Print table, json or a template such as {{.Name}} {{.CPUPerc}}"),
    OPT_TEXT('i', "interval", struct stats_args, interval, "SECONDS", "Pause between two looks",
             .preset = "1"),
    OPT_FLAG('l', "latest", struct stats_args, latest, "Show the newest container"),
    OPT_FLAG(0, "no-reset", struct stats_args, no_reset,
             "Print each look below the one before, not over it"),
    OPT_FLAG(0, "no-stream", struct stats_args, no_stream, "Look once"),
    OPT_FLAG(0, "no-trunc", struct stats_args, no_trunc, "Show whole ids and names"),
    OPT_DONE,
};

static const struct listing_column columns[] = {
    {"ID", "ID"},
    {"Container", "CONTAINER ID"},
    {"ContainerID", "CONTAINER ID"},
    {"Name", "NAME"},
    {"CPU", "CPU %"},
    {"CPUPerc", "CPU %"},
    {"AvgCPU", "AVG CPU %"},
    {"CPUTime", "CPU TIME"},
    {"CPUNano", "CPU NANO"},
    {"MemUsage", "MEM USAGE / LIMIT"},
    {"MemUsageBytes", "MEM USAGE / LIMIT"},
    {"MemLimit", "MEM LIMIT"},
    {"MemPerc", "MEM %"},
    {"NetIO", "NET IO"},
    {"NetInput", "NET INPUT"},
    {"NetOutput", "NET OUTPUT"},
    {"BlockIO", "BLOCK IO"},
    {"BlockInput", "BLOCK INPUT"},
    {"BlockOutput", "BLOCK OUTPUT"},
    {"PIDs", "PIDS"},
    {"PIDS", "PIDS"},
    {"UpTime", "UP TIME"},
    {NULL, NULL},
};

static json_t *row_of(const struct stats_line *l, bool no_trunc)
{
    const struct stats_sample *s = &l->now;
    char id[RECORD_ID_HEX + 1], up[WHEN_MAX] = "";
    struct stats_cells c;
    json_t *j;

    stats_cell(l, &c);
    snprintf(id, sizeof id, "%.*s", no_trunc ? RECORD_ID_HEX : RECORD_SHORT, l->record.id);
    if (l->sampled)
        when_format_duration((when_now() - l->record.started_ns) / 1000000000 * 1000000000, up);
    j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "ID",
                  id, "Container", id, "ContainerID", id, "Name", l->record.name, "CPU", c.cpu,
                  "CPUPerc", c.cpu, "AvgCPU", c.average, "CPUTime", c.cpu_time, "MemUsage",
                  c.memory, "MemPerc", c.memory_part, "NetIO", c.net, "BlockIO", c.block, "PIDs",
                  c.pids, "UpTime", up);
    if (!j ||
        json_object_update_new(
            j, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "CPUNano",
                         (json_int_t)s->cpu_ns, "MemUsageBytes", (json_int_t)s->memory_bytes,
                         "MemLimit", (json_int_t)s->memory_limit_bytes, "NetInput",
                         (json_int_t)s->net_in_bytes, "NetOutput", (json_int_t)s->net_out_bytes,
                         "BlockInput", (json_int_t)s->block_in_bytes, "BlockOutput",
                         (json_int_t)s->block_out_bytes, "PIDS", c.pids)) < 0) {
        json_decref(j);
        return NULL;
    }
    return j;
}

/* As `podman stats --format json`. */
static json_t *document_of(const struct stats_line *l, bool no_trunc)
{
    char id[RECORD_ID_HEX + 1];
    struct stats_cells c;

    stats_cell(l, &c);
    snprintf(id, sizeof id, "%.*s", no_trunc ? RECORD_ID_HEX : RECORD_SHORT, l->record.id);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", id, "name",
                     l->record.name, "cpu_time", c.cpu_time, "cpu_percent", c.cpu, "avg_cpu",
                     c.average, "mem_usage", c.memory, "mem_percent", c.memory_part, "net_io",
                     c.net, "block_io", c.block, "pids", c.pids);
}

static int print(const struct stats_set *set, const struct stats_args *a, struct err *e)
{
    autojson json_t *rows = json_array(), *documents = json_array();
    const struct listing listing = {
        .format = a->format,
        .table = "{{.ID}} {{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.MemPerc}} {{.NetIO}} "
                 "{{.BlockIO}} {{.PIDs}} {{.CPUTime}} {{.AvgCPU}}",
        .columns = columns,
        .rows = rows,
        .documents = documents,
    };

    for (size_t i = 0; i < set->n; i++)
        if (json_array_append_new(rows, row_of(&set->v[i], a->no_trunc)) < 0 ||
            json_array_append_new(documents, document_of(&set->v[i], a->no_trunc)) < 0)
            return err_memory(e);
    return listing_print(&listing, e);
}

static void nap(long long ms)
{
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Two looks, so that "CPU %" is of now and not of the whole life. */
static int once(struct stats_set *set, const struct stats_args *a, struct err *e)
{
    int r = stats_set_refresh(set, e);
    bool any = false;

    for (size_t i = 0; r == 0 && i < set->n; i++)
        any |= set->v[i].sampled;
    if (any) {
        nap(ONCE_MS);
        r = stats_set_refresh(set, e);
    }
    return r < 0 ? r : print(set, a, e);
}

/* Into a file or a pipe, or with a template: one table after the other. */
static int stream(struct stats_set *set, const struct stats_args *a, long long interval_ms,
                  struct err *e)
{
    bool over = isatty(STDOUT_FILENO) && !a->no_reset;
    int r = stats_set_refresh(set, e);

    while (r == 0) {
        nap(interval_ms);
        r = stats_set_refresh(set, e);
        if (r == 0 && over)
            fputs("\033[H\033[J", stdout);
        if (r == 0)
            r = print(set, a, e);
        if (r == 0 && (fflush(stdout) != 0 || ferror(stdout)))
            break;
    }
    return r;
}

/* Named ones, the latest, or whatever runs. */
static int choose(struct stats_set *set, const struct stats_args *a, int argc, const char **argv,
                  int *ret_status, struct err *e)
{
    const struct select_args args = {.latest = a->latest};
    const struct select_want want = {.args = &args, .words = argv, .count = argc};
    autoselection struct selection l = {0};
    int r = 0;

    set->everything = argc == 0 && !a->latest;
    set->stopped = a->all;
    if (a->all && (argc || a->latest))
        return err_set(e, EINVAL, "--all, --latest and containers cannot be used together");
    if (!set->everything)
        r = select_load(set->store, &want, &l, e);
    for (size_t i = 0; r == 0 && i < l.n; i++)
        r = stats_set_add(set, &l.v[i].record, e);
    *ret_status = l.status;
    return r;
}

static int read_interval(const char *text, long long *ret_ms, struct err *e)
{
    char *end = NULL;
    double s = strtod(text, &end);

    if (end == text || *end || !(s >= 0.1) || s > 86400)
        return err_set(e, EINVAL, "--interval: '%s' is not a number of seconds (0.1 to 86400)",
                       text);
    *ret_ms = (long long)(s * 1000);
    return 0;
}

static int stats_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct stats_args *a = args;
    autostore struct store s = STORE_CLOSED;
    struct stats_set set = {.store = &s};
    long long ms = 0;
    int status = 0, r = read_interval(a->interval, &ms, e);

    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = choose(&set, a, argc, argv, &status, e);
    if (r == 0 && status == 0) {
        if (a->no_stream)
            r = once(&set, a, e);
        else if (!a->format && !a->no_reset && isatty(STDOUT_FILENO))
            r = stats_view_run(&set, ms, a->no_trunc, e);
        else
            r = stream(&set, a, ms, e);
    }
    stats_set_free(&set);
    return r ? r : status;
}

const struct command command_stats OPT_TABLE = {
    .name = "stats",
    .aliases = "container stats",
    .operand = "[CONTAINER...]",
    .summary = "Show what containers use of the machine",
    .mixed = true,
    .opts = stats_opts,
    .args_size = sizeof(struct stats_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = stats_main,
};
