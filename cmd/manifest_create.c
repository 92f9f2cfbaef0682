/* rctr manifest create: a new list of images for several platforms. */
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/manifest_args.h"
#include "cmd/manifest_member.h"
#include "core/base/auto.h"

struct manifest_create_args {
    bool all, amend, insecure;
    struct opt_list annotations;
    struct registry_args registry;
};

static const struct opt manifest_create_opts[] OPT_TABLE = {
    OPT_FLAG(0, "all", struct manifest_create_args, all,
             "Of an image that is a list itself, put in all that it has"),
    OPT_FLAG('a', "amend", struct manifest_create_args, amend,
             "Change the list when it is there already"),
    OPT_LIST(0, "annotation", struct manifest_create_args, annotations, "KEY=VALUE",
             "Annotate the list (may be repeated)"),
    REGISTRY_AUTHFILE(struct manifest_create_args, registry),
    REGISTRY_CERT_DIR(struct manifest_create_args, registry),
    REGISTRY_CREDS(struct manifest_create_args, registry),
    OPT_FLAG(0, "insecure", struct manifest_create_args, insecure,
             "The same as --tls-verify=false"),
    REGISTRY_RETRY(struct manifest_create_args, registry),
    REGISTRY_TLS_VERIFY(struct manifest_create_args, registry),
    OPT_DONE,
};

/* All are found before the list is touched. */
static int find_members(struct store *s, const struct manifest_create_args *a, int argc,
                        const char **argv, struct list_member *ret, struct err *e)
{
    const struct list_member_choice choice = {.all = a->all};
    struct place_options o;
    int r = manifest_member_place(&a->registry, a->insecure, &o, e);

    for (int i = 0; r == 0 && i < argc; i++)
        r = manifest_member_find(s, argv[i], &choice, &o, &ret[i], e);
    return r;
}

static int create(struct store *s, const struct manifest_create_args *a, const struct ref *name,
                  const struct strv *annotations, const struct list_member *members, int n,
                  struct err *e)
{
    static const struct manifest_list_change none;
    autoedit struct list_edit edit = LIST_EDIT_NONE;
    int r = list_edit_new(s, name, a->amend, &edit, e);

    if (r == 0)
        r = manifest_list_annotate_self(&edit.list, annotations, e);
    for (int i = 0; r == 0 && i < n; i++)
        r = list_member_put(&edit, &members[i], &none, e);
    if (r == 0)
        r = list_edit_save(&edit, e);
    if (r == 0)
        printf("%s\n", edit.digest.hex);
    return r;
}

static int manifest_create_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct manifest_create_args *a = args;
    autofree struct list_member *members = calloc((size_t)argc, sizeof *members);
    autostore struct store s = STORE_CLOSED;
    autostrv struct strv annotations = {0};
    struct ref name;
    int r = members ? ref_parse_own(argv[0], &name, e) : err_memory(e);

    if (r == 0)
        r = manifest_args_annotations(&a->annotations, &annotations, e);
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = find_members(&s, a, argc - 1, argv + 1, members, e);
    if (r == 0)
        r = create(&s, a, &name, &annotations, members, argc - 1, e);
    for (int i = 0; members && i < argc; i++)
        list_member_free(&members[i]);
    return r;
}

const struct command command_manifest_create OPT_TABLE = {
    .name = "manifest create",
    .operand = "LIST [IMAGE...]",
    .summary = "Make a list of images for several platforms",
    .opts = manifest_create_opts,
    .args_size = sizeof(struct manifest_create_args),
    .operands_min = 1,
    .operands_max = -1,
    .mixed = true,
    .guess = GUESS_IMAGE,
    .main = manifest_create_main,
};
