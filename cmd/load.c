/* rctr load: images out of OCI and docker archives. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/progress.h"
#include "core/base/auto.h"
#include "storage/image_load.h"

struct load_args {
    const char *input, *signature_policy, *progress;
    bool quiet;
};

static const struct opt load_opts[] OPT_TABLE = {
    OPT_TEXT('i', "input", struct load_args, input, "FILE",
             "Read FILE (an archive, or the folder of an OCI layout), not standard input",
             .guess = GUESS_FILE),
    PROGRESS_OPTION(struct load_args),
    OPT_FLAG('q', "quiet", struct load_args, quiet, "Do not print what was loaded"),
    OPT_TEXT(0, "signature-policy", struct load_args, signature_policy, "FILE",
             "Accept what this policy.json accepts, instead of the usual one", .guess = GUESS_FILE),
    OPT_DONE,
};

struct view {
    struct progress progress;
    bool quiet;
};

static void tell(void *arg, const char *name, const struct digest *id)
{
    struct view *v = arg;

    progress_end(&v->progress);
    if (!v->quiet)
        printf("Loaded image: %s%s\n", *name ? "" : "sha256:", *name ? name : id->hex);
}

static void tell_progress(void *arg, const struct load_event *ev)
{
    struct view *v = arg;

    progress_load(&v->progress, ev);
}

static int load_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct load_args *a = args;
    autostore struct store s = STORE_CLOSED;
    struct view view = {.quiet = a->quiet};
    const struct image_load_options o = {.named = tell,
                                         .progress = tell_progress,
                                         .all_platforms = true,
                                         .arg = &view,
                                         .signature_policy = a->signature_policy};
    autofd int fd = -1;
    int r = progress_open(&view.progress, a->progress, a->quiet, e);

    (void)argc, (void)argv;
    if (r < 0)
        return r;
    if (!a->input && isatty(0))
        return err_set(e, EINVAL, "name an archive (-i FILE) or give one on standard input");
    fd = a->input ? open(a->input, O_RDONLY | O_CLOEXEC | O_NOCTTY) : fcntl(0, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(e, "cannot open '%s'", a->input ? a->input : "standard input");
    r = store_open(&s, e);
    if (r == 0)
        r = image_load(&s, fd, &o, NULL, e);
    progress_end(&view.progress);
    return r;
}

const struct command command_load OPT_TABLE = {
    .name = "load",
    .aliases = "image load",
    .operand = "",
    .summary = "Load images from an OCI or docker archive",
    .mixed = true,
    .opts = load_opts,
    .args_size = sizeof(struct load_args),
    .main = load_main,
};
