/* rctr image rm: names first; an image goes with its last name, then what nothing else needs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/select.h"
#include "core/base/auto.h"
#include "core/base/log.h"
#include "core/engine/remove.h"
#include "core/engine/stop.h"
#include "storage/event.h"
#include "storage/gc.h"
#include "storage/image_index.h"
#include "storage/image_list.h"
#include "storage/record.h"
#include "storage/refs.h"

struct image_rm_args {
    bool all, force, ignore;
};

static const struct opt image_rm_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct image_rm_args, all, "Remove all images"),
    OPT_FLAG('f', "force", struct image_rm_args, force,
             "Remove an image by its id with all its names, and the containers made from it; a "
             "missing one is no failure"),
    OPT_FLAG('i', "ignore", struct image_rm_args, ignore, "Do not fail when an image is missing"),
    OPT_DONE,
};

enum { STATUS_MISSING = 1, STATUS_IN_USE = 2 }; /* as podman rmi */

/* All names of one image. */
struct names {
    const struct store *s;
    const struct digest *id;
    struct ref v[64];
    size_t n, tagged;
    bool more; /* than fit into v */
};

static int see_name(void *arg, const struct ref *name, const struct digest *manifest, struct err *e)
{
    struct names *l = arg;
    struct digest id;

    (void)e;
    if (image_member_id(l->s, manifest, &id, NULL) < 0 || !hash_equal(&id, l->id))
        return 0;
    if (l->n == ARRAY_SIZE(l->v)) {
        l->more = true;
        return 0;
    }
    l->tagged += !refs_is_unnamed(name);
    l->v[l->n++] = *name;
    return 0;
}

struct usage {
    const struct store *s;
    struct strv images;     /* ids of what goes: the image, or those that only the index keeps */
    struct strv containers; /* their ids */
};

static int see_container(void *arg, struct record *r, struct err *e)
{
    struct usage *u = arg;

    return strv_has(&u->images, r->image_id.hex) ? strv_add(&u->containers, r->id, e) : 0;
}

static int see_member(void *arg, const struct image_member *m, struct err *e)
{
    struct usage *u = arg;
    struct digest id;
    struct names names = {.s = u->s, .id = &id};
    int r;

    if (!m->is_image || !m->here || image_member_id(u->s, &m->descriptor->digest, &id, NULL) < 0)
        return 0;
    r = refs_each(u->s, see_name, &names, e);
    return r == 0 && names.n == 0 ? strv_add(&u->images, id.hex, e) : r;
}

static int refuse_used(const struct usage *u, const char *word, struct err *e)
{
    const char *first = u->containers.v[0];

    err_set(e, EBUSY,
            "image %s is in use by container %.12s: remove the container (rctr rm %.12s), or the "
            "image with its containers (rctr rmi -f)",
            word, first, first);
    if (e)
        e->status = STATUS_IN_USE;
    return -EBUSY;
}

/* Running ones are killed. One that goes away meanwhile is fine. */
static int remove_containers(const struct store *s, const struct usage *u, struct err *e)
{
    const struct select_args none = {.ignore = true};
    const struct select_want want = {.args = &none,
                                     .words = (const char *const *)u->containers.v,
                                     .count = (int)u->containers.n};
    const struct remove_options o = {.force = true, .grace_s = STOP_NOW};
    autoselection struct selection l = {0};
    autofree struct remove_item *items = calloc(u->containers.n, sizeof *items);
    int r = items ? select_load(s, &want, &l, e) : err_memory(e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < l.n; i++)
        items[i].record = &l.v[i].record;
    r = remove_all(s, &o, items, l.n);
    for (size_t i = 0; i < l.n; i++)
        if (items[i].result < 0) {
            *e = items[i].why;
            return err_wrap(e, items[i].result, "cannot remove container %.12s", l.v[i].record.id);
        }
    return r;
}

static int clear_users(const struct store *s, const struct image_target *i, const char *word,
                       bool force, struct err *e)
{
    struct usage u = {.s = s};
    int r = i->is_index ? image_member_each(s, &i->digest, see_member, &u, NULL) : 0;

    r = r == -ENOMEM ? err_memory(e) : strv_add(&u.images, i->id.hex, e);
    if (r == 0)
        r = record_each(s, see_container, &u, e);
    if (r == 0 && u.containers.n)
        r = force ? remove_containers(s, &u, e) : refuse_used(&u, word, e);
    strv_free(&u.images);
    strv_free(&u.containers);
    return r;
}

static int remove_name(struct store *s, const struct digest *id, const struct ref *name,
                       struct err *e)
{
    char text[REF_TEXT_MAX];
    int r = image_unname(s, name, e);

    if (r == 0 && !refs_is_unnamed(name)) {
        printf("Untagged: %s\n", ref_format(name, text));
        event_image(s, "untag", id, text);
    }
    return r == -ENOENT ? 0 : r; /* another command was faster */
}

/* Not so when the image was found by the digest of something that the name leads to. */
static bool is_one_of(const struct names *l, const char *name)
{
    char text[REF_TEXT_MAX];

    for (size_t n = 0; n < l->n; n++)
        if (strcmp(ref_format(&l->v[n], text), name) == 0)
            return true;
    return l->more;
}

static int remove_image(struct store *s, const struct image_target *i, const char *word,
                        const struct image_rm_args *a, struct err *e)
{
    struct names names = {.s = s, .id = &i->id};
    struct ref given;
    bool by_name;
    int r = refs_each(s, see_name, &names, e);

    if (r < 0)
        return r;
    by_name = !a->all && i->name[0] && ref_parse(i->name, &given, NULL) == 0 &&
              is_one_of(&names, i->name);
    if (names.n == 0)
        return err_set(e, EBUSY,
                       "image %s belongs to an index (manifest list) that has a name: remove that",
                       word);
    if (by_name && names.tagged > 1)
        return remove_name(s, &i->id, &given, e);
    if (!by_name && names.tagged > 1 && !a->force && !a->all)
        return err_set(e, EBUSY,
                       "unable to delete image \"%s\" by ID with more than one tag: "
                       "remove it by a name, or force it (rctr rmi -f)",
                       word);
    r = clear_users(s, i, word, a->force, e);
    do {
        for (size_t n = 0; r == 0 && n < names.n; n++)
            r = remove_name(s, &i->id, &names.v[n], e);
        if (!names.more)
            break;
        names.n = names.tagged = 0;
        names.more = false;
        if (r == 0)
            r = refs_each(s, see_name, &names, e);
    } while (r == 0);
    if (r == 0) {
        printf("Deleted: sha256:%s\n", i->id.hex);
        event_image(s, "remove", &i->id, i->name);
    }
    return r;
}

static int remove_word(struct store *s, const char *word, const struct image_rm_args *a,
                       struct err *e)
{
    struct image_target t;
    int r = image_find_target(s, word, &t, e);

    if (r == -ENOENT) {
        if (a->force) /* docker and podman then say it (or not even that) and go on */
            fprintf(stderr, "Note: %s\n", e->text);
        if (a->ignore || a->force)
            return 0;
        if (e)
            e->status = STATUS_MISSING;
    }
    return r < 0 ? r : remove_image(s, &t, word, a, e);
}

/* Every one is tried; the first failure is the command's, the others are printed here. */
static int remove_words(struct store *s, const struct strv *words, const struct image_rm_args *a,
                        struct err *e)
{
    int first = 0;

    for (size_t i = 0; i < words->n; i++) {
        struct err why = {0};
        int r = remove_word(s, words->v[i], a, &why);

        if (r < 0 && first == 0) {
            first = r;
            *e = why;
        } else if (r < 0) {
            fflush(stdout);
            fprintf(stderr, "Error: %s\n", why.text);
        }
    }
    return first;
}

static int all_ids(const struct store *s, struct strv *ret, struct err *e)
{
    autoimages struct image_list images = {0};
    int r = image_list_load(s, &images, e);

    for (size_t i = 0; r == 0 && i < images.n; i++)
        r = strv_addf(ret, e, "sha256:%s", images.v[i].id.hex);
    return r;
}

static int image_rm_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct image_rm_args *a = args;
    autostore struct store s = STORE_CLOSED;
    autostrv struct strv words = {0};
    struct err why = {0};
    int r, n;

    if (a->all && argc)
        return err_set(e, EINVAL, "when --all is given, no image may be named");
    if (!a->all && !argc)
        return err_set(e, EINVAL, "name an image, or give --all: rctr image rm IMAGE...");
    r = store_open(&s, e);
    if (r == 0)
        r = record_sweep(&s, e); /* what a crash left must not keep an image */
    if (r == 0 && a->all)
        r = all_ids(&s, &words, e);
    for (int i = 0; r == 0 && i < argc; i++)
        r = strv_add(&words, argv[i], e);
    if (r == 0)
        r = remove_words(&s, &words, a, e);
    /* What is removed is removed; when others write just now, a later command frees the space. */
    n = s.fd >= 0 ? gc_run(&s, false, NULL, &why) : 0;
    if (n < 0 && n != -EWOULDBLOCK)
        log_warn("space was not freed: %s", why.text);
    return r;
}

const struct command command_image_rm OPT_TABLE = {
    .name = "image rm",
    .aliases = "rmi|image remove",
    .operand = "[IMAGE...]",
    .summary = "Remove images",
    .mixed = true,
    .opts = image_rm_opts,
    .args_size = sizeof(struct image_rm_args),
    .operands_max = -1,
    .guess = GUESS_IMAGE,
    .main = image_rm_main,
};
