#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "core/base/auto.h"
#include "core/base/self.h"
#include "core/engine/container.h"
#include "core/engine/lifecycle.h"
#include "core/monitor/attach.h"
#include "core/monitor/logfile.h"

struct start_args {
    struct select_args select;
    bool attach, interactive, sig_proxy, restart;
    const char *detach_keys;
};

static const struct opt start_opts[] OPT_TABLE = {
    OPT_FLAG(0, "all", struct start_args, select.all, "Start all containers that do not run"),
    OPT_FLAG('a', "attach", struct start_args, attach,
             "Relay its output and signals, and end with its exit status"),
    OPT_TEXT(0, "detach-keys", struct start_args, detach_keys, "KEYS",
             "Detach from a terminal with these keys", .preset = "ctrl-p,ctrl-q"),
    OPT_LIST('f', "filter", struct start_args, select.filter, "KEY=VALUE",
             "Start the containers that fit"),
    OPT_FLAG('i', "interactive", struct start_args, interactive, "Relay standard input, too"),
    OPT_FLAG('l', "latest", struct start_args, select.latest, "Start the newest container"),
    OPT_FLAG(0, "restart", struct start_args, restart,
             "With --all: only those that their restart policies want to run, as after a reboot"),
    OPT_FLAG(0, "sig-proxy", struct start_args, sig_proxy, "Pass signals on to the container",
             .preset = "true"),
    OPT_DONE,
};

static int follow(const struct record *rec, int client, const struct start_args *a, struct err *e)
{
    struct attach_options o = {.tty = rec->tty,
                               .stdin_open = a->interactive && rec->open_stdin &&
                                             !logfile_passes_through(rec->log_driver),
                               .forward_signals = a->sig_proxy};
    bool detached = false;
    int r = attach_parse_keys(a->detach_keys, &o.keys, e);

    if (r < 0) {
        close(client);
        return r;
    }
    return attach_run(client, &o, &detached, e);
}

/* It runs. */
static int go_on(const char *word, const struct record *r, int client, bool attach,
                 const struct start_args *a, struct err *e)
{
    if (attach)
        return follow(r, client, a, e);
    attach_leave(client);
    puts(word);
    return 0;
}

static int start_one(struct store *s, struct selected *one, const struct start_args *a,
                     struct err *e)
{
    struct record *r = &one->record;
    struct container c;
    struct winsize size;
    bool attach = a->attach || a->interactive;
    int client = -1, n;

    if (a->interactive && r->tty && r->open_stdin && !isatty(STDIN_FILENO))
        return err_set(e, ENOTTY,
                       "the input device is not a TTY: leave out --interactive (-i), or run it in "
                       "a terminal");
    if (record_has_monitor(r->state) && !attach && r->state != RECORD_INITIALIZED) {
        puts(one->word); /* it runs, as was wished */
        return 0;
    }
    if (record_has_monitor(r->state)) {
        n = r->state == RECORD_INITIALIZED ? container_release(s, r, attach, &client, e)
                                           : container_attach(s, r, &client, e);
        return n < 0 ? n : go_on(one->word, r, client, attach, a, e);
    }
    n = container_load(s, r, &c, e);
    if (n < 0)
        return n;
    if (attach && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
        c.def.spec.tty_rows = size.ws_row;
        c.def.spec.tty_cols = size.ws_col;
    }
    n = container_start(&c, &client, e);
    if (n == 0)
        n = go_on(one->word, &c.record, client, attach, a, e);
    container_free(&c);
    return n;
}

/* What --all means. */
static bool rests(const struct record *r)
{
    return r->state == RECORD_CREATED || r->state == RECORD_EXITED;
}

static int check(const struct start_args *a, int argc, struct err *e)
{
    if (a->restart && !a->select.all)
        return err_set(e, EINVAL, "--restart is used together with --all");
    if (a->select.all && argc)
        return err_set(e, EINVAL,
                       "either start all containers or the container(s) provided in the arguments");
    if ((a->attach || a->interactive) && (argc > 1 || a->select.all || a->select.filter.n))
        return err_set(e, EINVAL, "you cannot start and attach multiple containers at once");
    return 0;
}

static int start_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct start_args *a = args;
    const struct select_want want = {.args = &a->select,
                                     .words = argv,
                                     .count = argc,
                                     .takes = a->restart ? lifecycle_is_wanted : rests,
                                     .none = "start requires at least one argument"};
    autoselection struct selection l = {0};
    autostore struct store s = STORE_CLOSED;
    int r = check(a, argc, e);

    if (r == 0)
        r = self_seal(e);
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = select_load(&s, &want, &l, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < l.n; i++) {
        struct err why = {0};

        r = start_one(&s, &l.v[i], a, &why);
        if (r < 0)
            select_fail(&l, &why);
        else if (r > 0)
            l.status = r;
    }
    return l.status;
}

const struct command command_start OPT_TABLE = {
    .name = "start",
    .aliases = "container start",
    .operand = "[CONTAINER...]",
    .summary = "Start containers that were made before",
    .opts = start_opts,
    .args_size = sizeof(struct start_args),
    .operands_max = -1,
    .mixed = true,
    .guess = GUESS_CONTAINER,
    .main = start_main,
};
