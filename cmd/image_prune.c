/* rctr image prune: what no container was made from. */
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/confirm.h"
#include "cmd/human.h"
#include "core/engine/prune.h"
#include "storage/event.h"
#include "storage/record.h"

struct image_prune_args {
    bool all, force;
    struct opt_list filters;
};

static const struct opt image_prune_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct image_prune_args, all,
             "Remove images with names too, not only dangling ones"),
    OPT_LIST(0, "filter", struct image_prune_args, filters, "KEY=VALUE",
             "Remove only those that fit: until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]"),
    OPT_FLAG('f', "force", struct image_prune_args, force, "Do not ask"),
    OPT_DONE,
};

static int image_prune_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct image_prune_args *a = args;
    const struct prune_images o = {.all = a->all, .filter = &a->filters};
    autostore struct store s = STORE_CLOSED;
    autostrv struct strv removed = {0};
    char size[HUMAN_MAX];
    long long bytes = 0;
    int r = prune_check_filter(&a->filters, e);

    (void)argc, (void)argv;
    if (r == 0 && !a->force) {
        r = confirm_ask(a->all ? "This will remove all images without at least one container "
                                 "associated to them."
                               : "This will remove all dangling images.",
                        e);
        if (r <= 0)
            return r;
    }
    if (r >= 0)
        r = store_open(&s, e);
    if (r == 0)
        r = record_sweep(&s, e); /* what a crash left must not keep an image */
    if (r == 0)
        r = prune_images_run(&s, &o, &removed, &bytes, e);
    for (size_t i = 0; i < removed.n; i++)
        puts(removed.v[i]);
    if (r < 0)
        return r;
    snprintf(size, sizeof size, "%lld", bytes);
    event_add(&s,
              &(struct event){.type = "image", .action = "prune", .more = {{"reclaimed", size}}});
    printf("Total reclaimed space: %s\n", human_size(bytes, size));
    return 0;
}

const struct command command_image_prune OPT_TABLE = {
    .name = "image prune",
    .operand = "",
    .summary = "Remove the images that nobody uses",
    .opts = image_prune_opts,
    .args_size = sizeof(struct image_prune_args),
    .main = image_prune_main,
};
