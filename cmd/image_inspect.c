/* rctr image inspect: what is known of images, those of the store and those that are elsewhere. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/inspect_image.h"
#include "cmd/inspect_remote.h"
#include "cmd/listing.h"
#include "cmd/platform.h"
#include "cmd/registry_args.h"
#include "core/base/auto.h"
#include "storage/blob.h"
#include "storage/image_index.h"

struct image_inspect_args {
    bool raw, config;
    const char *format;
    struct platform_args platform;
    struct registry_args registry;
};

static const struct opt image_inspect_opts[] OPT_TABLE = {
    OPT_TEXT(0, "arch", struct image_inspect_args, platform.arch, "ARCH",
             "Elsewhere: take the image for this architecture"),
    REGISTRY_AUTHFILE(struct image_inspect_args, registry),
    REGISTRY_CERT_DIR(struct image_inspect_args, registry),
    OPT_FLAG(0, "config", struct image_inspect_args, config, "Print the image's configuration"),
    REGISTRY_CREDS(struct image_inspect_args, registry),
    OPT_TEXT('f', "format", struct image_inspect_args, format, "TEMPLATE",
             "Print through a template such as {{.Config.Env}} or {{json .Config}}"),
    OPT_TEXT(0, "os", struct image_inspect_args, platform.os, "OS",
             "Elsewhere: take the image for this operating system"),
    OPT_TEXT(0, "platform", struct image_inspect_args, platform.platform, "OS/ARCH[/VARIANT]",
             "Elsewhere: take the image for this platform instead of the host's"),
    OPT_FLAG(0, "raw", struct image_inspect_args, raw,
             "Print the bytes of the manifest, or with --config of the configuration"),
    REGISTRY_RETRY(struct image_inspect_args, registry),
    REGISTRY_TLS_VERIFY(struct image_inspect_args, registry),
    OPT_TEXT(0, "variant", struct image_inspect_args, platform.variant, "VARIANT",
             "Elsewhere: take the image for this variant of the architecture"),
    OPT_DONE,
};

/* What the command does, for each of its words. */
struct job {
    const struct image_inspect_args *args;
    struct place_options how;
    struct platform platform;
    bool given; /* a platform was asked for */
    struct store store;
    json_t *documents; /* owned */
};

static void note(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "Note: %s\n", text);
}

/* ---- documents as they are ---- */

static int stored_bytes(const struct job *j, const char *word, struct text *ret, struct err *e)
{
    autoimage struct image i = {0};
    struct image_target t;
    int r;

    if (!j->args->config) {
        r = image_find_target(&j->store, word, &t, e);
        return r < 0 ? r : blob_read(&j->store, &t.digest, MANIFEST_MAX, ret, e);
    }
    r = image_find(&j->store, word, NULL, &i, e);
    return r < 0 ? r : blob_read(&j->store, &i.id, MANIFEST_MAX, ret, e);
}

/* JSON has no control characters but in the form \u001b; DEL and those above 0x7f it has. */
static bool is_harmless(const struct text *t)
{
    autojson json_t *document = NULL;

    for (size_t i = 0; i < t->n; i++) {
        unsigned char c = (unsigned char)t->s[i];
        unsigned char next = i + 1 < t->n ? (unsigned char)t->s[i + 1] : 0;

        if (c == 0x7f || (c == 0xc2 && next < 0xa0))
            return false;
    }
    return jsonx_parse(t->s ? t->s : "", t->n, &document, NULL) == 0;
}

static int print_bytes(struct job *j, const struct text *t, struct err *e)
{
    autojson json_t *document = NULL;
    int r;

    if (j->args->raw) {
        if (isatty(STDOUT_FILENO) && !is_harmless(t))
            return err_set(e, EINVAL,
                           "the document holds what a terminal would obey, or is no JSON: send it "
                           "into a file");
        if (fwrite(t->s ? t->s : "", 1, t->n, stdout) != t->n)
            return err_sys(e, "cannot write to standard output");
        return 0;
    }
    r = jsonx_parse(t->s ? t->s : "", t->n, &document, e);
    return r < 0 || json_array_append(j->documents, document) == 0 ? r : err_memory(e);
}

/* ---- one word ---- */

static int look_elsewhere(struct job *j, const char *word, struct err *e)
{
    const struct image_inspect_args *a = j->args;
    struct inspect_remote p = {.want = j->given ? &j->platform : NULL};
    autotext struct text bytes = {0};
    json_t *document = NULL;
    int r = inspect_remote_open(&j->store, word, &j->how, &p, e);

    if (r < 0)
        return r;
    if (a->config)
        r = inspect_remote_config(&p, &bytes, e);
    else if (a->raw)
        r = inspect_remote_manifest(&p, &bytes, e);
    else
        r = err_wrap(e, inspect_remote_document(&p, &document, e), "%s", word);
    inspect_remote_close(&p);
    if (r == 0 && document)
        return json_array_append_new(j->documents, document) == 0 ? 0 : err_memory(e);
    return r < 0 ? r : print_bytes(j, &bytes, e);
}

static int look_here(struct job *j, const char *word, struct err *e)
{
    autotext struct text bytes = {0};
    json_t *document = NULL;
    int r;

    if (j->args->raw || j->args->config) {
        r = stored_bytes(j, word, &bytes, e);
        return r < 0 ? r : print_bytes(j, &bytes, e);
    }
    r = inspect_image(&j->store, word, &document, e);
    return r < 0 || json_array_append_new(j->documents, document) == 0 ? r : err_memory(e);
}

/* "oci:v1" may be the name of an image of the store. */
static int look(struct job *j, const char *word, struct err *e)
{
    bool elsewhere = false;
    int r = inspect_remote_is(word, &elsewhere, e);

    if (r < 0)
        return r;
    if (elsewhere && !text_starts(word, "docker://")) {
        autoimage struct image i = {0};

        elsewhere = image_find(&j->store, word, NULL, &i, NULL) < 0;
    }
    return elsewhere ? look_elsewhere(j, word, e) : look_here(j, word, e);
}

/* ---- all of them ---- */

static int read_options(struct job *j, struct err *e)
{
    const struct image_inspect_args *a = j->args;
    int r = platform_read(&a->platform, &j->platform, &j->given, e);

    if (r == 0 && a->raw && a->format)
        r = err_set(e, EINVAL, "--raw prints bytes as they are: it cannot be used with --format");
    if (r == 0)
        r = registry_args_read(&a->registry, &j->how.tls_verify, &j->how.retries, e);
    if (r == 0)
        r = registry_args_creds(&a->registry, &j->how.creds, e);
    j->how.authfile = a->registry.authfile;
    j->how.cert_dir = a->registry.cert_dir;
    j->how.note = note;
    return r;
}

/* A configuration by itself is no list. */
static int print_documents(const struct job *j, struct err *e)
{
    autofree char *text = NULL;

    if (j->args->raw)
        return fflush(stdout) == 0 ? 0 : err_sys(e, "cannot write to standard output");
    if (!j->args->config || j->args->format || json_array_size(j->documents) != 1)
        return listing_inspect(j->args->format, j->documents, e);
    text = jsonx_dump(json_array_get(j->documents, 0), 4);
    if (!text)
        return err_memory(e);
    puts(text);
    return 0;
}

/* What is found is printed; what is not is the command's failure. */
static int image_inspect_main(const void *args, int argc, const char **argv, struct err *e)
{
    struct job j = {.args = args, .store = STORE_CLOSED, .documents = json_array()};
    struct err first = {0}, why = {0};
    int r = read_options(&j, e), missing = 0;

    if (r == 0)
        r = store_open(&j.store, e);
    for (int i = 0; r == 0 && i < argc; i++) {
        int n = look(&j, argv[i], missing ? &why : &first);

        if (n < 0 && missing)
            fprintf(stderr, "Error: %s\n", why.text);
        missing = n < 0 && !missing ? n : missing;
    }
    if (r == 0)
        r = print_documents(&j, e);
    store_close(&j.store);
    json_decref(j.documents);
    if (r == 0 && missing)
        *e = first;
    return r < 0 ? r : missing;
}

const struct command command_image_inspect OPT_TABLE = {
    .name = "image inspect",
    .operand = "IMAGE...",
    .summary = "Print what is known of images",
    .mixed = true,
    .opts = image_inspect_opts,
    .args_size = sizeof(struct image_inspect_args),
    .operands_min = 1,
    .operands_max = -1,
    .guess = GUESS_IMAGE,
    .main = image_inspect_main,
};
