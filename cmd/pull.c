/* rctr pull: images from registries into the store. */
#include "storage/registry/pull.h"

#include <stdio.h>

#include "cmd/command.h"
#include "cmd/platform.h"
#include "cmd/progress.h"
#include "cmd/registry_args.h"
#include "core/base/auto.h"

struct pull_args {
    bool quiet;
    const char *platform, *os, *arch, *variant, *policy, *progress;
    struct registry_args registry;
};

static const struct opt pull_opts[] OPT_TABLE = {
    OPT_TEXT(0, "arch", struct pull_args, arch, "ARCH", "Pull for this architecture"),
    REGISTRY_AUTHFILE(struct pull_args, registry),
    REGISTRY_CERT_DIR(struct pull_args, registry),
    REGISTRY_CREDS(struct pull_args, registry),
    OPT_TEXT(0, "os", struct pull_args, os, "OS", "Pull for this operating system"),
    OPT_TEXT(0, "platform", struct pull_args, platform, "OS/ARCH[/VARIANT]",
             "Pull for this platform instead of the host's"),
    OPT_TEXT(0, "policy", struct pull_args, policy, "always|missing|never|newer",
             "Ask the registry always, only for what the store lacks, never, or for what is newer",
             .preset = "always"),
    PROGRESS_OPTION(struct pull_args),
    OPT_FLAG('q', "quiet", struct pull_args, quiet, "Show nothing but the image's id"),
    REGISTRY_RETRY(struct pull_args, registry),
    REGISTRY_TLS_VERIFY(struct pull_args, registry),
    OPT_TEXT(0, "variant", struct pull_args, variant, "VARIANT",
             "Pull for this variant of the architecture"),
    OPT_DONE,
};

static int read_options(const struct pull_args *a, struct pull_options *ret, bool *ret_given,
                        enum pull_policy *ret_policy, struct err *e)
{
    const struct platform_args platform = {a->platform, a->os, a->arch, a->variant};
    int r = platform_read(&platform, &ret->platform, ret_given, e);

    if (r == 0)
        r = pull_policy_parse(a->policy, ret_policy, e);
    if (r == 0)
        r = registry_args_read(&a->registry, &ret->tls_verify, &ret->retries, e);
    if (r == 0)
        r = registry_args_creds(&a->registry, &ret->creds, e);
    ret->authfile = a->registry.authfile;
    ret->cert_dir = a->registry.cert_dir;
    return r;
}

static int pull_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct pull_args *a = args;
    struct progress progress;
    struct pull_options o = {.progress = progress_event, .arg = &progress};
    enum pull_policy policy = PULL_ALWAYS;
    struct store s = {0};
    bool given = false;
    int r = read_options(a, &o, &given, &policy, e);

    if (r == 0)
        r = progress_open(&progress, a->progress, a->quiet, e);
    if (r == 0)
        r = store_open(&s, e);
    if (r < 0)
        return r;
    for (int i = 0; i < argc && r == 0; i++) {
        struct image image;

        r = pull_ensure(&s, argv[i], policy, given ? &o.platform : NULL, &o, &image, e);
        progress_end(&progress);
        if (r < 0)
            break;
        printf("%s\n", image.id.hex);
        fflush(stdout);
        image_free(&image);
    }
    store_close(&s);
    return r;
}

const struct command command_pull OPT_TABLE = {
    .name = "pull",
    .aliases = "image pull",
    .operand = "IMAGE [IMAGE...]",
    .summary = "Pull images from a registry",
    .opts = pull_opts,
    .args_size = sizeof(struct pull_args),
    .operands_min = 1,
    .operands_max = -1,
    .guess = GUESS_IMAGE,
    .main = pull_main,
};
