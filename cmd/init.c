/* rctr init: set containers up, and hold their programs back. */
#include <errno.h>
#include <stdio.h>

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

static int init_one(struct store *s, struct record *r, struct err *e)
{
    struct container c;
    int n;

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
    autoselection struct selection l = {0};
    autostore struct store s = STORE_CLOSED;
    int r = self_seal(e);

    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = select_load(&s, &want, &l, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < l.n; i++) {
        struct err why = {0};

        if (init_one(&s, &l.v[i].record, &why) < 0)
            select_fail(&l, &why);
        else
            puts(l.v[i].word);
    }
    return l.status;
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
