/* rctr pull: images from registries into the store. */
#include "storage/registry/pull.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/platform.h"
#include "cmd/progress.h"
#include "cmd/registry_args.h"
#include "core/base/auto.h"
#include "storage/registry/list.h"

struct pull_args {
    bool quiet, all_tags, all_platforms;
    const char *platform, *os, *arch, *variant, *policy, *progress, *signature_policy;
    struct registry_args registry;
};

static const struct opt pull_opts[] OPT_TABLE = {
    OPT_FLAG(0, "all-platforms", struct pull_args, all_platforms,
             "Pull the images for all platforms; the name leads to their index then"),
    OPT_FLAG('a', "all-tags", struct pull_args, all_tags, "Pull all tags of a repository"),
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
    OPT_TEXT(0, "signature-policy", struct pull_args, signature_policy, "FILE",
             "Accept what this policy.json accepts, instead of the usual one", .guess = GUESS_FILE),
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
    if (r == 0 && a->all_platforms && *ret_given)
        r = err_set(e, EINVAL, "--all-platforms is given, and one platform too: choose");
    ret->authfile = a->registry.authfile;
    ret->cert_dir = a->registry.cert_dir;
    ret->signature_policy = a->signature_policy;
    ret->all_platforms = a->all_platforms;
    return r;
}

/* ---- --all-tags ---- */

/* Appends the full names of all tags of a repository. */
static int add_tags(const struct pull_options *o, const char *word, struct strv *ret, struct err *e)
{
    const struct registry_options how = {.tls_verify = o->tls_verify,
                                         .creds = o->creds,
                                         .authfile = o->authfile,
                                         .cert_dir = o->cert_dir,
                                         .retries = o->retries};
    const char *bare = text_starts(word, "docker://") ? word + strlen("docker://") : word;
    const char *slash = strrchr(bare, '/');
    autostrv struct strv tags = {0};
    char text[REF_TEXT_MAX];
    struct ref name;
    int r = ref_parse(bare, &name, e);

    if (r == 0 && strpbrk(slash ? slash : bare, ":@"))
        r = err_set(e, EINVAL, "--all-tags: '%s' names one tag already: leave it out", word);
    if (r == 0)
        r = list_tags_of(&name, &how, 0, &name, &tags, e);
    if (r == 0 && tags.n == 0)
        r = err_set(e, ENOENT, "%s has no tags", word);
    for (size_t i = 0; r == 0 && i < tags.n; i++)
        r = strv_addf(ret, e, "%s:%s", ref_format_repo(&name, text), tags.v[i]);
    return r;
}

static int names_of(const struct pull_args *a, const struct pull_options *o, int argc,
                    const char **argv, struct strv *ret, struct err *e)
{
    int r = 0;

    for (int i = 0; r == 0 && i < argc; i++)
        r = a->all_tags ? add_tags(o, argv[i], ret, e) : strv_add(ret, argv[i], e);
    return r;
}

static int pull_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct pull_args *a = args;
    struct progress progress;
    struct pull_options o = {.progress = progress_event, .arg = &progress};
    enum pull_policy policy = PULL_ALWAYS;
    autostrv struct strv names = {0};
    struct store s = {0};
    bool given = false;
    int r = read_options(a, &o, &given, &policy, e);

    if (r == 0)
        r = progress_open(&progress, a->progress, a->quiet, e);
    if (r == 0)
        r = names_of(a, &o, argc, argv, &names, e);
    if (r == 0)
        r = store_open(&s, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < names.n && r == 0; i++) {
        struct image image;

        r = pull_ensure(&s, names.v[i], policy, given ? &o.platform : NULL, &o, &image, e);
        progress_end(&progress);
        if (r < 0)
            break;
        printf("%s\n", image.is_index_name ? image.index_digest.hex : image.id.hex);
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
