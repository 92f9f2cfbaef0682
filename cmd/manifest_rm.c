/* rctr manifest remove, manifest rm: an image out of a list, and lists out of the store. */
#include "cmd/manifest_rm.h"

#include <errno.h>
#include <stdio.h>

#include "cmd/command.h"
#include "core/base/auto.h"
#include "storage/event.h"
#include "storage/gc.h"
#include "storage/image.h"
#include "storage/image_index.h"
#include "storage/list_edit.h"
#include "storage/refs.h"

enum { STATUS_MISSING = 1 }; /* as podman */

static int manifest_remove_main(const void *args, int argc, const char **argv, struct err *e)
{
    autostore struct store s = STORE_CLOSED;
    autoedit struct list_edit edit = LIST_EDIT_NONE;
    struct digest digest;
    int r = store_open(&s, e);

    (void)args, (void)argc;
    if (r == 0)
        r = list_edit_begin(&s, argv[0], &edit, e);
    if (r == 0)
        r = err_wrap(e, hash_parse(argv[1], &digest, e), "invalid image digest \"%s\"", argv[1]);
    if (r == 0)
        r = err_wrap(e, manifest_list_remove(&edit.list, &digest, e),
                     "removing from manifest list %s", argv[0]);
    if (r == 0)
        r = list_edit_save(&edit, e);
    if (r == 0)
        printf("%s\n", edit.digest.hex);
    return r;
}

const struct command command_manifest_remove OPT_TABLE = {
    .name = "manifest remove",
    .operand = "LIST DIGEST",
    .summary = "Remove an image from a manifest list",
    .operands_min = 2,
    .operands_max = 2,
    .mixed = true,
    .guess = GUESS_IMAGE,
    .main = manifest_remove_main,
};

struct manifest_rm_args {
    bool ignore;
};

static const struct opt manifest_rm_opts[] OPT_TABLE = {
    OPT_FLAG('i', "ignore", struct manifest_rm_args, ignore, "Do not fail when a list is missing"),
    OPT_DONE,
};

/* The names of one list. */
struct names {
    const struct digest *index;
    struct strv v;
};

static int see_name(void *arg, const struct ref *name, const struct digest *target, struct err *e)
{
    struct names *l = arg;
    char text[REF_TEXT_MAX];

    if (!hash_equal(target, l->index))
        return 0;
    return strv_add(&l->v, refs_is_unnamed(name) ? "" : ref_format(name, text), e);
}

static int remove_name(struct store *s, const char *text, const struct digest *index, bool quiet,
                       struct err *e)
{
    struct ref name = refs_unnamed(index);
    int r = *text ? ref_parse(text, &name, e) : 0;

    if (r == 0)
        r = image_unname(s, &name, e);
    if (r == 0 && *text) {
        if (!quiet)
            printf("Untagged: %s\n", text);
        event_image(s, "untag", index, text);
    }
    return r == -ENOENT ? 0 : r; /* another command was faster */
}

int manifest_rm_list(struct store *s, const char *word, bool quiet, struct err *e)
{
    struct digest index;
    struct names names = {.index = &index};
    char text[REF_TEXT_MAX];
    struct ref name;
    int r = image_find_index(s, word, &name, &index, NULL, e);

    if (r == 0)
        r = refs_each(s, see_name, &names, e);
    if (r == 0 && name.registry[0])
        r = remove_name(s, ref_format(&name, text), &index, quiet, e);
    else if (r == 0 && names.v.n > 1)
        r = err_set(e, EBUSY, "%s has several names: say which one is to go", word);
    else if (r == 0 && names.v.n)
        r = remove_name(s, names.v.v[0], &index, quiet, e);
    if (r == 0 && names.v.n <= 1) {
        if (!quiet)
            printf("Deleted: %s\n", index.hex);
        event_image(s, "remove", &index, word);
    }
    strv_free(&names.v);
    return r;
}

static int manifest_rm_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct manifest_rm_args *a = args;
    autostore struct store s = STORE_CLOSED;
    int r = store_open(&s, e), removed = 0;

    for (int i = 0; r == 0 && i < argc; i++) {
        r = manifest_rm_list(&s, argv[i], false, e);
        removed += r == 0;
        if (r == -ENOENT && a->ignore)
            r = 0;
        else if (r == -ENOENT && e)
            e->status = STATUS_MISSING;
    }
    if (removed)
        (void)gc_run(&s, false, NULL, NULL); /* what others are in the way of goes the next time */
    return r;
}

const struct command command_manifest_rm OPT_TABLE = {
    .name = "manifest rm",
    .operand = "LIST [LIST...]",
    .summary = "Remove manifest lists",
    .opts = manifest_rm_opts,
    .args_size = sizeof(struct manifest_rm_args),
    .operands_min = 1,
    .operands_max = -1,
    .mixed = true,
    .guess = GUESS_IMAGE,
    .main = manifest_rm_main,
};
