/* rctr manifest inspect: a list of the store, or what a registry has under a name. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/manifest_member.h"
#include "core/base/auto.h"
#include "storage/blob.h"
#include "storage/copy/list_remote.h"
#include "storage/image.h"
#include "storage/image_index.h"

struct manifest_inspect_args {
    bool insecure, verbose;
    struct registry_args registry;
};

static const struct opt manifest_inspect_opts[] OPT_TABLE = {
    REGISTRY_AUTHFILE(struct manifest_inspect_args, registry),
    REGISTRY_CERT_DIR(struct manifest_inspect_args, registry),
    REGISTRY_CREDS(struct manifest_inspect_args, registry),
    OPT_FLAG(0, "insecure", struct manifest_inspect_args, insecure,
             "The same as --tls-verify=false"),
    REGISTRY_RETRY(struct manifest_inspect_args, registry),
    REGISTRY_TLS_VERIFY(struct manifest_inspect_args, registry),
    OPT_FLAG('v', "verbose", struct manifest_inspect_args, verbose,
             "Refused with the cure: inspect each digest of the list", .hidden = true),
    OPT_DONE,
};

static int read_remote(struct store *s, const char *word, const struct manifest_inspect_args *a,
                       struct text *ret, struct err *e)
{
    autosource struct source from = {0};
    struct place_options o;
    struct digest digest;
    struct ref name;
    int r = manifest_member_place(&a->registry, a->insecure, &o, e);

    if (r == 0)
        r = ref_parse(word, &name, e);
    if (r == 0)
        r = list_remote_open(s, &name, &o, &from, e);
    return r < 0 ? r : source_manifest(&from, NULL, ret, &digest, e);
}

/* An image of the store's own: nobody else can be asked. 1: that it was. */
static int read_own(const struct store *s, const char *word, struct text *ret, struct err *e)
{
    autoimage struct image i = {0};
    int r = image_find(s, word, NULL, &i, e);

    if (r == 0 && text_starts(i.name, "localhost/"))
        r = blob_read(s, &i.manifest_digest, MANIFEST_MAX, ret, e);
    return r < 0 ? r : ret->n > 0;
}

/* A list of the store; else what the registry has, as podman and docker do: an image of the store
 * may be one of many there. */
static int read_document(struct store *s, const char *word, const struct manifest_inspect_args *a,
                         struct text *ret, struct err *e)
{
    struct err why = {0};
    int r;

    if (text_starts(word, "docker://"))
        return read_remote(s, word + strlen("docker://"), a, ret, e);
    r = image_find_index(s, word, NULL, NULL, ret, &why);
    if (r == -EINVAL) {
        r = read_own(s, word, ret, e);
        if (r != 0)
            return r;
        r = -ENOENT;
    }
    if (r == -ENOENT && !text_starts(word, "localhost/"))
        return read_remote(s, word, a, ret, e);
    if (r < 0 && e)
        *e = why;
    return r;
}

static int print(const struct text *bytes, struct err *e)
{
    autojson json_t *document = NULL;
    autofree char *out = NULL;
    int r = jsonx_parse(bytes->s ? bytes->s : "", bytes->n, &document, e);

    if (r < 0)
        return r;
    out = json_dumps(document, JSON_INDENT(4));
    if (!out)
        return err_memory(e);
    printf("%s\n", out);
    return 0;
}

static int manifest_inspect_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct manifest_inspect_args *a = args;
    autostore struct store s = STORE_CLOSED;
    autotext struct text bytes = {0};
    int r = 0;

    (void)argc;
    if (a->verbose)
        return err_set(e, ENOTSUP,
                       "--verbose: rctr prints the document as it is: inspect the "
                       "digests in it (NAME@sha256:…) for the manifests of the images");
    r = store_open(&s, e);
    if (r == 0)
        r = read_document(&s, argv[0], a, &bytes, e);
    return r < 0 ? r : print(&bytes, e);
}

const struct command command_manifest_inspect OPT_TABLE = {
    .name = "manifest inspect",
    .operand = "LIST",
    .summary = "Show a manifest list, or what a registry has under a name",
    .opts = manifest_inspect_opts,
    .args_size = sizeof(struct manifest_inspect_args),
    .operands_min = 1,
    .operands_max = 1,
    .mixed = true,
    .guess = GUESS_IMAGE,
    .main = manifest_inspect_main,
};
