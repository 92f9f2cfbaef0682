/* rctr pull: images from registries into the store. */
#include "storage/registry/pull.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/platform.h"
#include "cmd/progress.h"
#include "core/base/auto.h"

enum { RETRIES_MAX = 100 };

struct pull_args {
    bool quiet;
    const char *platform, *os, *arch, *variant, *tls_verify, *creds, *authfile, *cert_dir, *policy;
    long long retry;
};

static const struct opt pull_opts[] OPT_TABLE = {
    OPT_TEXT(0, "arch", struct pull_args, arch, "ARCH", "Pull for this architecture"),
    OPT_TEXT(0, "authfile", struct pull_args, authfile, "FILE",
             "Read credentials from FILE, as REGISTRY_AUTH_FILE would", .guess = GUESS_FILE),
    OPT_TEXT(0, "cert-dir", struct pull_args, cert_dir, "DIR",
             "Trust the authorities (*.crt) and use the certificate (*.cert, *.key) in DIR",
             .guess = GUESS_FOLDER),
    OPT_TEXT(0, "creds", struct pull_args, creds, "USER:PASSWORD",
             "Log in to the registry with these"),
    OPT_TEXT(0, "os", struct pull_args, os, "OS", "Pull for this operating system"),
    OPT_TEXT(0, "platform", struct pull_args, platform, "OS/ARCH[/VARIANT]",
             "Pull for this platform instead of the host's"),
    OPT_TEXT(0, "policy", struct pull_args, policy, "always|missing|never|newer",
             "Ask the registry always, only for what the store lacks, never, or for what is newer",
             .preset = "always"),
    OPT_FLAG('q', "quiet", struct pull_args, quiet, "Show nothing but the image's id"),
    OPT_INT(0, "retry", struct pull_args, retry, "N", "Try a request that fails N times more",
            .preset = "3"),
    OPT_TEXT(0, "tls-verify", struct pull_args, tls_verify, "true|false",
             "Demand https and a valid certificate (true unless registries.conf says otherwise)",
             .implied = "true"),
    OPT_TEXT(0, "variant", struct pull_args, variant, "VARIANT",
             "Pull for this variant of the architecture"),
    OPT_DONE,
};

static int read_options(const struct pull_args *a, struct pull_options *ret, bool *ret_given,
                        enum pull_policy *ret_policy, struct err *e)
{
    const struct platform_args platform = {a->platform, a->os, a->arch, a->variant};
    bool verify = true;
    int r = platform_read(&platform, &ret->platform, ret_given, e);

    if (r == 0)
        r = pull_policy_parse(a->policy, ret_policy, e);
    if (r < 0)
        return r;
    if (a->tls_verify && opt_parse_flag(a->tls_verify, &verify) < 0)
        return err_set(e, EINVAL, "--tls-verify: '%s' is neither true nor false", a->tls_verify);
    if (a->retry < 0 || a->retry > RETRIES_MAX)
        return err_set(e, EINVAL, "--retry: %lld is not a number from 0 to %d", a->retry,
                       (int)RETRIES_MAX);
    ret->tls_verify = a->tls_verify ? verify : -1;
    ret->authfile = a->authfile;
    ret->creds = a->creds;
    ret->cert_dir = a->cert_dir;
    ret->retries = (int)a->retry;
    return 0;
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
        r = store_open(&s, e);
    if (r < 0)
        return r;
    progress_begin(&progress, a->quiet);
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
