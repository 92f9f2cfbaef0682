/* rctr logs: what containers printed, each line to the output it came from, in the order of time.
 *
 * The bytes are passed as the container wrote them, as docker and podman do: a log may hold the
 * colours and escapes of the program's terminal. Who does not trust a container pipes it through
 * `less` or `cat -v`. */
#include "core/engine/logs.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "core/base/auto.h"
#include "core/base/log.h"
#include "core/base/when.h"

struct logs_args {
    bool follow, latest, names, timestamps, color;
    const char *since, *until, *tail;
};

static const struct opt logs_opts[] OPT_TABLE = {
    OPT_FLAG(0, "color", struct logs_args, color, "Show the names of several in colours"),
    OPT_FLAG('f', "follow", struct logs_args, follow, "Go on until the containers end"),
    OPT_FLAG('l', "latest", struct logs_args, latest, "Show those of the latest container"),
    OPT_FLAG(0, "names", struct logs_args, names, "Begin each line with the container's name"),
    OPT_TEXT(0, "since", struct logs_args, since, "TIME", "Show lines from this time on"),
    OPT_TEXT('n', "tail", struct logs_args, tail, "NUMBER", "Show only the last lines",
             .preset = "all"),
    OPT_FLAG('t', "timestamps", struct logs_args, timestamps, "Begin each line with its time"),
    OPT_TEXT(0, "until", struct logs_args, until, "TIME", "Show lines up to this time"),
    OPT_DONE,
};

struct source {
    struct record record;
    struct logs *logs;
    struct logline line;
    bool have, done; /* `line` waits to be printed; there will be none any more */
    bool inside[3];  /* by stream: its last part had no newline */
    int color;
};

struct reading {
    const struct logs_args *args;
    struct source *v;
    size_t n;
    const struct source *open; /* whose part stands at the end of the output, without newline */
    FILE *last;
};

/* ---- the words of the command line ---- */

static int parse_tail(const char *text, long long *ret, struct err *e)
{
    if (strcmp(text, "all") == 0 || strcmp(text, "-1") == 0) {
        *ret = -1;
        return 0;
    }
    if (opt_parse_int(text, ret) < 0 || *ret < 0)
        return err_set(e, EINVAL,
                       "--tail (-n): '%s' is neither a number of lines nor 'all' (to see names: "
                       "--names)",
                       text);
    return 0;
}

static int parse_options(const struct logs_args *a, struct logs_options *o, struct err *e)
{
    long long now = when_now();
    int r = parse_tail(a->tail, &o->tail, e);

    o->follow = a->follow;
    if (r == 0 && a->since)
        r = err_wrap(e, when_parse(a->since, now, &o->since_ns, e), "--since");
    if (r == 0 && a->until)
        r = err_wrap(e, when_parse(a->until, now, &o->until_ns, e), "--until");
    if (r == 0 && a->until && o->until_ns == 0)
        o->until_ns = 1; /* 0 is "no end" */
    return r;
}

/* ---- printing ---- */

static void begin_line(const struct reading *g, const struct source *s, FILE *to)
{
    char time[LOGLINE_TIME + 1];

    if (g->args->color)
        fprintf(to, "\033[%dm", s->color);
    if (g->args->names)
        fprintf(to, "%s ", s->record.name);
    else if (g->n > 1)
        fprintf(to, "%.12s ", s->record.id);
    if (g->args->color)
        fputs("\033[0m", to);
    if (g->args->timestamps)
        fprintf(to, "%s ", logline_time(s->line.time_ns, time));
}

static int print(struct reading *g, struct source *s, struct err *e)
{
    FILE *to = s->line.stream == 2 ? stderr : stdout;
    bool *inside = &s->inside[s->line.stream];

    if (g->last && g->last != to)
        fflush(g->last);
    g->last = to;
    if (g->open && g->open != s) { /* another one's line is not finished in the middle of it */
        putc('\n', to);
        *inside = false;
    }
    if (!*inside && (s->line.text_n || s->line.whole))
        begin_line(g, s, to);
    fwrite(s->line.text, 1, s->line.text_n, to);
    if (s->line.whole)
        putc('\n', to);
    *inside = !s->line.whole;
    g->open = s->line.whole ? NULL : s;
    s->have = false;
    if (ferror(to) && errno == EPIPE)
        return -EPIPE;
    return ferror(to) ? err_sys(e, "cannot write the logs") : 0;
}

/* ---- reading ---- */

/* What each one has now. *ret_pending: how many may have more later. */
static int fetch(struct reading *g, size_t *ret_pending, struct err *e)
{
    *ret_pending = 0;
    for (size_t i = 0; i < g->n; i++) {
        struct source *s = &g->v[i];
        int r;

        if (s->have || s->done)
            continue;
        r = logs_next(s->logs, &s->line, e);
        if (logs_lost(s->logs))
            log_warn("container %s: lines were overwritten before they could be shown",
                     s->record.name);
        s->have = r == 1;
        s->done = r == -ENODATA;
        if (r < 0 && !s->done)
            return r;
        *ret_pending += !s->have && !s->done;
    }
    return 0;
}

static struct source *earliest(struct reading *g)
{
    struct source *first = NULL;

    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].have && (!first || g->v[i].line.time_ns < first->line.time_ns))
            first = &g->v[i];
    return first;
}

static int wait_for_more(struct reading *g, struct err *e)
{
    autofree struct pollfd *p = calloc(2 * g->n, sizeof *p);
    int timeout = -1;
    nfds_t n = 0;

    if (!p)
        return err_memory(e);
    fflush(stdout);
    fflush(stderr);
    for (size_t i = 0; i < g->n; i++) {
        int fds[2], ms, r;

        if (g->v[i].done)
            continue;
        r = logs_wait_fds(g->v[i].logs, fds, &ms, e);
        if (r < 0)
            return r;
        if (ms >= 0 && (timeout < 0 || ms < timeout))
            timeout = ms;
        for (size_t k = 0; k < ARRAY_SIZE(fds); k++)
            if (fds[k] >= 0)
                p[n++] = (struct pollfd){.fd = fds[k], .events = POLLIN};
    }
    if (poll(p, n, timeout) < 0 && errno != EINTR)
        return err_sys(e, "cannot wait for more");
    return 0;
}

static int read_all(struct reading *g, struct err *e)
{
    for (;;) {
        struct source *s;
        size_t pending = 0;
        int r = fetch(g, &pending, e);

        if (r < 0)
            return r;
        s = earliest(g);
        if (s && (!pending || g->args->follow))
            r = print(g, s, e);
        else if (pending)
            r = wait_for_more(g, e);
        else
            return 0;
        if (r < 0)
            return r == -EPIPE ? 0 : r; /* the reader has seen enough */
    }
}

/* ---- the command ---- */

static int open_all(const struct store *s, const struct logs_args *a, struct reading *g, int argc,
                    const char **argv, struct err *e)
{
    enum { COLORS = 6, FIRST_COLOR = 31 };
    struct logs_options o = {0};
    int fds[2], timeout, r = parse_options(a, &o, e);

    for (size_t i = 0; i < g->n && r == 0; i++) {
        g->v[i].color = FIRST_COLOR + (int)(i % COLORS);
        r = select_one(s, argc ? argv[i] : NULL, &g->v[i].record, e);
    }
    for (size_t i = 0; i < g->n && r == 0; i++) {
        r = logs_open(s, &g->v[i].record, &o, &g->v[i].logs, e);
        if (r == 0 && a->follow)
            r = logs_wait_fds(g->v[i].logs, fds, &timeout, e);
    }
    return r;
}

static int logs_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct logs_args *a = args;
    struct reading g = {.args = a, .n = a->latest ? 1 : (size_t)argc};
    autostore struct store s = STORE_CLOSED;
    int r;

    if (a->latest == (argc > 0))
        return err_set(e, EINVAL,
                       a->latest ? "--latest (-l) and the name of a container contradict each other"
                                 : "name a container, or give --latest: rctr logs CONTAINER...");
    r = store_open(&s, e);
    if (r < 0)
        return r;
    g.v = calloc(g.n, sizeof *g.v);
    if (!g.v)
        return err_memory(e);
    for (size_t i = 0; i < g.n; i++)
        g.v[i].record.dir_fd = -1;
    r = open_all(&s, a, &g, argc, argv, e);
    if (r == 0) {
        (void)setvbuf(stdout, NULL, _IOFBF, 65536);
        (void)setvbuf(stderr, NULL, _IOFBF, 65536);
        r = read_all(&g, e);
        fflush(stdout);
        (void)setvbuf(stderr, NULL, _IONBF, 0);
    }
    for (size_t i = 0; i < g.n; i++) {
        logs_close(g.v[i].logs);
        record_free(&g.v[i].record);
    }
    free(g.v);
    return r;
}

const struct command command_logs OPT_TABLE = {
    .name = "logs",
    .aliases = "container logs",
    .operand = "[CONTAINER...]",
    .summary = "Show what containers printed",
    .mixed = true,
    .opts = logs_opts,
    .args_size = sizeof(struct logs_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = logs_main,
};
