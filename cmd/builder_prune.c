/* rctr builder prune: the cache of builds. */
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/confirm.h"
#include "cmd/human.h"
#include "core/engine/prune_build.h"
#include "storage/event.h"

struct builder_prune_args {
    bool all, force, verbose;
    struct opt_list filter;
    const char *keep;
};

static const struct opt builder_prune_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct builder_prune_args, all,
             "Remove steps too whose layers images or containers have"),
    OPT_LIST(0, "filter", struct builder_prune_args, filter, "KEY=VALUE",
             "Remove only these: until=TIME, unused-for=TIME (not used since), "
             "type=regular|exec.cachemount"),
    OPT_FLAG('f', "force", struct builder_prune_args, force, "Do not ask"),
    OPT_TEXT(0, "keep-storage", struct builder_prune_args, keep, "SIZE",
             "Leave the most recently used steps up to SIZE"),
    OPT_FLAG(0, "verbose", struct builder_prune_args, verbose, "Print the keys of what is removed"),
    OPT_DONE,
};

static int builder_prune_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct builder_prune_args *a = args;
    struct prune_build o = {.all = a->all, .filter = &a->filter};
    autostore struct store s = STORE_CLOSED;
    autostrv struct strv removed = {0};
    unsigned long long keep = 0;
    char size[HUMAN_MAX];
    long long bytes = 0;
    int r = prune_build_check(&a->filter, e);

    (void)argc, (void)argv;
    if (r == 0 && a->keep)
        r = err_wrap(e, text_size(a->keep, &keep, e), "--keep-storage");
    if (r == 0 && !a->force) {
        r = confirm_ask(a->all ? "This will remove all build cache."
                               : "This will remove all build cache that no image needs.",
                        e);
        if (r <= 0)
            return r;
    }
    if (r >= 0)
        r = store_open(&s, e);
    o.keep_bytes = (long long)keep;
    if (r == 0)
        r = prune_build_run(&s, &o, &removed, &bytes, e);
    for (size_t i = 0; i < removed.n && a->verbose; i++)
        puts(removed.v[i]);
    if (r < 0)
        return r;
    snprintf(size, sizeof size, "%lld", bytes);
    event_add(&s,
              &(struct event){.type = "builder", .action = "prune", .more = {{"reclaimed", size}}});
    printf("Total reclaimed space: %s\n", human_size(bytes, size));
    return 0;
}

const struct command command_builder_prune OPT_TABLE = {
    .name = "builder prune",
    .aliases = "buildx prune",
    .operand = "",
    .summary = "Remove the cache of builds",
    .opts = builder_prune_opts,
    .args_size = sizeof(struct builder_prune_args),
    .main = builder_prune_main,
};
