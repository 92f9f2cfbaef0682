/* rctr system prune: containers that do not run, images and volumes that nobody uses. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/command.h"
#include "cmd/confirm.h"
#include "cmd/human.h"
#include "cmd/select.h"
#include "core/base/auto.h"
#include "core/engine/prune.h"
#include "core/engine/prune_build.h"
#include "core/engine/remove.h"
#include "core/engine/volumes.h"
#include "storage/event.h"

struct system_prune_args {
    bool all, force, volumes;
    struct select_args select; /* its filter */
};

static const struct opt system_prune_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct system_prune_args, all,
             "Remove images with names too; with --volumes, named volumes too"),
    OPT_LIST(0, "filter", struct system_prune_args, select.filter, "KEY=VALUE",
             "Remove only what fits: until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]"),
    OPT_FLAG('f', "force", struct system_prune_args, force, "Do not ask"),
    OPT_FLAG(0, "volumes", struct system_prune_args, volumes,
             "Remove volumes that no container uses"),
    OPT_DONE,
};

static bool rests(const struct record *r)
{
    return r->state == RECORD_CREATED || r->state == RECORD_EXITED;
}

static int ask(const struct system_prune_args *a, struct err *e)
{
    autofree char *what = text_format(
        "This command removes:\n\t- all stopped containers\n%s\t- all %s\n",
        a->volumes ? (a->all ? "\t- all volumes not used by at least one container\n"
                             : "\t- all anonymous volumes not used by at least one container\n")
                   : "",
        a->all ? "images without at least one container associated with them\n\t- all build cache"
               : "dangling images\n\t- unused build cache");

    return what ? confirm_ask(what, e) : err_memory(e);
}

static void print_ids(const char *title, const struct strv *ids)
{
    if (ids->n)
        puts(title);
    for (size_t i = 0; i < ids->n; i++)
        puts(ids->v[i]);
}

static int prune_containers(const struct store *s, struct selection *l, struct strv *ret_ids,
                            long long *bytes, struct err *e)
{
    const struct remove_options o = {0};
    autofree struct remove_item *items = calloc(l->n + 1, sizeof *items);
    int r = 0;

    if (!items)
        return err_memory(e);
    for (size_t i = 0; i < l->n; i++)
        items[i] = (struct remove_item){.record = &l->v[i].record, .count_bytes = true};
    (void)remove_all(s, &o, items, l->n); /* each result is told */
    for (size_t i = 0; i < l->n && r == 0; i++) {
        if (items[i].result == -EBUSY)
            continue; /* it was started meanwhile */
        if (items[i].result < 0) {
            select_fail(l, &items[i].why);
            continue;
        }
        *bytes += items[i].bytes;
        r = strv_add(ret_ids, l->v[i].word, e);
    }
    return r;
}

static int prune_volumes(const struct store *s, const struct system_prune_args *a,
                         struct strv *ret_names, struct err *e)
{
    autovolume_filter struct volume_filter filter = {0};
    size_t kept;
    int r = volume_filter_parse(s, &a->select.filter, &filter, e);

    return r < 0 ? r : volumes_prune(s, &filter, a->all, ret_names, &kept, e);
}

/* Steps have no labels: with a filter by label all of them stay. */
static int prune_builds(struct store *s, const struct system_prune_args *a, long long *bytes,
                        struct err *e)
{
    const struct prune_build o = {.all = a->all, .filter = &a->select.filter};
    autostrv struct strv steps = {0};
    int r = prune_build_check(o.filter, NULL);

    if (r == 0)
        r = prune_build_run(s, &o, &steps, bytes, e);
    else if (r == -EINVAL)
        r = 0;
    print_ids("Deleted Build Cache", &steps);
    return r;
}

static int prune(struct store *s, const struct system_prune_args *a, struct selection *l,
                 struct err *e)
{
    const struct prune_images images = {.all = a->all, .filter = &a->select.filter};
    autostrv struct strv containers = {0}, volumes = {0}, ids = {0};
    char size[HUMAN_MAX];
    long long bytes = 0;
    int r = prune_containers(s, l, &containers, &bytes, e);

    print_ids("Deleted Containers", &containers);
    if (r == 0 && a->volumes)
        r = prune_volumes(s, a, &volumes, e);
    print_ids("Deleted Volumes", &volumes);
    if (r == 0)
        r = prune_images_run(s, &images, &ids, &bytes, e);
    print_ids("Deleted Images", &ids);
    if (r == 0)
        r = prune_builds(s, a, &bytes, e);
    if (r < 0)
        return r;
    snprintf(size, sizeof size, "%lld", bytes);
    event_add(s,
              &(struct event){.type = "system", .action = "prune", .more = {{"reclaimed", size}}});
    printf("Total reclaimed space: %s\n", human_size(bytes, size));
    return 0;
}

static int system_prune_main(const void *args, int argc, const char **argv, struct err *e)
{
    struct system_prune_args a = *(const struct system_prune_args *)args;
    const struct select_want want = {.args = &a.select, .takes = rests};
    autoselection struct selection l = {0};
    autostore struct store s = STORE_CLOSED;
    int r = prune_check_filter(&a.select.filter, e);

    (void)argc, (void)argv;
    a.select.all = true;
    if (r == 0 && !a.force) {
        r = ask(&a, e);
        if (r <= 0)
            return r;
    }
    if (r >= 0)
        r = store_open(&s, e);
    if (r == 0)
        r = record_sweep(&s, e); /* what a crash left must not keep an image */
    if (r == 0)
        r = select_load(&s, &want, &l, e);
    if (r == 0)
        r = prune(&s, &a, &l, e);
    return r < 0 ? r : l.status;
}

const struct command command_system_prune OPT_TABLE = {
    .name = "system prune",
    .operand = "",
    .summary = "Remove stopped containers, and images that nobody uses",
    .opts = system_prune_opts,
    .args_size = sizeof(struct system_prune_args),
    .main = system_prune_main,
};
