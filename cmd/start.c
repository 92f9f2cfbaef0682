#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/command.h"
#include "core/base/auto.h"
#include "core/base/self.h"
#include "core/engine/container.h"
#include "core/monitor/attach.h"

struct start_args {
    bool attach, interactive, sig_proxy;
    const char *detach_keys;
};

static const struct opt start_opts[] = {
    OPT_FLAG('a', "attach", struct start_args, attach,
             "Relay its output and signals, and end with its exit status"),
    OPT_TEXT(0, "detach-keys", struct start_args, detach_keys, "KEYS",
             "Detach from a terminal with these keys", .preset = "ctrl-p,ctrl-q"),
    OPT_FLAG('i', "interactive", struct start_args, interactive, "Relay standard input, too"),
    OPT_FLAG(0, "sig-proxy", struct start_args, sig_proxy, "Pass signals on to the container",
             .preset = "true"),
    OPT_DONE,
};

static int follow(struct container *c, int client, const struct start_args *a, struct err *e)
{
    struct attach_options o = {.tty = c->record.tty,
                               .stdin_open = a->interactive && c->record.open_stdin,
                               .forward_signals = a->sig_proxy};
    bool detached = false;
    int r = attach_parse_keys(a->detach_keys, &o.keys, e);

    if (r < 0) {
        close(client);
        return r;
    }
    return attach_run(client, &o, &detached, e);
}

static int start_one(struct store *s, const char *name, const struct start_args *a, struct err *e)
{
    autorecord struct record r = {.dir_fd = -1};
    struct container c;
    struct winsize size;
    bool attach = a->attach || a->interactive;
    int client = -1, n = record_find(s, name, &r, e);

    if (n == 0)
        n = record_settle(s, &r, e);
    if (n == 0 && record_has_monitor(r.state) && !attach && r.state != RECORD_INITIALIZED) {
        puts(name); /* it runs, as was wished */
        return 0;
    }
    if (n == 0)
        n = container_load(s, &r, &c, e);
    if (n < 0)
        return n;
    if (attach && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
        c.def.spec.tty_rows = size.ws_row;
        c.def.spec.tty_cols = size.ws_col;
    }
    n = container_start(&c, &client, e);
    if (n == 0 && attach) {
        n = follow(&c, client, a, e);
    } else if (n == 0) {
        attach_leave(client);
        puts(name);
    }
    container_free(&c);
    return n;
}

static int start_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct start_args *a = args;
    autostore struct store s = STORE_CLOSED;
    int status = 0, r;

    if ((a->attach || a->interactive) && argc > 1)
        return err_set(e, EINVAL, "you cannot start and attach multiple containers at once");
    r = self_seal(e);
    if (r == 0)
        r = store_open(&s, e);
    for (int i = 0; i < argc && r >= 0; i++) {
        r = start_one(&s, argv[i], a, e);
        if (r < 0 && i + 1 < argc) { /* main prints the last one */
            fprintf(stderr, "Error: %s\n", e->text);
            status = e->status ? e->status : 125;
            r = 0;
        } else if (r > 0)
            status = r;
    }
    return r < 0 ? r : status;
}

const struct command command_start = {
    .name = "start",
    .aliases = "container start",
    .operand = "CONTAINER...",
    .summary = "Start containers that were made before",
    .opts = start_opts,
    .args_size = sizeof(struct start_args),
    .operands_min = 1,
    .operands_max = -1,
    .mixed = true,
    .guess = GUESS_CONTAINER,
    .main = start_main,
};
