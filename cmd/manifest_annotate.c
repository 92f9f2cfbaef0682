/* rctr manifest annotate: what a list says of an image in it, or of itself. */
#include <errno.h>
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/manifest_args.h"
#include "core/base/auto.h"
#include "storage/image.h"

struct manifest_annotate_args {
    bool index;
    struct manifest_args what;
};

static const struct opt manifest_annotate_opts[] OPT_TABLE = {
    MANIFEST_ANNOTATION(struct manifest_annotate_args, what),
    MANIFEST_ARCH(struct manifest_annotate_args, what),
    MANIFEST_FEATURES(struct manifest_annotate_args, what),
    OPT_FLAG(0, "index", struct manifest_annotate_args, index,
             "Annotate the list itself; no IMAGE is named then"),
    MANIFEST_OS(struct manifest_annotate_args, what),
    MANIFEST_OS_FEATURES(struct manifest_annotate_args, what),
    MANIFEST_OS_VERSION(struct manifest_annotate_args, what),
    MANIFEST_VARIANT(struct manifest_annotate_args, what),
    OPT_DONE,
};

/* The digest of an entry as it is written, or that of the stored image of this name. */
static int find_digest(const struct store *s, const char *word, struct digest *ret, struct err *e)
{
    autoimage struct image i = {0};
    int r;

    if (hash_parse(word, ret, NULL) == 0)
        return 0;
    r = image_find(s, word, NULL, &i, e);
    if (r == -ENOENT)
        return err_set(e, ENOENT,
                       "'%s' is neither a digest (sha256:…) nor an image of the store: `rctr "
                       "manifest inspect` shows the digests of a list",
                       word);
    *ret = i.manifest_digest;
    return r;
}

static int check_operands(const struct manifest_annotate_args *a, int argc,
                          const struct manifest_change *change, struct err *e)
{
    const struct manifest_list_change *c = &change->change;

    if (!a->index && argc < 2)
        return err_set(e, EINVAL, "an IMAGE of the list is wanted (or --index, for the list)");
    if (a->index && argc > 1)
        return err_set(e, EINVAL, "--index annotates the list itself: no IMAGE is named then");
    if (a->index && (change->platform_given || c->os_version || c->features.n || c->os_features.n))
        return err_set(e, EINVAL, "--index: a list itself has annotations only");
    return 0;
}

static int manifest_annotate_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct manifest_annotate_args *a = args;
    autochange struct manifest_change change = {0};
    autostore struct store s = STORE_CLOSED;
    autoedit struct list_edit edit = LIST_EDIT_NONE;
    struct digest digest;
    int r = manifest_args_read(&a->what, &change, e);

    if (r == 0)
        r = check_operands(a, argc, &change, e);
    if (r == 0)
        r = store_open(&s, e);
    if (r == 0)
        r = list_edit_begin(&s, argv[0], &edit, e);
    if (r == 0 && a->index)
        r = manifest_list_annotate_self(&edit.list, &change.change.annotations, e);
    if (r == 0 && !a->index)
        r = find_digest(&s, argv[1], &digest, e);
    if (r == 0 && !a->index)
        r = err_wrap(e, manifest_list_annotate(&edit.list, &digest, &change.change, e), "%s",
                     argv[0]);
    if (r == 0)
        r = list_edit_save(&edit, e);
    if (r == 0)
        printf("%s\n", edit.digest.hex);
    return r;
}

const struct command command_manifest_annotate OPT_TABLE = {
    .name = "manifest annotate",
    .operand = "LIST [IMAGE]",
    .summary = "Say for which platform an image of a manifest list is, or annotate it",
    .opts = manifest_annotate_opts,
    .args_size = sizeof(struct manifest_annotate_args),
    .operands_min = 1,
    .operands_max = 2,
    .mixed = true,
    .guess = GUESS_IMAGE,
    .main = manifest_annotate_main,
};
