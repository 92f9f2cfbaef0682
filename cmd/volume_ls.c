/* rctr volume ls: the volumes of the store. */
#include <errno.h>
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/listing.h"
#include "cmd/volume_rows.h"
#include "core/base/auto.h"
#include "core/base/log.h"
#include "core/engine/volume_filter.h"

struct volume_ls_args {
    bool quiet, no_heading;
    const char *format;
    struct opt_list filters;
};

static const struct opt volume_ls_opts[] OPT_TABLE = {
    OPT_LIST('f', "filter", struct volume_ls_args, filters, "KEY=VALUE",
             "Show only what fits: name, label, label!, driver, scope, opt, dangling, anonymous, "
             "until, after, since"),
    OPT_TEXT(0, "format", struct volume_ls_args, format, "TEMPLATE",
             "Print table, json or a template such as {{.Name}} {{.Mountpoint}}"),
    OPT_FLAG('n', "noheading", struct volume_ls_args, no_heading, "Leave the heading out"),
    OPT_FLAG('q', "quiet", struct volume_ls_args, quiet, "Print only the names"),
    OPT_DONE,
};

static const struct listing_column columns[] = {
    {"Driver", "DRIVER"},
    {"Name", "VOLUME NAME"},
    {"Mountpoint", "MOUNTPOINT"},
    {"CreatedAt", "CREATED AT"},
    {"Labels", "LABELS"},
    {"Scope", "SCOPE"},
    {"Options", "OPTIONS"},
    {"Anonymous", "ANONYMOUS"},
    {"MountCount", "MOUNT COUNT"},
    {"NeedsCopyUp", "NEEDS COPY UP"},
    {NULL, NULL},
};

/* One that is damaged is told and passed over: the others must still be seen. */
static int collect(const struct store *s, const struct volume_filter *f, json_t *rows,
                   struct err *e)
{
    autovolume_use struct volume_use use = {0};
    autostrv struct strv names = {0};
    int r = volume_rows_begin(s, &use, e);

    if (r == 0)
        r = volume_names(s, &names, e);
    for (size_t i = 0; r == 0 && i < names.n; i++) {
        autovolume struct volume v = {0};
        struct err why = {0};
        json_t *row = NULL;
        int n = volume_load(s, names.v[i], &v, &why);

        if (n < 0 && n != -ENOENT)
            log_warn("%s", why.text);
        if (n < 0 || !volume_filter_takes(f, &v, volume_use_count(&use, v.name)))
            continue;
        r = volume_rows_document(s, &v, &use, &row, e);
        if (r == 0 && json_array_append_new(rows, row) < 0)
            r = err_memory(e);
    }
    return r;
}

static void print_names(json_t *rows)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        puts(json_string_value(json_object_get(row, "Name")));
    }
}

static int volume_ls_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct volume_ls_args *a = args;
    autojson json_t *rows = json_array();
    const struct listing listing = {
        .format = a->format,
        .table = "{{.Driver}} {{.Name}}",
        .columns = columns,
        .rows = rows,
        .no_heading = a->no_heading,
    };
    autovolume_filter struct volume_filter filter = {0};
    autostore struct store s = STORE_CLOSED;
    int r = rows ? store_open(&s, e) : err_memory(e);

    (void)argc, (void)argv;
    if (r == 0)
        r = volume_filter_parse(&s, &a->filters, &filter, e);
    if (r == 0)
        r = collect(&s, &filter, rows, e);
    if (r < 0)
        return r;
    if (!a->quiet)
        return listing_print(&listing, e);
    print_names(rows);
    return 0;
}

const struct command command_volume_ls OPT_TABLE = {
    .name = "volume ls",
    .aliases = "volume list",
    .operand = "",
    .summary = "List the volumes",
    .mixed = true,
    .opts = volume_ls_opts,
    .args_size = sizeof(struct volume_ls_args),
    .main = volume_ls_main,
};
