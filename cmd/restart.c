/* rctr restart: stop all that are named at once, then start them. */
#include <errno.h>
#include <stdlib.h>

#include "cmd/command.h"
#include "cmd/grace.h"
#include "cmd/select.h"
#include "core/base/auto.h"
#include "core/base/self.h"
#include "core/engine/lifecycle.h"
#include "core/engine/stop.h"
#include "core/runtime/limits.h"

struct restart_args {
    struct select_args select;
    const char *time, *signal;
    bool running;
};

static const struct opt restart_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct restart_args, select.all,
             "Restart all containers, and start those that do not run"),
    OPT_LIST(0, "cidfile", struct restart_args, select.cidfile, "FILE",
             "Read a container's id from FILE", .guess = GUESS_FILE),
    OPT_LIST('f', "filter", struct restart_args, select.filter, "KEY=VALUE",
             "Restart the containers that fit"),
    OPT_FLAG('l', "latest", struct restart_args, select.latest, "Restart the newest container"),
    OPT_FLAG(0, "running", struct restart_args, running, "Restart all that run"),
    OPT_TEXT('s', "signal", struct restart_args, signal, "SIGNAL",
             "Send this one and not the container's stop signal"),
    OPT_TEXT('t', "time", struct restart_args, time, "SECONDS",
             "Wait so long before killing it (default: its own, else 10)"),
    OPT_ALIAS(0, "timeout", "time"),
    OPT_DONE,
};

static int restart_main(const void *args, int argc, const char **argv, struct err *e)
{
    struct restart_args a = *(const struct restart_args *)args;
    const struct select_want want = {.args = &a.select,
                                     .words = argv,
                                     .count = argc,
                                     .takes = a.running ? stop_is_needed : NULL};
    autoselection struct selection l = {0};
    autofree struct lifecycle_restart *v = NULL;
    autostore struct store s = STORE_CLOSED;
    long long grace_s;
    int signo = 0, r = grace_parse(a.time, STOP_GRACE_OWN, &grace_s, e);

    if (a.running && argc)
        return err_set(e, EINVAL, "no arguments are needed with --running");
    a.select.all = a.select.all || (a.running && !a.select.filter.n);
    if (r == 0 && a.signal)
        r = limits_parse_signal(a.signal, &signo, e);
    if (r == 0)
        r = self_seal(e);
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = select_load(&s, &want, &l, e);
    if (r < 0)
        return r;
    v = calloc(l.n + 1, sizeof *v);
    if (!v)
        return err_memory(e);
    for (size_t i = 0; i < l.n; i++)
        v[i] = (struct lifecycle_restart){
            .record = &l.v[i].record, .grace_s = grace_s, .signo = signo};
    (void)lifecycle_restart_all(&s, v, l.n); /* each result is told */
    for (size_t i = 0; i < l.n; i++)
        select_tell(&l, &l.v[i], v[i].result, &v[i].why);
    return l.status;
}

const struct command command_restart OPT_TABLE = {
    .name = "restart",
    .aliases = "container restart",
    .operand = "[CONTAINER...]",
    .summary = "Stop containers and start them again",
    .mixed = true,
    .opts = restart_opts,
    .args_size = sizeof(struct restart_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = restart_main,
};
