/* rctr kill: a signal to the first process of containers. */
#include <signal.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "core/engine/stop.h"
#include "core/runtime/limits.h"

struct kill_args {
    struct select_args select;
    const char *signal;
};

static const struct opt kill_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct kill_args, select.all, "Signal all running containers"),
    OPT_LIST(0, "cidfile", struct kill_args, select.cidfile, "FILE",
             "Read a container's id from FILE", .guess = GUESS_FILE),
    OPT_FLAG('l', "latest", struct kill_args, select.latest, "Signal the newest container"),
    OPT_TEXT('s', "signal", struct kill_args, signal, "SIGNAL", "Send this signal",
             .preset = "KILL"),
    OPT_DONE,
};

static bool runs(const struct record *r)
{
    return r->state == RECORD_RUNNING || r->state == RECORD_PAUSED || r->state == RECORD_RESTARTING;
}

static int kill_one(struct store *s, struct record *r, const void *signo, struct err *e)
{
    int n = stop_kill(s, r, *(const int *)signo, e);

    return n == 0 && *(const int *)signo == SIGKILL ? stop_await_killed(r, e) : n;
}

static int kill_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct kill_args *a = args;
    const struct select_want want = {
        .args = &a->select, .words = argv, .count = argc, .takes = runs};
    int signo, r = limits_parse_signal(a->signal, &signo, e);

    return r < 0 ? r : select_each(&want, kill_one, &signo, e);
}

const struct command command_kill OPT_TABLE = {
    .name = "kill",
    .aliases = "container kill",
    .operand = "[CONTAINER...]",
    .summary = "Send a signal to containers",
    .mixed = true,
    .opts = kill_opts,
    .args_size = sizeof(struct kill_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = kill_main,
};
