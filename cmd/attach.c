/* rctr attach: another client for a running container. */
#include "core/monitor/attach.h"

#include <unistd.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "core/base/auto.h"
#include "core/engine/container.h"
#include "storage/event.h"

struct attach_args {
    bool latest, no_stdin, sig_proxy;
    const char *detach_keys;
};

static const struct opt attach_opts[] OPT_TABLE = {
    OPT_TEXT(0, "detach-keys", struct attach_args, detach_keys, "KEYS",
             "Detach from a terminal with these keys", .preset = "ctrl-p,ctrl-q"),
    OPT_FLAG('l', "latest", struct attach_args, latest,
             "Take the newest container; no name is given then"),
    OPT_FLAG(0, "no-stdin", struct attach_args, no_stdin, "Do not relay standard input"),
    OPT_FLAG(0, "sig-proxy", struct attach_args, sig_proxy, "Pass signals on to the container",
             .preset = "true"),
    OPT_DONE,
};

static int attach_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct attach_args *a = args;
    struct attach_options o = {.forward_signals = a->sig_proxy};
    autorecord struct record rec = {.dir_fd = -1};
    autostore struct store s = STORE_CLOSED;
    const char *word = NULL;
    bool detached = false;
    int client = -1, skip = 0, r = attach_parse_keys(a->detach_keys, &o.keys, e);

    if (r == 0)
        r = select_word(a->latest, argc, argv, &word, &skip, e);
    if (r == 0 && argc > skip)
        r = err_set(e, EINVAL, "attach requires a name, id, or the \"--latest\" flag, and no more");
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = select_one(&s, word, &rec, e);
    if (r == 0)
        r = container_attach(&s, &rec, &client, e);
    if (r < 0)
        return r;
    event_container(&s, &rec, "attach", NULL, NULL);
    o.tty = rec.tty;
    o.stdin_open = rec.open_stdin && !a->no_stdin;
    return attach_run(client, &o, &detached, e);
}

const struct command command_attach OPT_TABLE = {
    .name = "attach",
    .aliases = "container attach",
    .operand = "[CONTAINER]",
    .summary = "Connect to the streams of a running container",
    .mixed = true,
    .opts = attach_opts,
    .args_size = sizeof(struct attach_args),
    .operands_max = 1,
    .guess = GUESS_CONTAINER,
    .main = attach_main,
};
