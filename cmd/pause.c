/* rctr pause and unpause. */
#include "core/engine/pause.h"

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

static int pause_one(struct store *s, struct record *r, const void *arg, struct err *e)
{
    bool signals = false;
    int n = pause_container(s, r, &signals, e);

    (void)arg;
    if (n == 0 && signals)
        log_warn("container %s has no cgroup with a freezer: its processes were stopped by signals",
                 r->name);
    return n;
}

static int unpause_one(struct store *s, struct record *r, const void *arg, struct err *e)
{
    (void)arg;
    return pause_end(s, r, e);
}

static int pause_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct pause_args *a = args;
    const struct select_want want = {
        .args = &a->select, .words = argv, .count = argc, .takes = runs};

    return select_each(&want, pause_one, NULL, e);
}

static int unpause_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct pause_args *a = args;
    const struct select_want want = {
        .args = &a->select, .words = argv, .count = argc, .takes = is_paused};

    return select_each(&want, unpause_one, NULL, e);
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
