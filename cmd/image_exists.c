/* rctr image exists: the answer is the exit status. */
#include <errno.h>

#include "cmd/command.h"
#include "storage/image_index.h"

static int image_exists_main(const void *args, int argc, const char **argv, struct err *e)
{
    autostore struct store s = STORE_CLOSED;
    struct image_target t;
    int r = store_open(&s, e);

    (void)args, (void)argc;
    if (r == 0)
        r = image_find_target(&s, argv[0], &t, e);
    return r == -ENOENT ? 1 : r;
}

const struct command command_image_exists OPT_TABLE = {
    .name = "image exists",
    .operand = "IMAGE",
    .summary = "Tell by the exit status whether an image is stored",
    .mixed = true,
    .operands_min = 1,
    .operands_max = 1,
    .guess = GUESS_IMAGE,
    .main = image_exists_main,
};
