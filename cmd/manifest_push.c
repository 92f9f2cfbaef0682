/* rctr manifest push: a list and the images in it into a registry. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/manifest_rm.h"
#include "cmd/progress.h"
#include "cmd/send_args.h"
#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "storage/copy/list_push.h"
#include "storage/gc.h"
#include "storage/image_index.h"
#include "storage/transport.h"

struct manifest_push_args {
    bool all, quiet, insecure, remove, remove_signatures;
    const char *digestfile, *format, *progress;
    const char *add_compression, *sign_by, *sign_key, *sign_param, *sign_pass;
    struct send_args send;
    struct registry_args registry;
};

/* clang-format off */
#define REFUSED(NAME, FIELD) \
    OPT_TEXT(0, NAME, struct manifest_push_args, FIELD, "VALUE", "Refused with the reason", \
             .hidden = true)
/* clang-format on */

static const struct opt manifest_push_opts[] OPT_TABLE = {
    REFUSED("add-compression", add_compression),
    OPT_FLAG(0, "all", struct manifest_push_args, all,
             "Push the images in the list too, not the list alone", .preset = "true"),
    REGISTRY_AUTHFILE(struct manifest_push_args, registry),
    REGISTRY_CERT_DIR(struct manifest_push_args, registry),
    SEND_COMPRESSION(struct manifest_push_args, send),
    SEND_LEVEL(struct manifest_push_args, send),
    REGISTRY_CREDS(struct manifest_push_args, registry),
    OPT_TEXT(0, "digestfile", struct manifest_push_args, digestfile, "FILE",
             "Write the digest of the list to FILE", .guess = GUESS_FILE),
    SEND_FORCE(struct manifest_push_args, send),
    OPT_TEXT('f', "format", struct manifest_push_args, format, "oci|v2s2",
             "Write the list and the images in it as OCI's or docker's, whatever they are"),
    OPT_FLAG(0, "insecure", struct manifest_push_args, insecure, "The same as --tls-verify=false"),
    PROGRESS_OPTION(struct manifest_push_args),
    OPT_ALIAS('p', "purge", "rm"),
    OPT_FLAG('q', "quiet", struct manifest_push_args, quiet, "Show nothing"),
    OPT_FLAG(0, "remove-signatures", struct manifest_push_args, remove_signatures,
             "Leave out signatures (rctr sends none)", .hidden = true),
    REGISTRY_RETRY(struct manifest_push_args, registry),
    OPT_FLAG(0, "rm", struct manifest_push_args, remove, "Remove the list when it is pushed"),
    REFUSED("sign-by", sign_by),
    REFUSED("sign-by-sigstore", sign_param),
    REFUSED("sign-by-sigstore-private-key", sign_key),
    REFUSED("sign-passphrase-file", sign_pass),
    REGISTRY_TLS_VERIFY(struct manifest_push_args, registry),
    OPT_DONE,
};

static int refuse(const struct manifest_push_args *a, struct err *e)
{
    if (a->sign_by || a->sign_key || a->sign_param || a->sign_pass)
        return err_set(e, ENOTSUP,
                       "rctr does not sign images: sign what was pushed (cosign, or skopeo copy)");
    if (a->add_compression)
        return err_set(e, ENOTSUP,
                       "--add-compression: rctr pushes each image in one compression: push a "
                       "second one with --compression-format and add it to the list");
    if (!a->all && a->format)
        return err_set(e, EINVAL,
                       "--format changes the images in the list, which --all=false does not push");
    return 0;
}

static int read_format(const struct manifest_push_args *a, struct list_push_options *o,
                       struct err *e)
{
    o->format = COPIER_AS_IS;
    if (!a->format)
        return 0;
    if (strcmp(a->format, "oci") == 0)
        o->format = COPIER_OCI;
    else if (strcmp(a->format, "v2s2") == 0)
        o->format = COPIER_DOCKER;
    else
        return err_set(e, EINVAL,
                       "unknown format \"%s\". Choose one of the supported formats: 'oci' or "
                       "'v2s2'",
                       a->format);
    if (o->format == COPIER_DOCKER && o->push.format == DEFLATE_ZSTD)
        return err_set(e, EINVAL, "--format v2s2 has no layers compressed by zstd");
    return 0;
}

static int read_options(const struct manifest_push_args *a, struct list_push_options *o,
                        struct err *e)
{
    struct push_options *p = &o->push;
    int r = refuse(a, e);

    if (r == 0)
        r = send_args_read(&a->send, &a->registry, p, e);
    if (a->insecure)
        p->tls_verify = 0;
    o->list_only = !a->all;
    return r < 0 ? r : read_format(a, o, e);
}

/* Into an archive or a folder. */
static int push_place(struct store *s, const struct manifest_push_args *a, const char *name,
                      const struct digest *d, const struct transport *t, const char *to,
                      const struct list_push_options *o, struct digest *ret, struct err *e)
{
    if (t->kind == TRANSPORT_DOCKER_ARCHIVE)
        return err_set(e, ENOTSUP, "docker's archives hold single images, no list: `rctr save`");
    if (!a->all)
        return err_set(e, EINVAL, "--all=false: an archive or folder has the images of a list too");
    if (a->send.force || o->push.format != DEFLATE_GZIP || a->send.level != DEFLATE_LEVEL_FAST)
        return err_set(
            e, ENOTSUP,
            "into an archive or folder layers go as they are in the store: --compression-"
            "format, --compression-level and --force-compression are for registries");
    return list_push_place(s, d, name, to, o, ret, e);
}

static int push_registry(struct store *s, const char *name, const struct text *list, const char *to,
                         const struct list_push_options *o, struct digest *ret, struct err *e)
{
    struct ref where;
    bool lost = false;
    int r = registry_args_destination(name, to, &where, e);

    if (r == 0)
        r = list_push(s, list->s, list->n, &where, o, ret, &lost, e);
    if (r == 0 && lost)
        log_warn("docker's manifest list has no annotations: those of the list were left out");
    return r;
}

static int push(struct store *s, const struct manifest_push_args *a, const char *word,
                const char *to, const struct list_push_options *o, struct digest *ret,
                struct err *e)
{
    autofree struct transport *t = calloc(1, sizeof *t);
    autotext struct text bytes = {0};
    char text[REF_TEXT_MAX] = "";
    struct digest digest;
    struct ref name;
    int r = t ? image_find_index(s, word, &name, &digest, &bytes, e) : err_memory(e);

    if (r == 0 && to)
        r = transport_parse(to, t, e);
    if (r < 0)
        return r;
    if (name.registry[0])
        ref_format(&name, text);
    return t->kind == TRANSPORT_NONE || t->kind == TRANSPORT_DOCKER
               ? push_registry(s, text, &bytes, to, o, ret, e)
               : push_place(s, a, *text ? text : word, &digest, t, to, o, ret, e);
}

static int manifest_push_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct manifest_push_args *a = args;
    struct progress progress;
    struct list_push_options o = {.push = {.progress = progress_push, .arg = &progress}};
    autostore struct store s = STORE_CLOSED;
    char text[DIGEST_TEXT_MAX];
    struct digest digest;
    int r = read_options(a, &o, e);

    if (r == 0)
        r = progress_open(&progress, a->progress, a->quiet, e);
    if (r == 0)
        r = store_open(&s, e);
    if (r < 0)
        return r;
    r = push(&s, a, argv[0], argc > 1 ? argv[1] : NULL, &o, &digest, e);
    progress_end(&progress);
    if (r == 0 && a->digestfile)
        r = err_wrap(e, file_put(a->digestfile, hash_format(&digest, text), 0644, e),
                     "--digestfile");
    if (r == 0 && a->remove)
        r = manifest_rm_list(&s, argv[0], true, e);
    store_unlock(&s);
    if (r == 0 && (a->remove || a->format)) /* converted manifests are garbage now */
        (void)gc_run(&s, false, NULL, NULL);
    return r;
}

const struct command command_manifest_push OPT_TABLE = {
    .name = "manifest push",
    .operand = "LIST [DESTINATION]",
    .summary = "Push a manifest list and its images to a registry",
    .opts = manifest_push_opts,
    .args_size = sizeof(struct manifest_push_args),
    .operands_min = 1,
    .operands_max = 2,
    .mixed = true,
    .guess = GUESS_IMAGE,
    .main = manifest_push_main,
};
