/* rctr volume exists: the answer is the exit status. */
#include "cmd/command.h"
#include "storage/volume.h"

static int volume_exists_main(const void *args, int argc, const char **argv, struct err *e)
{
    autostore struct store s = STORE_CLOSED;
    int r = store_open(&s, e);

    (void)args, (void)argc;
    return r < 0 ? r : !volume_exists(&s, argv[0]);
}

const struct command command_volume_exists OPT_TABLE = {
    .name = "volume exists",
    .operand = "VOLUME",
    .summary = "Tell by the exit status whether a volume exists",
    .mixed = true,
    .operands_min = 1,
    .operands_max = 1,
    .guess = GUESS_VOLUME,
    .main = volume_exists_main,
};
