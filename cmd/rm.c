/* rctr rm: all that are named at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/command.h"
#include "cmd/grace.h"
#include "cmd/select.h"
#include "core/base/auto.h"
#include "core/engine/remove.h"
#include "core/engine/stop.h"

enum { STATUS_MISSING = 1 }; /* as podman rm */

struct rm_args {
    struct select_args select;
    const char *time;
    bool force, volumes;
};

static const struct opt rm_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct rm_args, select.all, "Remove all containers"),
    OPT_LIST(0, "cidfile", struct rm_args, select.cidfile, "FILE",
             "Read a container's id from FILE", .guess = GUESS_FILE),
    OPT_LIST(0, "filter", struct rm_args, select.filter, "KEY=VALUE",
             "Remove the containers that fit"),
    OPT_FLAG('f', "force", struct rm_args, force,
             "End running ones first, remove damaged ones too, and do not fail on a missing one"),
    OPT_FLAG('i', "ignore", struct rm_args, select.ignore,
             "Do not fail when a container is missing"),
    OPT_FLAG('l', "latest", struct rm_args, select.latest, "Remove the newest container"),
    OPT_TEXT('t', "time", struct rm_args, time, "SECONDS",
             "With --force, send the stop signal and wait so long before killing"),
    OPT_FLAG('v', "volumes", struct rm_args, volumes, "Remove their anonymous volumes too"),
    OPT_DONE,
};

static int remove_these(const struct store *s, const struct rm_args *a, struct selection *l,
                        struct err *e)
{
    autofree struct remove_item *items = calloc(l->n + 1, sizeof *items);
    struct remove_options o = {.force = a->force, .volumes = a->volumes};
    int r = grace_parse(a->time, STOP_NOW, &o.grace_s, e);

    if (r < 0)
        return r;
    if (!items)
        return err_memory(e);
    for (size_t i = 0; i < l->n; i++)
        items[i].record = &l->v[i].record;
    (void)remove_all(s, &o, items, l->n); /* each result is told */
    for (size_t i = 0; i < l->n; i++)
        select_tell(l, &l->v[i], items[i].result, &items[i].why);
    return 0;
}

static void remove_broken(const struct store *s, struct selection *l)
{
    for (size_t i = 0; i < l->damaged.n; i++) {
        struct err why = {0};

        if (remove_damaged(s, l->damaged.v[i], &why) < 0)
            select_fail(l, &why);
        else
            puts(l->damaged.v[i]);
    }
}

static int rm_main(const void *args, int argc, const char **argv, struct err *e)
{
    struct rm_args a = *(const struct rm_args *)args;
    const struct select_want want = {.args = &a.select,
                                     .words = argv,
                                     .count = argc,
                                     .missing_status = STATUS_MISSING,
                                     .damaged_too = a.force};
    autoselection struct selection l = {0};
    autostore struct store s = STORE_CLOSED;
    int r = 0;

    if (a.time && !a.force)
        return err_set(e, EINVAL, "--force option must be specified to use the --time option");
    a.select.ignore = a.select.ignore || a.force;
    r = store_open(&s, e);
    if (r == 0)
        r = select_load(&s, &want, &l, e);
    if (r == 0)
        r = remove_these(&s, &a, &l, e);
    if (r < 0)
        return r;
    remove_broken(&s, &l);
    (void)store_clear_tmp(&s, NULL, NULL); /* files of removals that were killed */
    return l.status;
}

const struct command command_rm OPT_TABLE = {
    .name = "rm",
    .aliases = "container rm|container remove",
    .operand = "[CONTAINER...]",
    .summary = "Remove containers",
    .mixed = true,
    .opts = rm_opts,
    .args_size = sizeof(struct rm_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = rm_main,
};
