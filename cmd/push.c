/* rctr push: images of the store into registries. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/progress.h"
#include "cmd/send_args.h"
#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/copy/list_push.h"
#include "storage/image_index.h"
#include "storage/image_load.h"

struct push_args {
    bool quiet, all_tags;
    const char *digestfile, *format, *progress;
    struct send_args send;
    struct registry_args registry;
};

static const struct opt push_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all-tags", struct push_args, all_tags,
             "Push all names that the store has of a repository"),
    REGISTRY_AUTHFILE(struct push_args, registry),
    REGISTRY_CERT_DIR(struct push_args, registry),
    SEND_COMPRESSION(struct push_args, send),
    SEND_LEVEL(struct push_args, send),
    REGISTRY_CREDS(struct push_args, registry),
    OPT_TEXT(0, "digestfile", struct push_args, digestfile, "FILE",
             "Write the digest of the manifest to FILE", .guess = GUESS_FILE),
    SEND_FORCE(struct push_args, send),
    OPT_TEXT(0, "format", struct push_args, format, "oci|v2s2",
             "Send the manifest in this format (as the image has it)"),
    PROGRESS_OPTION(struct push_args),
    OPT_FLAG('q', "quiet", struct push_args, quiet, "Show nothing"),
    REGISTRY_RETRY(struct push_args, registry),
    REGISTRY_TLS_VERIFY(struct push_args, registry),
    OPT_DONE,
};

static int read_format(const char *text, enum push_format *ret, struct err *e)
{
    *ret = PUSH_AS_IS;
    if (!text)
        return 0;
    if (strcmp(text, "oci") == 0)
        *ret = PUSH_OCI;
    else if (strcmp(text, "v2s2") == 0 || strcmp(text, "docker") == 0)
        *ret = PUSH_DOCKER;
    else
        return err_set(e, EINVAL, "--format: unrecognized image format \"%s\" (oci, v2s2)", text);
    return 0;
}

static int read_options(const struct push_args *a, struct push_options *o, struct err *e)
{
    int r = read_format(a->format, &o->manifest, e);

    return r < 0 ? r : send_args_read(&a->send, &a->registry, o, e);
}

/* An archive or a folder; "oci:v1" may be a repository's name too, and is a folder here as it is
 * for podman. */
static bool is_place(const char *to)
{
    static const char *const prefixes[] = {"oci:", "oci-archive:", "docker-archive:", "dir:"};

    for (size_t i = 0; to && i < ARRAY_SIZE(prefixes); i++)
        if (text_starts(to, prefixes[i]))
            return true;
    return false;
}

/* What is pushed: an image, or an index with what the store has of it. */
struct subject {
    struct image image; /* owned; of an index its name alone */
    struct text index;  /* owned: the index; n 0: it is an image */
    struct digest index_digest;
};

static void subject_free(struct subject *f)
{
    image_free(&f->image);
    text_free(&f->index);
}

/* Also the embedded image, which the store has after its first use. */
static int find(struct store *s, const char *word, struct subject *ret, struct err *e)
{
    struct ref name;
    int r = image_find(s, word, NULL, &ret->image, e);

    if (r == 0 && !ret->image.is_index_name)
        return 0;
    if (image_find_index(s, word, &name, &ret->index_digest, &ret->index, NULL) == 0) {
        image_free(&ret->image);
        if (name.registry[0])
            ref_format(&name, ret->image.name);
        return 0;
    }
    if (r == -ENOENT && ref_parse(word, &name, NULL) == 0 &&
        strcmp(name.registry, "localhost") == 0 &&
        image_load_default(s, &name, NULL, &ret->image, NULL) == 0)
        return 0;
    return r;
}

static const enum copier_format formats[] = {COPIER_AS_IS, COPIER_OCI, COPIER_DOCKER};

/* Into an archive or a folder; layers go as they are in the store. */
static int push_place(struct store *s, const struct subject *from, const char *word,
                      const char *place, const struct push_options *o, struct digest *ret,
                      struct err *e)
{
    const struct list_push_options list = {.push = *o, .format = formats[o->manifest]};
    const struct digest *d = from->index.n ? &from->index_digest : &from->image.manifest_digest;

    return list_push_place(s, d, word, place, &list, ret, e);
}

static int push_one(struct store *s, const char *word, const char *to, const struct push_options *o,
                    struct digest *ret, struct err *e)
{
    struct subject from = {0};
    struct descriptor sent = {0};
    struct ref name;
    int r = find(s, word, &from, e);

    if (r == 0 && is_place(to)) {
        r = push_place(s, &from, word, to, o, ret, e);
        subject_free(&from);
        return r;
    }
    if (r == 0)
        r = registry_args_destination(from.image.name, to, &name, e);
    if (r == 0 && from.index.n) {
        const struct list_push_options list = {.push = *o, .format = formats[o->manifest]};

        r = list_push(s, from.index.s, from.index.n, &name, &list, ret, NULL, e);
    } else if (r == 0) {
        r = push_image(s, &from.image, &name, o, &sent, e);
        *ret = sent.digest;
    }
    subject_free(&from);
    return r;
}

/* ---- --all-tags ---- */

struct repo {
    const struct ref *name;
    struct strv tags;
};

static int see_name(void *arg, const struct ref *name, const struct digest *digest, struct err *e)
{
    struct repo *l = arg;

    (void)digest;
    return !name->digest.hex[0] && strcmp(name->registry, l->name->registry) == 0 &&
                   strcmp(name->repo, l->name->repo) == 0
               ? strv_add(&l->tags, name->tag, e)
               : 0;
}

/* A repository, said without a tag. */
static int parse_repo(const char *word, struct ref *ret, struct err *e)
{
    const char *bare = text_starts(word, "docker://") ? word + strlen("docker://") : word;
    const char *slash = strrchr(bare, '/');

    if (strpbrk(slash ? slash : bare, ":@"))
        return err_set(e, EINVAL, "--all-tags: '%s' names one tag already: leave it out", word);
    return ref_parse(bare, ret, e);
}

static int push_tags(struct store *s, const char *word, const char *dest,
                     const struct push_options *o, struct err *e)
{
    char from_text[REF_TEXT_MAX], to_text[REF_TEXT_MAX];
    struct digest digest;
    struct ref from, to;
    struct repo l = {.name = &from};
    int r = parse_repo(word, &from, e);

    if (r == 0)
        r = dest ? parse_repo(dest, &to, e) : (to = from, 0);
    if (r == 0)
        r = image_each(s, see_name, &l, e);
    if (r == 0 && !l.tags.n)
        r = err_set(e, ENOENT, "%s: the store has no image of that repository",
                    ref_format_repo(&from, from_text));
    for (size_t i = 0; r == 0 && i < l.tags.n; i++) {
        snprintf(from.tag, sizeof from.tag, "%s", l.tags.v[i]);
        snprintf(to.tag, sizeof to.tag, "%s", l.tags.v[i]);
        r = push_one(s, ref_format(&from, from_text), ref_format(&to, to_text), o, &digest, e);
        err_wrap(e, r, "%s", from_text);
    }
    strv_free(&l.tags);
    return r;
}

static int push_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct push_args *a = args;
    struct progress progress;
    struct push_options o = {.progress = progress_push, .arg = &progress};
    autostore struct store s = STORE_CLOSED;
    const char *to = argc > 1 ? argv[1] : NULL;
    char text[DIGEST_TEXT_MAX];
    struct digest digest;
    int r = read_options(a, &o, e);

    if (r == 0 && a->all_tags && a->digestfile)
        r = err_set(e, EINVAL, "--digestfile takes one digest, and --all-tags pushes several");
    if (r == 0)
        r = progress_open(&progress, a->progress, a->quiet, e);
    if (r == 0)
        r = store_open(&s, e);
    if (r < 0)
        return r;
    r = a->all_tags ? push_tags(&s, argv[0], to, &o, e) : push_one(&s, argv[0], to, &o, &digest, e);
    progress_end(&progress);
    if (r == 0 && a->digestfile) {
        r = err_wrap(e, file_put(a->digestfile, hash_format(&digest, text), 0644, e),
                     "--digestfile");
    }
    return r;
}

const struct command command_push OPT_TABLE = {
    .name = "push",
    .aliases = "image push",
    .operand = "IMAGE [DESTINATION]",
    .summary = "Push an image to a registry",
    .opts = push_opts,
    .args_size = sizeof(struct push_args),
    .operands_min = 1,
    .operands_max = 2,
    .mixed = true,
    .guess = GUESS_IMAGE,
    .main = push_main,
};
