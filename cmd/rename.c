/* rctr rename: another name for a container. */
#include "core/engine/rename.h"

#include "cmd/command.h"
#include "cmd/select.h"

static int rename_main(const void *args, int argc, const char **argv, struct err *e)
{
    autorecord struct record rec = {.dir_fd = -1};
    autostore struct store s = STORE_CLOSED;
    int r = store_open(&s, e);

    (void)args, (void)argc;
    if (r == 0)
        r = select_one(&s, argv[0], &rec, e);
    if (r == 0)
        r = rename_container(&s, &rec, argv[1], e);
    return r;
}

const struct command command_rename OPT_TABLE = {
    .name = "rename",
    .aliases = "container rename",
    .operand = "CONTAINER NAME",
    .summary = "Give a container another name",
    .mixed = true,
    .operands_min = 2,
    .operands_max = 2,
    .guess = GUESS_CONTAINER,
    .main = rename_main,
};
