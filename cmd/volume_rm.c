/* rctr volume rm: volumes with their data; with --force the containers that use them first. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/grace.h"
#include "core/base/auto.h"
#include "core/engine/remove.h"
#include "core/engine/stop.h"
#include "storage/volume_use.h"

struct volume_rm_args {
    bool all, force;
    const char *time;
};

static const struct opt volume_rm_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct volume_rm_args, all, "Remove all volumes"),
    OPT_FLAG('f', "force", struct volume_rm_args, force,
             "Remove the containers that use a volume too, and do not fail on a missing one"),
    OPT_TEXT('t', "time", struct volume_rm_args, time, "SECONDS",
             "With --force, send running containers the stop signal and wait so long before "
             "killing"),
    OPT_DONE,
};

enum { STATUS_MISSING = 1 }; /* as podman; one in use is 2 (storage/volume_use) */

/* The containers that use it, whatever they do. */
static int remove_users(const struct store *s, const char *name, long long grace_s, struct err *e)
{
    autovolume_use struct volume_use use = {0};
    int r = volume_use_load(s, &use, e);

    for (size_t i = 0; r == 0 && i < use.volumes.n; i++) {
        const struct remove_options o = {.force = true, .grace_s = grace_s};
        autorecord struct record rec = {.dir_fd = -1};
        struct remove_item item = {.record = &rec};

        if (strcmp(use.volumes.v[i], name) != 0)
            continue;
        r = record_load(s, use.containers.v[i], &rec, e);
        if (r == 0)
            r = record_settle(s, &rec, e);
        if (r == 0 && (r = remove_all(s, &o, &item, 1)) < 0)
            *e = item.why;
        if (r == -ENOENT) /* it has gone by itself */
            r = 0;
    }
    return r;
}

static int remove_word(const struct store *s, const char *word, const struct volume_rm_args *a,
                       long long grace_s, struct err *e)
{
    char name[NAME_MAX + 1];
    int r = volume_find(s, word, name, e);

    if (r == 0 && a->force)
        r = remove_users(s, name, grace_s, e);
    if (r == 0)
        r = volume_use_remove(s, name, a->force, e);
    if (r == -ENOENT && a->force)
        return 0;
    if (r == -ENOENT)
        e->status = STATUS_MISSING;
    if (r < 0)
        return r;
    puts(word);
    return 0;
}

/* Every one is tried; the last failure is the command's, the others are printed here. */
static int remove_words(const struct store *s, const struct strv *words,
                        const struct volume_rm_args *a, long long grace_s, struct err *e)
{
    int last = 0;

    for (size_t i = 0; i < words->n; i++) {
        struct err why = {0};
        int r = remove_word(s, words->v[i], a, grace_s, &why);

        if (r == 0)
            continue;
        fflush(stdout);
        if (last < 0)
            fprintf(stderr, "Error: %s\n", e->text);
        last = r;
        *e = why;
    }
    return last;
}

static int volume_rm_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct volume_rm_args *a = args;
    autostore struct store s = STORE_CLOSED;
    autostrv struct strv words = {0};
    long long grace_s;
    int r;

    if (!a->all == !argc)
        return err_set(e, EINVAL, "choose either one or more volumes or all");
    if (a->time && !a->force)
        return err_set(e, EINVAL, "--force option must be specified to use the --time option");
    r = grace_parse(a->time, STOP_NOW, &grace_s, e);
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = record_sweep(&s, e); /* what a crash left must not keep a volume */
    if (r == 0 && a->all)
        r = volume_names(&s, &words, e);
    for (int i = 0; r == 0 && i < argc; i++)
        r = strv_add(&words, argv[i], e);
    return r < 0 ? r : remove_words(&s, &words, a, grace_s, e);
}

const struct command command_volume_rm OPT_TABLE = {
    .name = "volume rm",
    .aliases = "volume remove",
    .operand = "[VOLUME...]",
    .summary = "Remove volumes and their data",
    .mixed = true,
    .opts = volume_rm_opts,
    .args_size = sizeof(struct volume_rm_args),
    .operands_max = -1,
    .guess = GUESS_VOLUME,
    .main = volume_rm_main,
};
