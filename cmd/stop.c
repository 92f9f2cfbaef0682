/* rctr stop: all that are named at once. */
#include "core/engine/stop.h"

#include <signal.h>
#include <stdlib.h>

#include "cmd/command.h"
#include "cmd/grace.h"
#include "cmd/select.h"
#include "core/base/auto.h"
#include "core/base/log.h"
#include "core/runtime/limits.h"

struct stop_args {
    struct select_args select;
    const char *time, *signal;
    bool restart;
};

static const struct opt stop_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct stop_args, select.all, "Stop all running containers"),
    OPT_LIST(0, "cidfile", struct stop_args, select.cidfile, "FILE",
             "Read a container's id from FILE", .guess = GUESS_FILE),
    OPT_LIST('f', "filter", struct stop_args, select.filter, "KEY=VALUE",
             "Stop the running containers that fit"),
    OPT_FLAG('i', "ignore", struct stop_args, select.ignore,
             "Do not fail when a container is missing"),
    OPT_FLAG('l', "latest", struct stop_args, select.latest, "Stop the newest container"),
    OPT_FLAG(0, "restart", struct stop_args, restart,
             "Stop as the end of the host does: `start --all --restart` starts them again"),
    OPT_TEXT('s', "signal", struct stop_args, signal, "SIGNAL",
             "Send this one and not the container's stop signal"),
    OPT_TEXT('t', "time", struct stop_args, time, "SECONDS",
             "Wait so long before killing it (default: its own, else 10)"),
    OPT_ALIAS(0, "timeout", "time"),
    OPT_DONE,
};

static void report(struct selection *l, const struct stop_item *items)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct stop_item *item = &items[i];
        const struct record *r = &l->v[i].record;

        if (item->forced && item->grace_s != STOP_NOW)
            log_warn("signal SIG%s did not stop container %s in time: it was killed",
                     limits_signal_name(item->signo ? item->signo : stop_signal(r)), r->name);
        select_tell(l, &l->v[i], item->result, &item->why);
    }
}

static int stop_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct stop_args *a = args;
    const struct select_want want = {
        .args = &a->select, .words = argv, .count = argc, .takes = stop_is_needed};
    autoselection struct selection l = {0};
    autofree struct stop_item *items = NULL;
    autostore struct store s = STORE_CLOSED;
    long long grace_s;
    int signo = 0, r = grace_parse(a->time, STOP_GRACE_OWN, &grace_s, e);

    if (r == 0 && a->signal)
        r = limits_parse_signal(a->signal, &signo, e);
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = select_load(&s, &want, &l, e);
    if (r < 0)
        return r;
    items = calloc(l.n + 1, sizeof *items);
    if (!items)
        return err_memory(e);
    for (size_t i = 0; i < l.n; i++)
        items[i] = (struct stop_item){.record = &l.v[i].record,
                                      .grace_s = grace_s,
                                      .signo = signo,
                                      .host_goes_down = a->restart};
    (void)stop_all(&s, items, l.n); /* each result is told */
    report(&l, items);
    return l.status;
}

const struct command command_stop OPT_TABLE = {
    .name = "stop",
    .aliases = "container stop",
    .operand = "[CONTAINER...]",
    .summary = "Stop containers",
    .mixed = true,
    .opts = stop_opts,
    .args_size = sizeof(struct stop_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = stop_main,
};
