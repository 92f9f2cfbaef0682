/* rctr image tag, image untag: names of stored images. */
#include <errno.h>
#include <stdio.h>

#include "cmd/command.h"
#include "storage/event.h"
#include "storage/image.h"
#include "storage/image_index.h"
#include "storage/refs.h"

/* The index that an image came through goes along, except onto a name that leads to all of it. */
static int give_name(struct store *s, const struct ref *name, const struct image_target *t,
                     struct err *e)
{
    struct digest now;

    if (refs_read(s, name, &now, NULL) == 0 && hash_equal(&now, &t->index))
        return image_name(s, name, &t->digest, e);
    return image_name_through(s, name, &t->digest, &t->index, e);
}

static int image_tag_main(const void *args, int argc, const char **argv, struct err *e)
{
    autostore struct store s = STORE_CLOSED;
    struct image_target target;
    char text[REF_TEXT_MAX];
    struct ref name;
    int r = store_open(&s, e);

    (void)args;
    for (int i = 1; r == 0 && i < argc; i++)
        r = ref_parse_own(argv[i], &name, e); /* all are well-formed before the first is written */
    if (r == 0)
        r = store_lock_shared(&s, e);
    if (r == 0)
        r = image_find_target(&s, argv[0], &target, e);
    for (int i = 1; r == 0 && i < argc; i++) {
        r = ref_parse_own(argv[i], &name, e);
        if (r == 0)
            r = give_name(&s, &name, &target, e);
        if (r == 0)
            event_image(&s, "tag", &target.id, ref_format(&name, text));
    }
    return r;
}

const struct command command_image_tag OPT_TABLE = {
    .name = "image tag",
    .aliases = "tag",
    .operand = "IMAGE NAME...",
    .summary = "Give an image more names",
    .mixed = true,
    .operands_min = 2,
    .operands_max = -1,
    .guess = GUESS_IMAGE,
    .main = image_tag_main,
};

struct untag {
    struct store *s;
    const struct digest *manifest;
    struct strv names;
};

static int collect(void *arg, const struct ref *name, const struct digest *manifest, struct err *e)
{
    struct untag *u = arg;
    char text[REF_TEXT_MAX];

    if (!hash_equal(manifest, u->manifest))
        return 0;
    return strv_add(&u->names, ref_format(name, text), e);
}

/* The name as it is stored, of `word`, which must be one of the image's. */
static int check_name(struct untag *u, const char *word, struct err *e)
{
    struct image_target t;
    int r = image_find_target(u->s, word, &t, e);

    if (r == 0 && !hash_equal(&t.digest, u->manifest))
        return err_set(e, ENOENT, "%s: tag not known: it is the name of another image", word);
    if (r == 0 && !t.name[0])
        return err_set(e, EINVAL, "%s: a name is wanted, not an id", word);
    return r < 0 ? r : strv_add(&u->names, t.name, e);
}

static int image_untag_main(const void *args, int argc, const char **argv, struct err *e)
{
    autostore struct store s = STORE_CLOSED;
    struct image_target target = {0};
    struct untag u = {.s = &s, .manifest = &target.digest};
    struct ref name;
    int r = store_open(&s, e);

    (void)args;
    if (r == 0)
        r = store_lock_shared(&s, e);
    if (r == 0)
        r = image_find_target(&s, argv[0], &target, e);
    if (r == 0 && argc == 1)
        r = image_each(&s, collect, &u, e);
    for (int i = 1; r == 0 && i < argc; i++)
        r = check_name(&u, argv[i], e);
    /* Before the last name goes: the image stays. */
    if (r == 0)
        r = image_keep_unnamed(&s, &target.digest, e);
    for (size_t i = 0; r == 0 && i < u.names.n; i++) {
        r = ref_parse(u.names.v[i], &name, e);
        if (r == 0)
            r = image_unname(&s, &name, e);
        if (r == 0)
            event_image(&s, "untag", &target.id, u.names.v[i]);
    }
    strv_free(&u.names);
    if (r == 0) {
        u.names = (struct strv){0};
        r = image_each(&s, collect, &u, e);
        name = refs_unnamed(&target.digest);
        if (r == 0 && u.names.n)
            r = refs_remove(&s, &name, e);
        strv_free(&u.names);
    }
    return r;
}

const struct command command_image_untag OPT_TABLE = {
    .name = "image untag",
    .aliases = "untag",
    .operand = "IMAGE [NAME...]",
    .summary = "Take names from an image, or all of them; the image stays",
    .mixed = true,
    .operands_min = 1,
    .operands_max = -1,
    .guess = GUESS_IMAGE,
    .main = image_untag_main,
};
