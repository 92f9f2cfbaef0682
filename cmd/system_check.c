/* rctr system check: is everything in the store what it should be? */
#include <stdio.h>

#include "cmd/command.h"
#include "core/engine/remove.h"
#include "storage/check.h"

struct system_check_args {
    bool quick, repair;
};

static const struct opt system_check_opts[] OPT_TABLE = {
    OPT_FLAG('q', "quick", struct system_check_args, quick,
             "Do not read the blobs and the files of the layers"),
    OPT_FLAG('r', "repair", struct system_check_args, repair,
             "Remove what is broken, so that the next pull brings it back"),
    OPT_DONE,
};

enum { STATUS_PROBLEMS = 1 };

static void tell(void *arg, const char *text, bool repaired)
{
    (void)arg;
    printf("%s%s\n", text, repaired ? " (put right)" : "");
}

static int system_check_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct system_check_args *a = args;
    struct check_options options = {.quick = a->quick, .repair = a->repair, .tell = tell};
    autostore struct store s = STORE_CLOSED;
    struct check_result res;
    int r = store_open(&s, e);

    (void)argc, (void)argv;
    if (r == 0 && a->repair)
        r = remove_end_damaged(&s, e); /* check sees only what is on disk */
    if (r == 0)
        r = check_store(&s, &options, &res, e);
    if (r < 0)
        return r;
    printf("checked: %zu blobs, %zu layers, %zu names of images, %zu containers, %zu volumes\n",
           res.blobs, res.layers, res.names, res.containers, res.volumes);
    if (res.problems == 0) {
        puts("no problems");
        return 0;
    }
    printf("%zu problem%s, %zu put right\n", res.problems, res.problems == 1 ? "" : "s",
           res.repaired);
    if (!a->repair)
        puts("`rctr system check --repair` removes what is broken");
    return res.repaired == res.problems ? 0 : STATUS_PROBLEMS;
}

const struct command command_system_check OPT_TABLE = {
    .name = "system check",
    .operand = "",
    .summary = "Verify every stored object",
    .mixed = true,
    .opts = system_check_opts,
    .args_size = sizeof(struct system_check_args),
    .main = system_check_main,
};
