/* rctr update: limits and restart policy of containers that are there. */
#include "core/engine/update.h"

#include <errno.h>

#include "cmd/command.h"
#include "cmd/create_args.h"
#include "cmd/select.h"

struct update_args {
    struct update_request q;
    struct select_args select;
};

/* clang-format off */
static const struct opt update_opts[] OPT_TABLE = {
    LIMIT_BLKIO(struct update_args, q.limits)
    OPT_LIST(0, "cgroup-conf", struct update_args, q.limits.conf, "FILE=VALUE",
             "Write a file of the container's cgroup (v2)"),
    LIMIT_CPU(struct update_args, q.limits)
    OPT_FLAG('l', "latest", struct update_args, select.latest, "Update the newest container"),
    LIMIT_MEMORY(struct update_args, q.limits)
    LIMIT_PIDS(struct update_args, q.limits)
    OPT_TEXT(0, "restart", struct update_args, q.restart, "POLICY",
             "Start again: no, on-failure[:TRIES], always, unless-stopped"),
    OPT_DONE,
};
/* clang-format on */

/* An update without a word is a mistake of the caller's. */
static bool says_nothing(const struct update_args *a)
{
    for (const struct opt *o = update_opts; o->kind != OPT_END; o++) {
        if (o->kind == OPT_TEXT && *(const char *const *)((const char *)a + o->at))
            return false;
        if (o->kind == OPT_LIST && ((const struct opt_list *)((const char *)a + o->at))->n)
            return false;
    }
    return true;
}

static int update_one(struct store *s, struct record *r, const void *request, struct err *e)
{
    return update_container(s, r, request, e);
}

static int update_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct update_args *a = args;
    const struct select_want want = {.args = &a->select, .words = argv, .count = argc};

    if (says_nothing(a))
        return err_set(e, EINVAL,
                       "nothing to update: give a limit (such as --memory) or "
                       "--restart");
    return select_each(&want, update_one, &a->q, e);
}

const struct command command_update OPT_TABLE = {
    .name = "update",
    .aliases = "container update",
    .operand = "[CONTAINER...]",
    .summary = "Change limits and restart policy of containers",
    .mixed = true,
    .opts = update_opts,
    .args_size = sizeof(struct update_args),
    .operands_max = -1,
    .guess = GUESS_CONTAINER,
    .main = update_main,
};
