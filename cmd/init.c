/* rctr init: set containers up, and hold their programs back. */
#include <errno.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "core/base/self.h"
#include "core/engine/container.h"

struct init_args {
    struct select_args select;
};

static const struct opt init_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct init_args, select.all, "Set up all containers that do not run"),
    OPT_FLAG('l', "latest", struct init_args, select.latest, "Set up the newest container"),
    OPT_DONE,
};

static bool rests(const struct record *r)
{
    return r->state == RECORD_CREATED || r->state == RECORD_EXITED;
}

static int init_one(struct store *s, struct record *r, const void *arg, struct err *e)
{
    struct container c;
    int n;

    (void)arg;
    if (!rests(r))
        return err_set(e, EALREADY,
                       "container %s is %s already: only one that does not run can be "
                       "set up",
                       r->name, record_state_name(r->state));
    n = container_load(s, r, &c, e);
    if (n < 0)
        return n;
    n = container_hold(&c, e);
    container_free(&c);
    return n;
}

static int init_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct init_args *a = args;
    const struct select_want want = {
        .args = &a->select, .words = argv, .count = argc, .takes = rests};
    int r = self_seal(e);

    return r < 0 ? r : select_each(&want, init_one, NULL, e);
}

const struct command command_init OPT_TABLE = {
    .name = "init",
    .aliases = "container init",
    .operand = "[CONTAINER...]",
    .summary = "Set containers up without starting their programs",
    .mixed = true,
    .opts = init_opts,
    .args_size = sizeof(struct init_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = init_main,
};
