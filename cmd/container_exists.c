/* rctr container exists: the answer is the exit status. */
#include <errno.h>

#include "cmd/command.h"
#include "cmd/select.h"

static int container_exists_main(const void *args, int argc, const char **argv, struct err *e)
{
    autorecord struct record rec = {.dir_fd = -1};
    autostore struct store s = STORE_CLOSED;
    int r = store_open(&s, e);

    (void)args, (void)argc;
    if (r == 0)
        r = select_one(&s, argv[0], &rec, e);
    return r == -ENOENT ? 1 : r;
}

const struct command command_container_exists OPT_TABLE = {
    .name = "container exists",
    .operand = "CONTAINER",
    .summary = "Tell by the exit status whether a container exists",
    .mixed = true,
    .operands_min = 1,
    .operands_max = 1,
    .guess = GUESS_CONTAINER,
    .main = container_exists_main,
};
