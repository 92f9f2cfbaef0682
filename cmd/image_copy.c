/* rctr image copy: an image from a registry, archive or folder into another, without the store. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/platform.h"
#include "cmd/progress.h"
#include "cmd/registry_args.h"
#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/copy/copier.h"
#include "storage/copy/place.h"

struct copy_args {
    bool all, quiet, preserve_digests;
    const char *authfile, *digestfile, *format, *progress, *signature_policy;
    struct platform_args platform;
    struct registry_args from, to;
    long long retry;
};

static const struct opt copy_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct copy_args, all,
             "Copy an index with all its members, not one platform's image"),
    OPT_TEXT(0, "arch", struct copy_args, platform.arch, "ARCH",
             "Take the image for this architecture"),
    OPT_TEXT(0, "authfile", struct copy_args, authfile, "FILE",
             "Read credentials from FILE, as REGISTRY_AUTH_FILE would", .guess = GUESS_FILE),
    OPT_TEXT(0, "dest-authfile", struct copy_args, to.authfile, "FILE",
             "Read the destination's credentials from FILE", .guess = GUESS_FILE),
    OPT_TEXT(0, "dest-cert-dir", struct copy_args, to.cert_dir, "DIR",
             "Use the certificates in DIR for the destination", .guess = GUESS_FOLDER),
    OPT_TEXT(0, "dest-creds", struct copy_args, to.creds, "USER:PASSWORD",
             "Log in to the destination with these"),
    OPT_TEXT(0, "dest-tls-verify", struct copy_args, to.tls_verify, "true|false",
             "Demand https and a valid certificate of the destination", .implied = "true"),
    OPT_TEXT(0, "digestfile", struct copy_args, digestfile, "FILE",
             "Write the digest of the manifest to FILE", .guess = GUESS_FILE),
    OPT_TEXT('f', "format", struct copy_args, format, "oci|v2s2",
             "Write the manifest in this format instead of its own"),
    OPT_TEXT(0, "os", struct copy_args, platform.os, "OS",
             "Take the image for this operating system"),
    OPT_TEXT(0, "platform", struct copy_args, platform.platform, "OS/ARCH[/VARIANT]",
             "Take the image for this platform instead of the host's"),
    OPT_FLAG(0, "preserve-digests", struct copy_args, preserve_digests,
             "Fail rather than change the manifest"),
    PROGRESS_OPTION(struct copy_args),
    OPT_FLAG('q', "quiet", struct copy_args, quiet, "Show nothing"),
    OPT_INT(0, "retry", struct copy_args, retry, "N", "Try a request that fails N times more",
            .preset = "3"),
    OPT_ALIAS(0, "retry-times", "retry"),
    OPT_TEXT(0, "signature-policy", struct copy_args, signature_policy, "FILE",
             "Accept what this policy.json accepts, instead of the usual one", .guess = GUESS_FILE),
    OPT_TEXT(0, "src-authfile", struct copy_args, from.authfile, "FILE",
             "Read the source's credentials from FILE", .guess = GUESS_FILE),
    OPT_TEXT(0, "src-cert-dir", struct copy_args, from.cert_dir, "DIR",
             "Use the certificates in DIR for the source", .guess = GUESS_FOLDER),
    OPT_TEXT(0, "src-creds", struct copy_args, from.creds, "USER:PASSWORD",
             "Log in to the source with these"),
    OPT_TEXT(0, "src-tls-verify", struct copy_args, from.tls_verify, "true|false",
             "Demand https and a valid certificate of the source", .implied = "true"),
    OPT_TEXT(0, "variant", struct copy_args, platform.variant, "VARIANT",
             "Take the image for this variant of the architecture"),
    OPT_DONE,
};

static void show(void *arg, const struct copier_event *ev)
{
    static const enum progress_phase phases[] = {
        [COPIER_READ] = PROGRESS_DOWNLOAD,     [COPIER_WRITE] = PROGRESS_UPLOAD,
        [COPIER_EXISTS] = PROGRESS_EXISTS,     [COPIER_MOUNTED] = PROGRESS_MOUNTED,
        [COPIER_COPIED] = PROGRESS_DONE,       [COPIER_SKIPPED] = PROGRESS_EXISTS,
        [COPIER_MANIFEST] = PROGRESS_MANIFEST, [COPIER_RETRY] = PROGRESS_RETRY,
    };
    struct progress *p = arg;
    struct progress_step s = {.phase = phases[ev->phase],
                              .item = ev->item,
                              .items = ev->items,
                              .digest = ev->digest,
                              .done_bytes = ev->done_bytes,
                              .total_bytes = ev->bytes,
                              .text = ev->text};

    if (ev->config) {
        s.items = 0;
        if (ev->phase == COPIER_READ || ev->phase == COPIER_WRITE)
            return;
        s.phase = ev->phase == COPIER_RETRY ? PROGRESS_RETRY : PROGRESS_CONFIG;
    }
    if (ev->phase == COPIER_EXISTS && p->mode != PROGRESS_JSON)
        s.text = "is there already";
    if (ev->phase == COPIER_SKIPPED)
        s.text = "foreign, left where it is";
    if (ev->phase == COPIER_RETRY && p->mode == PROGRESS_NONE)
        fprintf(stderr, "Note: %s\n", ev->text);
    progress_show(p, &s);
}

static void note(void *arg, const char *text)
{
    const struct copier_event ev = {.phase = COPIER_RETRY, .text = text};

    show(arg, &ev);
}

static int read_format(const struct copy_args *a, enum copier_format *ret, struct err *e)
{
    *ret = COPIER_AS_IS;
    if (!a->format)
        return 0;
    if (strcmp(a->format, "oci") == 0)
        *ret = COPIER_OCI;
    else if (strcmp(a->format, "v2s2") == 0)
        *ret = COPIER_DOCKER;
    else if (strcmp(a->format, "v2s1") == 0)
        return err_set(e, ENOTSUP, "--format: rctr does not write v2s1, which is obsolete");
    else
        return err_set(e, EINVAL, "--format: '%s' is neither oci nor v2s2", a->format);
    return 0;
}

/* One side's options; `side` is "--src" or "--dest". */
static int read_side(const struct copy_args *a, const struct registry_args *side, const char *name,
                     struct place_options *ret, struct err *e)
{
    struct registry_args args = *side;
    int r;

    args.retry = a->retry;
    r = registry_args_read(&args, &ret->tls_verify, &ret->retries, e);
    if (r < 0)
        return err_wrap(e, r, "%s", name);
    ret->authfile = side->authfile ? side->authfile : a->authfile;
    ret->cert_dir = side->cert_dir;
    return registry_args_creds_copy(side->creds, &ret->creds, e);
}

static int copy(struct store *s, const struct copy_args *a, const char **argv,
                const struct copier_options *o, const struct place_options *from_how,
                const struct place_options *to_how, struct err *e)
{
    autosource struct source from = {0};
    autosink struct sink to = {0};
    char text[DIGEST_TEXT_MAX];
    struct digest digest;
    int r = place_source(s, argv[0], from_how, &from, e);

    if (r == 0)
        r = place_sink(argv[1], to_how, &to, e);
    if (r == 0)
        r = copier_run(s, &from, &to, o, &digest, e);
    if (r == 0 && a->digestfile)
        r = err_wrap(e, file_put(a->digestfile, hash_format(&digest, text), 0644, e),
                     "--digestfile");
    return r;
}

static int image_copy_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct copy_args *a = args;
    struct progress progress;
    struct platform platform;
    struct copier_options o = {.all = a->all,
                               .preserve_digests = a->preserve_digests,
                               .signature_policy = a->signature_policy,
                               .progress = show,
                               .arg = &progress};
    struct place_options from = {.note = note, .arg = &progress}, to = from;
    autostore struct store s = STORE_CLOSED;
    bool given = false;
    int r = platform_read(&a->platform, &platform, &given, e);

    (void)argc;
    if (r == 0 && given && a->all)
        r = err_set(e, EINVAL, "--all takes every platform: it cannot be used with one");
    o.platform = given ? &platform : NULL;
    if (r == 0)
        r = read_format(a, &o.format, e);
    if (r == 0)
        r = read_side(a, &a->from, "--src", &from, e);
    if (r == 0)
        r = read_side(a, &a->to, "--dest", &to, e);
    if (r == 0)
        r = progress_open(&progress, a->progress, a->quiet, e);
    if (r == 0)
        r = store_open(&s, e);
    if (r < 0)
        return r;
    r = copy(&s, a, argv, &o, &from, &to, e);
    progress_end(&progress);
    return r;
}

const struct command command_image_copy OPT_TABLE = {
    .name = "image copy",
    .operand = "SOURCE DESTINATION",
    .summary = "Copy an image between registries, archives and folders",
    .mixed = true,
    .opts = copy_opts,
    .args_size = sizeof(struct copy_args),
    .operands_min = 2,
    .operands_max = 2,
    .main = image_copy_main,
};
