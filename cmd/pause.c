/* rctr pause and unpause. */
#include "core/engine/pause.h"

#include <stdio.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "core/base/log.h"

struct pause_args {
    struct select_args select;
};

static bool runs(const struct record *r)
{
    return r->state == RECORD_RUNNING;
}

static bool is_paused(const struct record *r)
{
    return r->state == RECORD_PAUSED;
}

static int pause_one(const struct store *s, struct record *r, struct err *e)
{
    bool signals = false;
    int n = pause_container(s, r, &signals, e);

    if (n == 0 && signals)
        log_warn("container %s has no cgroup with a freezer: its processes were stopped by signals",
                 r->name);
    return n;
}

static int do_each(const struct pause_args *a, int argc, const char **argv,
                   bool (*takes)(const struct record *),
                   int (*act)(const struct store *, struct record *, struct err *), struct err *e)
{
    const struct select_want want = {
        .args = &a->select, .words = argv, .count = argc, .takes = takes};
    autoselection struct selection l = {0};
    autostore struct store s = STORE_CLOSED;
    int r = store_open(&s, e);

    if (r == 0)
        r = select_load(&s, &want, &l, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < l.n; i++) {
        struct err why = {0};

        if (act(&s, &l.v[i].record, &why) < 0)
            select_fail(&l, &why);
        else
            puts(l.v[i].word);
    }
    return l.status;
}

static int pause_main(const void *args, int argc, const char **argv, struct err *e)
{
    return do_each(args, argc, argv, runs, pause_one, e);
}

static int unpause_main(const void *args, int argc, const char **argv, struct err *e)
{
    return do_each(args, argc, argv, is_paused, pause_end, e);
}

static const struct opt pause_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct pause_args, select.all, "Pause all running containers"),
    OPT_LIST(0, "cidfile", struct pause_args, select.cidfile, "FILE",
             "Read a container's id from FILE", .guess = GUESS_FILE),
    OPT_LIST('f', "filter", struct pause_args, select.filter, "KEY=VALUE",
             "Pause the running containers that fit"),
    OPT_FLAG('l', "latest", struct pause_args, select.latest, "Pause the newest container"),
    OPT_DONE,
};

static const struct opt unpause_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct pause_args, select.all, "Unpause all paused containers"),
    OPT_LIST(0, "cidfile", struct pause_args, select.cidfile, "FILE",
             "Read a container's id from FILE", .guess = GUESS_FILE),
    OPT_LIST('f', "filter", struct pause_args, select.filter, "KEY=VALUE",
             "Unpause the paused containers that fit"),
    OPT_FLAG('l', "latest", struct pause_args, select.latest, "Unpause the newest container"),
    OPT_DONE,
};

const struct command command_pause OPT_TABLE = {
    .name = "pause",
    .aliases = "container pause",
    .operand = "[CONTAINER...]",
    .summary = "Let all processes of containers stand still",
    .mixed = true,
    .opts = pause_opts,
    .args_size = sizeof(struct pause_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = pause_main,
};

const struct command command_unpause OPT_TABLE = {
    .name = "unpause",
    .aliases = "container unpause",
    .operand = "[CONTAINER...]",
    .summary = "Let the processes of paused containers go on",
    .mixed = true,
    .opts = unpause_opts,
    .args_size = sizeof(struct pause_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = unpause_main,
};
