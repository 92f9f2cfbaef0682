#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/command.h"
#include "core/base/idmap.h"
#include "core/base/userns.h"

extern char **environ;

/* Runs in the child, as root of the namespace; comes back only on failure. */
static int run_inside(void *arg, struct err *e)
{
    const char *const *argv = arg;
    int r;

    (void)signal(SIGXFSZ, SIG_DFL); /* ignored for rctr itself */
    execvp(argv[0], (char *const *)(size_t)argv);
    r = err_sys(e, "cannot run %s", argv[0]);
    if (e)
        e->status = r == -ENOENT ? 127 : 126;
    return r;
}

static int unshare_main(const void *args, int argc, const char **argv, struct err *e)
{
    const char *shell = getenv("SHELL");
    const char *own[] = {shell && *shell ? shell : "/bin/sh", NULL};
    struct idmap map;
    int r = idmap_load(&map, e);

    (void)args;
    if (r < 0)
        return r;
    return userns_exec(&map, run_inside, argc ? (void *)argv : (void *)own, e);
}

const struct command command_unshare OPT_TABLE = {
    .name = "unshare",
    .operand = "[COMMAND [ARG...]]",
    .summary = "Run a program of the host as root of your user namespace",
    .operands_min = 0,
    .operands_max = -1,
    .guess = GUESS_FILE,
    .main = unshare_main,
};
