/* rctr image delete: an image removed from its registry. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/registry_args.h"
#include "core/base/auto.h"
#include "storage/registry/erase.h"
#include "storage/transport.h"

struct delete_args {
    bool quiet;
    struct registry_args registry;
};

static const struct opt delete_opts[] OPT_TABLE = {
    REGISTRY_AUTHFILE(struct delete_args, registry),
    REGISTRY_CERT_DIR(struct delete_args, registry),
    REGISTRY_CREDS(struct delete_args, registry),
    OPT_FLAG('q', "quiet", struct delete_args, quiet, "Do not tell what was deleted"),
    REGISTRY_RETRY(struct delete_args, registry),
    REGISTRY_TLS_VERIFY(struct delete_args, registry),
    OPT_DONE,
};

static void note(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "Note: %s\n", text);
}

static int read_name(const char *word, struct ref *ret, struct err *e)
{
    autofree struct transport *t = malloc(sizeof *t);
    int r = t ? transport_parse(word, t, e) : err_memory(e);

    if (r < 0)
        return r;
    if (t->kind != TRANSPORT_NONE && t->kind != TRANSPORT_DOCKER)
        return err_set(e, ENOTSUP,
                       "'%s': only a registry's image is deleted by rctr (a file or a folder is "
                       "removed with rm, an image of the store with `rctr rmi`)",
                       word);
    r = ref_parse(t->kind == TRANSPORT_DOCKER ? t->name : word, ret, e);
    if (r == 0 && strcmp(ret->registry, "localhost") == 0)
        r = err_set(e, EINVAL, "'%s' is the name of an image of the store: `rctr rmi` removes it",
                    word);
    return r;
}

static int delete_one(const struct delete_args *a, const struct registry_options *o,
                      const char *word, struct err *e)
{
    char repo[REF_TEXT_MAX];
    struct digest digest;
    bool whole = false;
    struct ref name;
    int r = read_name(word, &name, e);

    if (r == 0)
        r = erase_image(&name, o, &digest, &whole, e);
    if (r < 0 || a->quiet)
        return r;
    if (whole)
        printf("Deleted: %s@sha256:%s\n", ref_format_repo(&name, repo), digest.hex);
    else
        printf("Untagged: %s:%s\n", ref_format_repo(&name, repo), name.tag);
    return 0;
}

static int image_delete_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct delete_args *a = args;
    struct registry_options o = {.note = note};
    int r = registry_args_read(&a->registry, &o.tls_verify, &o.retries, e);

    if (r == 0)
        r = registry_args_creds(&a->registry, &o.creds, e);
    o.authfile = a->registry.authfile;
    o.cert_dir = a->registry.cert_dir;
    for (int i = 0; r == 0 && i < argc; i++)
        r = delete_one(a, &o, argv[i], e);
    return r;
}

const struct command command_image_delete OPT_TABLE = {
    .name = "image delete",
    .operand = "IMAGE...",
    .summary = "Delete images from their registry",
    .mixed = true,
    .opts = delete_opts,
    .args_size = sizeof(struct delete_args),
    .operands_min = 1,
    .operands_max = -1,
    .main = image_delete_main,
};
