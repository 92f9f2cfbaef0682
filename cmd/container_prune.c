/* rctr container prune: all that do not run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/command.h"
#include "cmd/confirm.h"
#include "cmd/human.h"
#include "cmd/select.h"
#include "core/base/auto.h"
#include "core/engine/remove.h"
#include "storage/event.h"

struct container_prune_args {
    struct select_args select;
    bool force;
};

static const struct opt container_prune_opts[] OPT_TABLE = {
    OPT_LIST(0, "filter", struct container_prune_args, select.filter, "KEY=VALUE",
             "Remove only those that fit: until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]"),
    OPT_FLAG('f', "force", struct container_prune_args, force, "Do not ask"),
    OPT_DONE,
};

static bool rests(const struct record *r)
{
    return r->state == RECORD_CREATED || r->state == RECORD_EXITED;
}

static int prune(const struct store *s, struct selection *l, struct err *e)
{
    const struct remove_options o = {0};
    autofree struct remove_item *items = calloc(l->n + 1, sizeof *items);
    long long bytes = 0;
    char size[HUMAN_MAX];

    if (!items)
        return err_memory(e);
    for (size_t i = 0; i < l->n; i++)
        items[i] = (struct remove_item){.record = &l->v[i].record, .count_bytes = true};
    (void)remove_all(s, &o, items, l->n); /* each result is told */
    for (size_t i = 0; i < l->n; i++) {
        if (items[i].result == -EBUSY)
            continue; /* it was started meanwhile */
        if (items[i].result < 0) {
            select_fail(l, &items[i].why);
            continue;
        }
        puts(l->v[i].word);
        bytes += items[i].bytes;
    }
    snprintf(size, sizeof size, "%lld", bytes);
    event_add(
        s, &(struct event){.type = "container", .action = "prune", .more = {{"reclaimed", size}}});
    printf("Total reclaimed space: %s\n", human_size(bytes, size));
    return 0;
}

static int container_prune_main(const void *args, int argc, const char **argv, struct err *e)
{
    struct container_prune_args a = *(const struct container_prune_args *)args;
    const struct select_want want = {.args = &a.select, .takes = rests};
    autoselection struct selection l = {0};
    autostore struct store s = STORE_CLOSED;
    int r;

    (void)argc, (void)argv;
    a.select.all = true;
    r = store_open(&s, e);
    if (r == 0)
        r = select_load(&s, &want, &l, e); /* a wrong filter is told before anything is asked */
    if (r == 0)
        r = a.force ? 1 : confirm_ask("This will remove all non running containers.", e);
    if (r == 1)
        r = prune(&s, &l, e);
    return r < 0 ? r : l.status;
}

const struct command command_container_prune OPT_TABLE = {
    .name = "container prune",
    .operand = "",
    .summary = "Remove all containers that do not run",
    .opts = container_prune_opts,
    .args_size = sizeof(struct container_prune_args),
    .main = container_prune_main,
};
