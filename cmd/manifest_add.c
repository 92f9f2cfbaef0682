/* rctr manifest add: images into a list. */
#include <errno.h>
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/manifest_args.h"
#include "cmd/manifest_member.h"
#include "core/base/auto.h"
#include "storage/image_index.h"

struct manifest_add_args {
    bool all, insecure;
    struct manifest_args what;
    struct registry_args registry;
};

static const struct opt manifest_add_opts[] OPT_TABLE = {
    OPT_FLAG(0, "all", struct manifest_add_args, all,
             "Of an image that is a list itself, put in all that it has"),
    MANIFEST_ANNOTATION(struct manifest_add_args, what),
    MANIFEST_ARCH(struct manifest_add_args, what),
    REGISTRY_AUTHFILE(struct manifest_add_args, registry),
    REGISTRY_CERT_DIR(struct manifest_add_args, registry),
    REGISTRY_CREDS(struct manifest_add_args, registry),
    MANIFEST_FEATURES(struct manifest_add_args, what),
    OPT_FLAG(0, "insecure", struct manifest_add_args, insecure, "The same as --tls-verify=false"),
    MANIFEST_OS(struct manifest_add_args, what),
    MANIFEST_OS_FEATURES(struct manifest_add_args, what),
    MANIFEST_OS_VERSION(struct manifest_add_args, what),
    REGISTRY_RETRY(struct manifest_add_args, registry),
    REGISTRY_TLS_VERIFY(struct manifest_add_args, registry),
    MANIFEST_VARIANT(struct manifest_add_args, what),
    OPT_DONE,
};

static int read_options(const struct manifest_add_args *a, struct manifest_change *ret,
                        struct err *e)
{
    int r = manifest_args_read(&a->what, ret, e);

    if (r == 0 && a->all && ret->platform_given)
        r = err_set(e, EINVAL,
                    "--all puts in each image with the platform that it has in its own list: "
                    "--os, --arch and --variant cannot be used with it");
    return r;
}

static int add(struct store *s, const struct list_member_choice *choice,
               const struct place_options *o, const char *list, const char *image,
               const struct manifest_list_change *change, struct err *e)
{
    autoedit struct list_edit edit = LIST_EDIT_NONE;
    automember struct list_member member = {0};
    int r = manifest_member_find(s, image, choice, o, &member, e);

    if (r == 0)
        r = list_edit_begin(s, list, &edit, e);
    if (r == 0)
        r = list_member_put(&edit, &member, change, e);
    if (r == 0)
        r = list_edit_save(&edit, e);
    if (r == 0)
        printf("%s\n", edit.digest.hex);
    return r;
}

static int manifest_add_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct manifest_add_args *a = args;
    autochange struct manifest_change change = {0};
    autostore struct store s = STORE_CLOSED;
    struct list_member_choice choice = {.all = a->all};
    struct place_options o = {0};
    int r = read_options(a, &change, e);

    if (change.platform_given)
        choice.want = &change.platform;
    if (r == 0)
        r = manifest_member_place(&a->registry, a->insecure, &o, e);
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0) /* no registry is asked for a list that is not there */
        r = image_find_index(&s, argv[0], NULL, NULL, NULL, e);
    for (int i = 1; r == 0 && i < argc; i++)
        r = add(&s, &choice, &o, argv[0], argv[i], &change.change, e);
    return r;
}

const struct command command_manifest_add OPT_TABLE = {
    .name = "manifest add",
    .operand = "LIST IMAGE [IMAGE...]",
    .summary = "Add images to a manifest list",
    .opts = manifest_add_opts,
    .args_size = sizeof(struct manifest_add_args),
    .operands_min = 2,
    .operands_max = -1,
    .mixed = true,
    .guess = GUESS_IMAGE,
    .main = manifest_add_main,
};
