/* rctr push: images of the store into registries. */
#include "storage/registry/push.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/progress.h"
#include "cmd/registry_args.h"
#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/image_load.h"

struct push_args {
    bool quiet, force;
    const char *digestfile, *format, *progress;
    long long level;
    struct registry_args registry;
};

static const struct opt push_opts[] OPT_TABLE = {
    REGISTRY_AUTHFILE(struct push_args, registry),
    REGISTRY_CERT_DIR(struct push_args, registry),
    OPT_TEXT(0, "compression-format", struct push_args, format, "gzip|zstd|none",
             "Compress layers this way that are not compressed", .preset = "gzip"),
    OPT_INT(0, "compression-level", struct push_args, level, "N",
            "Compress harder: 1 to 9 with gzip, 1 to 19 with zstd", .preset = "-1"),
    REGISTRY_CREDS(struct push_args, registry),
    OPT_TEXT(0, "digestfile", struct push_args, digestfile, "FILE",
             "Write the digest of the manifest to FILE", .guess = GUESS_FILE),
    OPT_FLAG(0, "force-compression", struct push_args, force,
             "Compress layers anew that are compressed in another way"),
    PROGRESS_OPTION(struct push_args),
    OPT_FLAG('q', "quiet", struct push_args, quiet, "Show nothing"),
    REGISTRY_RETRY(struct push_args, registry),
    REGISTRY_TLS_VERIFY(struct push_args, registry),
    OPT_DONE,
};

static int read_options(const struct push_args *a, struct push_options *o, struct err *e)
{
    int r = err_wrap(e, deflate_parse(a->format, &o->format, e), "--compression-format");

    o->level = (int)a->level;
    if (r == 0 && a->level != DEFLATE_LEVEL_FAST)
        r = err_wrap(e, deflate_check_level(o->format, a->level, e), "--compression-level");
    if (r == 0)
        r = registry_args_read(&a->registry, &o->tls_verify, &o->retries, e);
    if (r == 0)
        r = registry_args_creds(&a->registry, &o->creds, e);
    o->authfile = a->registry.authfile;
    o->cert_dir = a->registry.cert_dir;
    o->all_anew = a->force;
    return r;
}

/* The destination, else the image's own name. "docker://" is what it is anyway. */
static int choose_name(const struct image *image, const char *to, struct ref *ret, struct err *e)
{
    int r;

    if (!to && !*image->name)
        return err_set(e, EINVAL, "the image has no name: say where it is to be pushed to");
    if (to && text_starts(to, "docker://"))
        to += strlen("docker://");
    r = ref_parse(to ? to : image->name, ret, e);
    if (r == 0 && ret->digest.hex[0] && !to) {
        ret->digest = (struct digest){0};
        if (!*ret->tag)
            return err_set(e, EINVAL, "'%s' has no tag: say where it is to be pushed to",
                           image->name);
    }
    if (r == 0 && strcmp(ret->registry, "localhost") == 0)
        return err_set(e, EINVAL,
                       "'%s' is the name of a local image: give it a registry's name with `rctr "
                       "tag`, or name the destination",
                       to ? to : image->name);
    return r;
}

/* Also the embedded image, which the store has after its first use. */
static int find(struct store *s, const char *name, struct image *ret, struct err *e)
{
    struct ref ref;
    int r = image_find(s, name, NULL, ret, e);

    if (r == -ENOENT && ref_parse(name, &ref, NULL) == 0 &&
        strcmp(ref.registry, "localhost") == 0 && image_load_default(s, &ref, ret, NULL) == 0)
        return 0;
    return r;
}

static int push_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct push_args *a = args;
    struct progress progress;
    struct push_options o = {.progress = progress_push, .arg = &progress};
    autostore struct store s = STORE_CLOSED;
    autoimage struct image image = {0};
    char text[DIGEST_TEXT_MAX];
    struct digest digest;
    struct ref to;
    int r = read_options(a, &o, e);

    if (r == 0)
        r = progress_open(&progress, a->progress, a->quiet, e);
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = find(&s, argv[0], &image, e);
    if (r == 0)
        r = choose_name(&image, argc > 1 ? argv[1] : NULL, &to, e);
    if (r == 0) {
        r = push_image(&s, &image, &to, &o, &digest, e);
        progress_end(&progress);
    }
    if (r == 0 && a->digestfile) {
        r = err_wrap(e, file_put(a->digestfile, hash_format(&digest, text), 0644, e),
                     "--digestfile");
    }
    return r;
}

const struct command command_push OPT_TABLE = {
    .name = "push",
    .aliases = "image push",
    .operand = "IMAGE [DESTINATION]",
    .summary = "Push an image to a registry",
    .opts = push_opts,
    .args_size = sizeof(struct push_args),
    .operands_min = 1,
    .operands_max = 2,
    .mixed = true,
    .guess = GUESS_IMAGE,
    .main = push_main,
};
