#include <stdio.h>

#include "cmd/command.h"
#include "cmd/create_args.h"

struct create_only {
    struct create_args c;
};

static const struct opt create_opts[] OPT_TABLE = {
    CREATE_OPTIONS(struct create_only) OPT_DONE,
};

static int create_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct create_only *a = args;
    autostore struct store s = STORE_CLOSED;
    struct container c;
    int r = store_open(&s, e);

    if (r == 0)
        r = create_args_make(&a->c, &s, argc, argv, &c, e);
    if (r < 0)
        return r;
    r = container_keep(&c, e);
    if (r < 0) {
        create_args_forget(&a->c);
        container_discard(&c);
        return r;
    }
    puts(c.record.id);
    container_free(&c);
    return 0;
}

const struct command command_create OPT_TABLE = {
    .name = "create",
    .aliases = "container create",
    .operand = "IMAGE [COMMAND [ARG...]]",
    .summary = "Make a container without starting it",
    .opts = create_opts,
    .args_size = sizeof(struct create_only),
    .operands_min = 1,
    .operands_max = -1,
    .guess = GUESS_IMAGE,
    .main = create_main,
};
