/* rctr system df: what takes the disk. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/command.h"
#include "cmd/human.h"
#include "cmd/listing.h"
#include "core/base/auto.h"
#include "core/engine/df.h"

struct system_df_args {
    bool verbose;
    const char *format;
};

static const struct opt system_df_opts[] OPT_TABLE = {
    OPT_TEXT(0, "format", struct system_df_args, format, "TEMPLATE",
             "Print table, json or a template such as {{.Type}} {{.Reclaimable}}"),
    OPT_FLAG('v', "verbose", struct system_df_args, verbose,
             "Show each image, container and volume"),
    OPT_DONE,
};

enum { SHORT = 12, COMMAND_MAX = 30, NS = 1000000000 };

static const struct listing_column sum_columns[] = {
    {"Type", "TYPE"},
    {"Total", "TOTAL"},
    {"TotalCount", "TOTAL"},
    {"Active", "ACTIVE"},
    {"Size", "SIZE"},
    {"Reclaimable", "RECLAIMABLE"},
    {"RawSize", "RAW SIZE"},
    {"RawReclaimable", "RAW RECLAIMABLE"},
    {NULL, NULL},
};

static const struct listing_column image_columns[] = {
    {"Repository", "REPOSITORY"},
    {"Tag", "TAG"},
    {"ID", "IMAGE ID"},
    {"Created", "CREATED"},
    {"Size", "SIZE"},
    {"SharedSize", "SHARED SIZE"},
    {"UniqueSize", "UNIQUE SIZE"},
    {"Containers", "CONTAINERS"},
    {NULL, NULL},
};

static const struct listing_column container_columns[] = {
    {"ID", "CONTAINER ID"},       {"Image", "IMAGE"}, {"Command", "COMMAND"},
    {"Volumes", "LOCAL VOLUMES"}, {"Size", "SIZE"},   {"Created", "CREATED"},
    {"Status", "STATUS"},         {"Names", "NAMES"}, {NULL, NULL},
};

static const struct listing_column volume_columns[] = {
    {"Name", "VOLUME NAME"},
    {"Links", "LINKS"},
    {"Size", "SIZE"},
    {NULL, NULL},
};

/* ---- sums ---- */

static json_t *sum_row(const char *type, const struct df_sum *s)
{
    char size[HUMAN_MAX], part[HUMAN_MAX], text[HUMAN_MAX + 16];
    long long percent = s->size ? (s->reclaimable * 100 + s->size / 2) / s->size : 0;

    snprintf(text, sizeof text, "%s (%lld%%)", human_size(s->reclaimable, part), percent);
    return json_pack("{s:s, s:I, s:I, s:I, s:s, s:s, s:I, s:I}", "Type", type, "Total",
                     (json_int_t)s->total, "TotalCount", (json_int_t)s->total, "Active",
                     (json_int_t)s->active, "Size", human_size(s->size, size), "Reclaimable", text,
                     "RawSize", (json_int_t)s->size, "RawReclaimable", (json_int_t)s->reclaimable);
}

static int print_sums(const struct df *d, const char *format, struct err *e)
{
    autojson json_t *rows = json_array();
    const struct listing l = {
        .format = format,
        .table = "{{.Type}} {{.Total}} {{.Active}} {{.Size}} {{.Reclaimable}}",
        .columns = sum_columns,
        .rows = rows,
    };

    if (json_array_append_new(rows, sum_row("Images", &d->of_images)) < 0 ||
        json_array_append_new(rows, sum_row("Containers", &d->of_containers)) < 0 ||
        json_array_append_new(rows, sum_row("Local Volumes", &d->of_volumes)) < 0 ||
        json_array_append_new(rows, sum_row("Build Cache", &d->of_builds)) < 0 ||
        json_array_append_new(rows, sum_row("Blobs", &d->of_blobs)) < 0 ||
        json_array_append_new(rows, sum_row("Other", &d->of_rest)) < 0)
        return err_memory(e);
    return listing_print(&l, e);
}

/* ---- each one ---- */

static int add_images(const struct df *d, json_t *rows, struct err *e)
{
    for (size_t i = 0; i < d->list.n; i++) {
        const struct image_entry *entry = &d->list.v[i];
        const struct df_image *v = &d->images[i];
        char size[HUMAN_MAX], shared[HUMAN_MAX], unique[HUMAN_MAX], since[HUMAN_MAX], id[SHORT + 1];
        const char *name = entry->names.n ? entry->names.v[0] : "<none>:<none>";
        const char *tag = strrchr(name, ':');

        snprintf(id, sizeof id, "%.12s", entry->id.hex);
        if (!tag || strchr(tag, '/'))
            tag = ":";
        if (json_array_append_new(
                rows,
                json_pack("{s:s%, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "Repository", name,
                          *tag == ':' && tag[1] ? (size_t)(tag - name) : strlen(name), "Tag",
                          tag + 1, "ID", id, "Created",
                          human_since(entry->created, (long long)time(NULL), since), "Size",
                          human_size(v->size, size), "SharedSize", human_size(v->shared, shared),
                          "UniqueSize", human_size(v->unique, unique), "Containers",
                          (json_int_t)v->containers)) < 0)
            return err_memory(e);
    }
    return 0;
}

static int add_containers(const struct df *d, json_t *rows, struct err *e)
{
    for (size_t i = 0; i < d->container_count; i++) {
        const struct record *r = &d->containers[i].record;
        char size[HUMAN_MAX], since[HUMAN_MAX], id[SHORT + 1], image[SHORT + 1];
        autotext struct text command = {0};

        for (size_t n = 0; n < r->command.n && command.n < COMMAND_MAX; n++)
            text_addf(&command, "%s%s", n ? " " : "", r->command.v[n]);
        if (text_check(&command, e) < 0)
            return -ENOMEM;
        if (command.n > COMMAND_MAX)
            memcpy(command.s + COMMAND_MAX - 3, "...", 4);
        snprintf(id, sizeof id, "%.12s", r->id);
        snprintf(image, sizeof image, "%.12s", r->image_id.hex);
        if (json_array_append_new(
                rows, json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s}", "ID", id, "Image",
                                image, "Command", command.s, "Volumes", (json_int_t)r->volumes.n,
                                "Size", human_size(d->containers[i].size, size), "Created",
                                human_since(r->created_ns / NS, (long long)time(NULL), since),
                                "Status", record_state_name(r->state), "Names", r->name)) < 0)
            return err_memory(e);
    }
    return 0;
}

static int add_volumes(const struct df *d, json_t *rows, struct err *e)
{
    for (size_t i = 0; i < d->volume_count; i++) {
        char size[HUMAN_MAX];

        if (json_array_append_new(rows, json_pack("{s:s, s:I, s:s}", "Name", d->volumes[i].name,
                                                  "Links", (json_int_t)d->volumes[i].links, "Size",
                                                  human_size(d->volumes[i].size, size))) < 0)
            return err_memory(e);
    }
    return 0;
}

static int print_all(const struct df *d, struct err *e)
{
    static const struct {
        const char *title, *table;
        const struct listing_column *columns;
        int (*add)(const struct df *d, json_t *rows, struct err *e);
    } parts[] = {
        {"Images space usage:\n",
         "{{.Repository}} {{.Tag}} {{.ID}} {{.Created}} {{.Size}} {{.SharedSize}} {{.UniqueSize}} "
         "{{.Containers}}",
         image_columns, add_images},
        {"\nContainers space usage:\n",
         "{{.ID}} {{.Image}} {{.Command}} {{.Volumes}} {{.Size}} {{.Created}} {{.Status}} "
         "{{.Names}}",
         container_columns, add_containers},
        {"\nLocal Volumes space usage:\n", "{{.Name}} {{.Links}} {{.Size}}", volume_columns,
         add_volumes},
    };

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        autojson json_t *rows = json_array();
        const struct listing l = {
            .table = parts[i].table, .columns = parts[i].columns, .rows = rows};
        int r = parts[i].add(d, rows, e);

        puts(parts[i].title);
        if (r == 0)
            r = listing_print(&l, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int system_df_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct system_df_args *a = args;
    autostore struct store s = STORE_CLOSED;
    autodf struct df d = {0};
    int r;

    (void)argc, (void)argv;
    if (a->verbose && a->format)
        return err_set(e, EINVAL, "cannot combine --format and --verbose flags");
    r = store_open(&s, e);
    if (r == 0)
        r = df_load(&s, &d, e);
    if (r < 0)
        return r;
    return a->verbose ? print_all(&d, e) : print_sums(&d, a->format, e);
}

const struct command command_system_df OPT_TABLE = {
    .name = "system df",
    .operand = "",
    .summary = "Show what images, containers and volumes take of the disk",
    .opts = system_df_opts,
    .args_size = sizeof(struct system_df_args),
    .main = system_df_main,
};
