/* rctr system reset: everything goes. */

#include "cmd/command.h"
#include "cmd/confirm.h"
#include "core/base/auto.h"
#include "core/base/text.h"
#include "core/engine/reset.h"

struct system_reset_args {
    bool force;
};

static const struct opt system_reset_opts[] OPT_TABLE = {
    OPT_FLAG('f', "force", struct system_reset_args, force, "Do not ask"),
    OPT_DONE,
};

static int ask(const struct store *s, struct err *e)
{
    autofree char *what = text_format("This will remove:\n        - all containers, also running "
                                      "ones\n        - all images\n        - all volumes and the "
                                      "data in them\n        - the state folder %s",
                                      s->path);

    return what ? confirm_ask(what, e) : err_memory(e);
}

static int system_reset_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct system_reset_args *a = args;
    autostore struct store s = STORE_CLOSED;
    int r = store_open(&s, e);

    (void)argc, (void)argv;
    if (r == 0 && !a->force) {
        r = ask(&s, e);
        if (r <= 0)
            return r;
    }
    return r < 0 ? r : reset_all(&s, e);
}

const struct command command_system_reset OPT_TABLE = {
    .name = "system reset",
    .operand = "",
    .summary = "Remove all containers, images and volumes",
    .opts = system_reset_opts,
    .args_size = sizeof(struct system_reset_args),
    .main = system_reset_main,
};
