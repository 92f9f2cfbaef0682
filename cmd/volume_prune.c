/* rctr volume prune: what no container uses. */
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/confirm.h"
#include "core/base/auto.h"
#include "core/base/log.h"
#include "core/engine/volumes.h"
#include "storage/record.h"

struct volume_prune_args {
    bool all, force;
    struct opt_list filters;
};

static const struct opt volume_prune_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct volume_prune_args, all,
             "Remove named volumes too, not only anonymous ones"),
    OPT_LIST(0, "filter", struct volume_prune_args, filters, "KEY=VALUE",
             "Remove only those that fit: label, label!, name, until and what volume ls knows"),
    OPT_FLAG('f', "force", struct volume_prune_args, force, "Do not ask"),
    OPT_DONE,
};

static int prune(const struct store *s, const struct volume_prune_args *a,
                 const struct volume_filter *f, struct err *e)
{
    autostrv struct strv removed = {0};
    size_t kept;
    int r = volumes_prune(s, f, a->all, &removed, &kept, e);

    for (size_t i = 0; i < removed.n; i++)
        puts(removed.v[i]);
    if (r == 0 && kept)
        log_warn("%zu named volume%s that no container uses %s kept: --all removes %s too", kept,
                 kept == 1 ? "" : "s", kept == 1 ? "was" : "were", kept == 1 ? "it" : "them");
    return r;
}

static int volume_prune_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct volume_prune_args *a = args;
    autovolume_filter struct volume_filter filter = {0};
    autostore struct store s = STORE_CLOSED;
    int r = store_open(&s, e);

    (void)argc, (void)argv;
    if (r == 0)
        r = volume_filter_parse(&s, &a->filters, &filter, e);
    if (r < 0)
        return r;
    if (!a->force) {
        r = confirm_ask(a->all ? "This will remove all volumes not used by at least one container."
                               : "This will remove all anonymous volumes not used by at least one "
                                 "container.",
                        e);
        if (r <= 0)
            return r;
    }
    r = record_sweep(&s, e); /* what a crash left must not keep a volume */
    return r < 0 ? r : prune(&s, a, &filter, e);
}

const struct command command_volume_prune OPT_TABLE = {
    .name = "volume prune",
    .operand = "",
    .summary = "Remove the volumes that no container uses",
    .mixed = true,
    .opts = volume_prune_opts,
    .args_size = sizeof(struct volume_prune_args),
    .main = volume_prune_main,
};
