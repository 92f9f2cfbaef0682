/* rctr ps: the containers of the store, as a table, JSON or a template. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/listing.h"
#include "cmd/ps_row.h"
#include "core/base/auto.h"
#include "core/base/near.h"
#include "core/base/when.h"
#include "core/engine/filter.h"
#include "core/engine/size.h"

struct ps_args {
    bool all, latest, quiet, size, no_trunc, no_heading, external, ns, pod, sync;
    long long last, watch;
    const char *format, *sort;
    struct opt_list filters;
};

static const struct opt ps_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct ps_args, all, "Show all containers, not only those that run"),
    OPT_FLAG(0, "external", struct ps_args, external,
             "Show folders of containers whose record cannot be read too"),
    OPT_LIST('f', "filter", struct ps_args, filters, "KEY=VALUE",
             "Show only what fits: name, id, status, label, ancestor, exited, health, network, "
             "volume, before, since, until, restart-policy"),
    OPT_TEXT(0, "format", struct ps_args, format, "TEMPLATE",
             "Print table, json or a template such as {{.ID}} {{.Names}}"),
    OPT_INT('n', "last", struct ps_args, last, "NUMBER",
            "Show the newest containers, whatever their state", .preset = "-1"),
    OPT_FLAG('l', "latest", struct ps_args, latest, "Show the newest container"),
    OPT_FLAG(0, "no-trunc", struct ps_args, no_trunc, "Show whole ids and commands"),
    OPT_FLAG(0, "noheading", struct ps_args, no_heading, "Leave the heading out"),
    OPT_FLAG(0, "ns", struct ps_args, ns, "Show the numbers of the namespaces"),
    OPT_FLAG('p', "pod", struct ps_args, pod, "Show the pods (there are none)", .hidden = true),
    OPT_FLAG('q', "quiet", struct ps_args, quiet, "Print only the ids"),
    OPT_FLAG('s', "size", struct ps_args, size, "Show how much the containers wrote"),
    OPT_TEXT(0, "sort", struct ps_args, sort,
             "command|created|id|image|names|runningfor|size|status", "Sort by a column",
             .preset = "created"),
    OPT_FLAG(0, "sync", struct ps_args, sync,
             "Clean up first what crashed commands left, in all containers"),
    OPT_INT('w', "watch", struct ps_args, watch, "SECONDS", "Show it again and again",
            .preset = "0"),
    OPT_DONE,
};

/* ---- which ones ---- */

struct line {
    struct record record; /* owned */
    long long size_bytes; /* with --sort size */
};

struct found {
    const struct store *store;
    const struct ps_args *args;
    struct filter filter;
    bool all;
    struct line *v;
    size_t n, cap;
    struct strv damaged; /* ids */
};

static void free_found(struct found *f)
{
    for (size_t i = 0; i < f->n; i++)
        record_free(&f->v[i].record);
    free(f->v);
    filter_free(&f->filter);
    strv_free(&f->damaged);
}

/* Takes the record when it is to be shown. */
static int consider(struct found *f, struct record *r, struct err *e)
{
    bool shown = f->all || record_has_monitor(r->state) || r->state == RECORD_STARTING;

    if (!shown || !filter_takes(&f->filter, r))
        return 0;
    if (f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 32;
        struct line *v = realloc(f->v, cap * sizeof *v);

        if (!v)
            return err_memory(e);
        f->v = v;
        f->cap = cap;
    }
    f->v[f->n++] = (struct line){.record = *r};
    *r = (struct record){.dir_fd = -1};
    return 0;
}

/* Where it cannot be written down that the monitor is dead (the disk is full), it is told at least.
 */
static int settle(const struct store *s, struct record *r, struct err *e)
{
    int n = record_settle(s, r, e);

    if (n < 0 && n != -ENOENT && record_has_monitor(r->state) && !record_alive(r)) {
        r->state = RECORD_EXITED;
        r->exit_code = -1;
        r->finished_ns = when_now();
        n = 0;
    }
    return n;
}

static int find(struct found *f, struct err *e)
{
    autostrv struct strv ids = {0};
    int r = record_ids(f->store, &ids, e);

    for (size_t i = 0; r == 0 && i < ids.n; i++) {
        autorecord struct record record = {.dir_fd = -1};
        struct err why = {0};
        int n = record_load(f->store, ids.v[i], &record, &why);

        if (n == 0)
            n = settle(f->store, &record, &why);
        if (n == 0)
            r = consider(f, &record, e);
        else if (n != -ENOENT && f->args->external) /* gone meanwhile, or damaged */
            r = strv_add(&f->damaged, ids.v[i], e);
    }
    return r;
}

/* ---- in which order ---- */

static int by_created(const void *a, const void *b)
{
    const struct record *x = &((const struct line *)a)->record;
    const struct record *y = &((const struct line *)b)->record;

    if (x->created_ns != y->created_ns)
        return x->created_ns < y->created_ns ? -1 : 1;
    return strcmp(x->id, y->id);
}

static int by_text(const char *x, const char *y, const void *a, const void *b)
{
    int r = strcmp(x ? x : "", y ? y : "");

    return r ? r : by_created(a, b);
}

#define BY_TEXT(key, expression) \
    static const char *text_##key(const struct record *r) \
    { \
        return expression; \
    } \
    static int by_##key(const void *a, const void *b) \
    { \
        return by_text(text_##key(&((const struct line *)a)->record), \
                       text_##key(&((const struct line *)b)->record), a, b); \
    }
BY_TEXT(command, r->command.n ? r->command.v[0] : "")
BY_TEXT(id, r->id)
BY_TEXT(image, r->image)
BY_TEXT(names, r->name)
BY_TEXT(status, record_state_name(r->state))

static int by_size(const void *a, const void *b)
{
    const struct line *x = a, *y = b;

    if (x->size_bytes != y->size_bytes)
        return x->size_bytes < y->size_bytes ? -1 : 1;
    return by_created(a, b);
}

static int load_sizes(struct found *f, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < f->n; i++) {
        struct size size = {0};

        r = size_of(f->store, &f->v[i].record, &size, e);
        f->v[i].size_bytes = size.rw_bytes;
    }
    return r;
}

static int sort(struct found *f, const char *key, struct err *e)
{
    static const struct {
        const char *name;
        int (*compare)(const void *, const void *);
    } keys[] = {{"command", by_command}, {"created", by_created}, {"id", by_id},
                {"image", by_image},     {"names", by_names},     {"runningfor", by_created},
                {"size", by_size},       {"status", by_status}};
    struct near near = {.word = key};
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        near_offer(&near, keys[i].name);
        if (strcmp(keys[i].name, key) != 0)
            continue;
        if (keys[i].compare == by_size)
            r = load_sizes(f, e);
        if (r == 0 && f->n)
            qsort(f->v, f->n, sizeof *f->v, keys[i].compare);
        return r;
    }
    return err_set(
        e, EINVAL,
        "--sort: unknown column '%s'%s%s%s (command, created, id, image, names, runningfor, "
        "size, status)",
        key, near.best ? "; did you mean '" : "", near.best ? near.best : "",
        near.best ? "'?" : "");
}

/* --last: the newest ones, before they are put in order. */
static void keep_newest(struct found *f, size_t n)
{
    if (n >= f->n)
        return;
    qsort(f->v, f->n, sizeof *f->v, by_created);
    for (size_t i = 0; i < f->n - n; i++)
        record_free(&f->v[i].record);
    memmove(f->v, f->v + (f->n - n), n * sizeof *f->v);
    f->n = n;
}

/* ---- how ---- */

static const char *table_of(const struct ps_args *a)
{
    if (a->ns)
        return "{{.ID}} {{.Names}} {{.Pid}} {{.CGROUPNS}} {{.IPC}} {{.MNT}} {{.NET}} {{.PIDNS}} "
               "{{.USERNS}} {{.UTS}}";
    if (a->size)
        return "{{.ID}} {{.Image}} {{.Command}} {{.Created}} {{.Status}} {{.Ports}} {{.Names}} "
               "{{.Size}}";
    return "{{.ID}} {{.Image}} {{.Command}} {{.Created}} {{.Status}} {{.Ports}} {{.Names}}";
}

static void print_ids(const struct found *f)
{
    int digits = f->args->no_trunc ? RECORD_ID_HEX : RECORD_SHORT;

    for (size_t i = 0; i < f->n; i++)
        printf("%.*s\n", digits, f->v[i].record.id);
    for (size_t i = 0; i < f->damaged.n; i++)
        printf("%.*s\n", digits, f->damaged.v[i]);
}

/* A folder whose record cannot be read: all that is known is its name. */
static int damaged_row(const char *id, const struct ps_row_options *o, bool json, json_t **ret,
                       struct err *e)
{
    autorecord struct record r = {.dir_fd = -1};
    int n = record_init(&r, e);

    if (n < 0)
        return n;
    snprintf(r.id, sizeof r.id, "%s", id);
    r.created_ns = o->now_ns;
    n = json ? ps_row_document(NULL, &r, o, ret, e) : ps_row(NULL, &r, o, ret, e);
    if (n == 0 &&
        (json_object_set_new(*ret, "Status", json_string("Damaged")) < 0 ||
         json_object_set_new(*ret, "State", json_string("damaged")) < 0 ||
         json_object_set_new(*ret, "Created", json ? json_integer(0) : json_string("")) < 0))
        n = err_memory(e);
    return n;
}

/* They cost a look into /proc each. */
static bool names_namespaces(const char *template)
{
    static const char *const fields[] = {"NS", "IPC", "MNT", "NET", "UTS", "Namespaces"};

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        if (strcasestr(template, fields[i]))
            return true;
    return false;
}

static int print(struct found *f, struct err *e)
{
    const struct ps_args *a = f->args;
    struct ps_row_options o = {.no_trunc = a->no_trunc, .now_ns = when_now()};
    bool json = a->format && strcmp(a->format, "json") == 0;
    bool template = a->format && strstr(a->format, "{{");
    autojson json_t *rows = json_array();
    const struct listing listing = {.format = a->format,
                                    .table = table_of(a),
                                    .columns = ps_row_columns,
                                    .rows = rows,
                                    .no_heading = a->no_heading};
    int r = 0;

    o.size = a->size || (template && strstr(a->format, "Size"));
    o.ns = a->ns || (template && names_namespaces(a->format));
    o.brief = !template && !json;
    if (a->quiet && !a->format) {
        print_ids(f);
        return 0;
    }
    for (size_t i = 0; r == 0 && i < f->n + f->damaged.n; i++) {
        struct record *record = i < f->n ? &f->v[i].record : NULL;
        json_t *row = NULL;

        if (!record) {
            struct ps_row_options bare = {.no_trunc = o.no_trunc, .ns = o.ns, .now_ns = o.now_ns};

            r = damaged_row(f->damaged.v[i - f->n], &bare, json, &row, e);
        } else {
            r = json ? ps_row_document(f->store, record, &o, &row, e)
                     : ps_row(f->store, record, &o, &row, e);
        }
        if (r == 0 && json_array_append_new(rows, row) < 0)
            r = err_memory(e);
    }
    return r < 0 ? r : listing_print(&listing, e);
}

static int once(const struct store *s, const struct ps_args *a, struct err *e)
{
    struct found f = {.store = s, .args = a};
    int r = a->sync ? record_sweep(s, e) : 0;

    if (r == 0)
        r = filter_parse(s, &a->filters, &f.filter, e);
    f.all = a->all || a->latest || a->last >= 0 || filter_has(&f.filter, "status") ||
            filter_has(&f.filter, "exited");
    if (r == 0)
        r = find(&f, e);
    if (r == 0 && (a->latest || a->last >= 0))
        keep_newest(&f, a->latest ? 1 : (size_t)a->last);
    if (r == 0)
        r = sort(&f, a->sort, e);
    if (r == 0)
        r = print(&f, e);
    free_found(&f);
    return r;
}

/* ^C ends the program as it ends any other. */
static int watch(const struct store *s, const struct ps_args *a, struct err *e)
{
    struct timespec pause = {.tv_sec = a->watch};
    int r = 0;

    while (r == 0) {
        if (isatty(STDOUT_FILENO))
            fputs("\033[H\033[J", stdout);
        r = once(s, a, e);
        fflush(stdout);
        if (r == 0 && !ferror(stdout))
            (void)nanosleep(&pause, NULL);
        else
            break;
    }
    return r;
}

static int ps_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct ps_args *a = args;
    autostore struct store s = STORE_CLOSED;
    int r = 0;

    (void)argc, (void)argv;
    if (a->pod)
        return err_set(e, ENOTSUP, "--pod: rctr has no pods");
    if (a->latest && a->last >= 0)
        return err_set(e, EINVAL, "--last and --latest contradict each other");
    if (a->quiet && (a->size || a->ns))
        return err_set(e, EINVAL, "--quiet shows ids only: --size and --ns contradict it");
    if (a->watch < 0)
        return err_set(e, EINVAL, "--watch wants a number of seconds");
    r = store_open(&s, e);
    if (r == 0)
        r = a->watch ? watch(&s, a, e) : once(&s, a, e);
    return r;
}

const struct command command_ps OPT_TABLE = {
    .name = "ps",
    .aliases = "container ls|container list|container ps",
    .operand = "",
    .summary = "List the containers",
    .mixed = true,
    .opts = ps_opts,
    .args_size = sizeof(struct ps_args),
    .main = ps_main,
};
