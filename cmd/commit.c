/* rctr commit: an image from a container's changes. */
#include "core/engine/commit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/human.h"
#include "cmd/select.h"
#include "core/base/file.h"

struct commit_args {
    const char *author, *message, *format, *iidfile;
    struct opt_list change;
    bool include_volumes, pause, quiet, squash;
};

static const struct opt commit_opts[] OPT_TABLE = {
    OPT_TEXT('a', "author", struct commit_args, author, "NAME", "Name the author"),
    OPT_LIST('c', "change", struct commit_args, change, "INSTRUCTION",
             "Apply a Dockerfile line: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, "
             "STOPSIGNAL, USER, VOLUME or WORKDIR"),
    OPT_TEXT('f', "format", struct commit_args, format, "oci|docker",
             "Choose the format of manifest and configuration", .preset = "oci"),
    OPT_TEXT(0, "iidfile", struct commit_args, iidfile, "FILE", "Write the image's id to FILE",
             .guess = GUESS_FILE),
    OPT_FLAG(0, "include-volumes", struct commit_args, include_volumes,
             "Make the container's volumes VOLUME paths of the image"),
    OPT_TEXT('m', "message", struct commit_args, message, "TEXT", "Say what was changed"),
    OPT_FLAG('p', "pause", struct commit_args, pause, "Pause the container meanwhile"),
    OPT_FLAG('q', "quiet", struct commit_args, quiet, "Do not tell of the new layer"),
    OPT_FLAG('s', "squash", struct commit_args, squash,
             "Make one layer of the image's and the container's files"),
    OPT_DONE,
};

static int commit_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct commit_args *a = args;
    struct commit_request q = {
        .author = a->author,
        .message = a->message,
        .change = a->change,
        .pause = a->pause,
        .squash = a->squash,
        .include_volumes = a->include_volumes,
        .format = strcmp(a->format, "docker") == 0 ? DRAFT_DOCKER : DRAFT_OCI,
    };
    autorecord struct record rec = {.dir_fd = -1};
    autostore struct store s = STORE_CLOSED;
    struct commit_result made;
    char size[HUMAN_MAX];
    struct ref name;
    int r = 0;

    if (q.format == DRAFT_OCI && strcmp(a->format, "oci") != 0)
        return err_set(e, EINVAL, "--format: unrecognized image format \"%s\" (oci, docker)",
                       a->format);
    if (argc > 1) {
        r = ref_parse_own(argv[1], &name, e);
        q.name = &name;
    }
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = select_one(&s, argv[0], &rec, e);
    if (r == 0)
        r = commit_run(&s, &rec, &q, &made, e);
    if (r == 0 && a->iidfile)
        r = err_wrap(e, file_put(a->iidfile, made.id.hex, 0644, e), "--iidfile");
    if (r == 0 && !a->quiet)
        fprintf(stderr, "Layer sha256:%.12s, %s\n", made.layer.hex,
                human_size(made.layer_bytes, size));
    if (r == 0)
        puts(made.id.hex);
    return r;
}

const struct command command_commit OPT_TABLE = {
    .name = "commit",
    .aliases = "container commit",
    .operand = "CONTAINER [IMAGE]",
    .summary = "Make an image of what a container changed",
    .mixed = true,
    .opts = commit_opts,
    .args_size = sizeof(struct commit_args),
    .operands_min = 1,
    .operands_max = 2,
    .guess = GUESS_CONTAINER,
    .main = commit_main,
};
