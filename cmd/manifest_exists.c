/* rctr manifest exists: the answer is the exit status. */
#include <errno.h>

#include "cmd/command.h"
#include "storage/image_index.h"

static int manifest_exists_main(const void *args, int argc, const char **argv, struct err *e)
{
    autostore struct store s = STORE_CLOSED;
    int r = store_open(&s, e);

    (void)args, (void)argc;
    if (r == 0)
        r = image_find_index(&s, argv[0], NULL, NULL, NULL, e);
    return r == -ENOENT ? 1 : r;
}

const struct command command_manifest_exists OPT_TABLE = {
    .name = "manifest exists",
    .operand = "LIST",
    .summary = "Tell by the exit status whether a manifest list is stored",
    .mixed = true,
    .operands_min = 1,
    .operands_max = 1,
    .guess = GUESS_IMAGE,
    .main = manifest_exists_main,
};
