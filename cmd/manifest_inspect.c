/* rctr manifest inspect: a list of the store, or what a registry has under a name. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/manifest_member.h"
#include "cmd/manifest_verbose.h"
#include "core/base/auto.h"
#include "storage/copy/list_remote.h"
#include "storage/copy/source_store.h"
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
             "Show the manifests of the images, too, as docker does"),
    OPT_DONE,
};

/* Where the document is. */
struct place {
    struct source from; /* owned */
    char name[REF_TEXT_MAX];
};

static int open_remote(struct store *s, const char *word, const struct place_options *o,
                       struct place *ret, struct err *e)
{
    struct ref name;
    int r = ref_parse(word, &name, e);

    if (r == 0)
        r = list_remote_open(s, &name, o, &ret->from, e);
    if (r == 0)
        ref_format(&ret->from.ref, ret->name);
    return r;
}

/* An image of the store's own: nobody else can be asked. 1: that it was. */
static int open_own(struct store *s, const char *word, const struct place_options *o,
                    struct place *ret, struct err *e)
{
    autoimage struct image i = {0};
    int r = image_find(s, word, NULL, &i, e);

    if (r < 0 || !text_starts(i.name, "localhost/"))
        return r;
    memcpy(ret->name, i.name, sizeof ret->name);
    r = source_store_open(s, &i.manifest_digest, word, o, &ret->from, e);
    return r < 0 ? r : 1;
}

/* A list of the store; else what the registry has, as podman and docker do: an image of the store
 * may be one of many there. */
static int open_place(struct store *s, const char *word, const struct place_options *o,
                      struct place *ret, struct err *e)
{
    struct digest digest;
    struct err why = {0};
    struct ref name;
    int r;

    if (text_starts(word, "docker://"))
        return open_remote(s, word + strlen("docker://"), o, ret, e);
    r = image_find_index(s, word, &name, &digest, NULL, &why);
    if (r == 0) {
        snprintf(ret->name, sizeof ret->name, "%s", word);
        if (name.registry[0])
            ref_format(&name, ret->name);
        return source_store_open(s, &digest, word, o, &ret->from, e);
    }
    if (r == -EINVAL) {
        r = open_own(s, word, o, ret, e);
        if (r != 0)
            return r < 0 ? r : 0;
        r = -ENOENT;
    }
    if (r == -ENOENT && !text_starts(word, "localhost/"))
        return open_remote(s, word, o, ret, e);
    if (r < 0 && e)
        *e = why;
    return r;
}

static int print(const json_t *document, struct err *e)
{
    autofree char *out = json_dumps(document, JSON_INDENT(4));

    if (!out)
        return err_memory(e);
    printf("%s\n", out);
    return 0;
}

static int manifest_inspect_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct manifest_inspect_args *a = args;
    autojson json_t *document = NULL;
    autostore struct store s = STORE_CLOSED;
    autotext struct text bytes = {0};
    struct place_options o = {0};
    struct place at = {0};
    struct digest digest;
    int r = manifest_member_place(&a->registry, a->insecure, &o, e);

    (void)argc;
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = open_place(&s, argv[0], &o, &at, e);
    if (r == 0)
        r = source_manifest(&at.from, NULL, &bytes, &digest, e);
    if (r == 0)
        r = a->verbose ? manifest_verbose(&at.from, at.name, &bytes, &digest, &document, e)
                       : jsonx_parse(bytes.s ? bytes.s : "", bytes.n, &document, e);
    source_close(&at.from);
    return r < 0 ? r : print(document, e);
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
