#include "storage/image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/blob.h"
#include "storage/image_member.h"
#include "storage/image_search.h"
#include "storage/layer.h"
#include "storage/refs.h"

enum { CONFIG_MAX = MANIFEST_MAX };

/* Takes the manifest, also when it fails. */
static int open_config(const struct store *s, const struct digest *d, struct manifest *m,
                       struct image *ret, struct err *e)
{
    autotext struct text t = {0};
    struct image i = {.manifest_digest = *d, .id = m->config.digest, .manifest = *m};
    int r = blob_load(s, &i.id, CONFIG_MAX, &t, e);

    *m = (struct manifest){0};
    if (r == 0)
        r = err_wrap(e, manifest_config_parse(t.s, t.n, &i.config, e), "config sha256:%.12s",
                     i.id.hex);
    if (r < 0)
        manifest_free(&i.manifest);
    else
        *ret = i;
    return r;
}

int image_open(const struct store *s, const struct digest *manifest, struct image *ret,
               struct err *e)
{
    struct manifest m = {0};
    int r = image_member_document(s, manifest, &m, e);

    if (r < 0)
        return r;
    if (!m.is_index)
        return open_config(s, manifest, &m, ret, e);
    manifest_free(&m);
    return err_set(e, EINVAL, "manifest sha256:%.12s: it is an index of several platforms",
                   manifest->hex);
}

void image_free(struct image *i)
{
    manifest_free(&i->manifest);
    manifest_config_free(&i->config);
    *i = (struct image){0};
}

static bool platform_fits(const struct platform *have, const struct platform *want)
{
    return strcmp(have->os, want->os) == 0 && strcmp(have->arch, want->arch) == 0 &&
           (!have->variant[0] || !want->variant[0] || strcmp(have->variant, want->variant) == 0);
}

/* The image for `want` of an index that is named; takes the index. */
static int open_member(const struct store *s, struct manifest *index, const struct digest *digest,
                       const struct platform *want, struct image *ret, struct err *e)
{
    struct digest member;
    int r = image_member_choose(s, index, want, &member, e);

    manifest_free(index);
    if (r < 0)
        return r;
    r = image_open(s, &member, ret, e);
    if (r < 0)
        return r == -ENOENT ? -EBADMSG : r;
    ret->index_digest = *digest;
    ret->is_index_name = true;
    return 0;
}

static int open_found(const struct store *s, const struct image_found *f,
                      const struct platform *want, struct image *ret, struct err *e)
{
    char have_text[200], want_text[200];
    struct manifest m = {0};
    int r = image_member_document(s, &f->target, &m, e);

    if (r == 0 && m.is_index)
        return open_member(s, &m, &f->target, want, ret, e);
    if (r == 0)
        r = open_config(s, &f->target, &m, ret, e);
    if (r < 0) /* named, but a part is missing: that is no "not known" */
        return r == -ENOENT ? -EBADMSG : r;
    ret->index_digest = f->index;
    if (!want || platform_fits(&ret->config.platform, want))
        return 0;
    r = err_set(e, ENOENT, "image not known for %s (the one in the store is for %s)",
                manifest_platform_format(want, want_text),
                manifest_platform_format(&ret->config.platform, have_text));
    image_free(ret);
    return r;
}

int image_find(const struct store *s, const char *name, const struct platform *want,
               struct image *ret, struct err *e)
{
    struct image_found found;
    struct image i = {0};
    int r = image_search(s, name, &found, e);

    if (r < 0)
        return r;
    r = err_wrap(e, open_found(s, &found, want, &i, e), "%s", name);
    if (r < 0)
        return r;
    if (found.name.registry[0])
        ref_format(&found.name, i.name);
    *ret = i;
    return 0;
}

/* Does any name but `except` lead to this manifest? */
struct users {
    const struct digest *manifest;
    const struct ref *except;
    bool any;
};

static bool same_name(const struct ref *a, const struct ref *b)
{
    return strcmp(a->registry, b->registry) == 0 && strcmp(a->repo, b->repo) == 0 &&
           strcmp(a->digest.hex, b->digest.hex) == 0 &&
           (a->digest.hex[0] || strcmp(a->tag, b->tag) == 0);
}

static int see_user(void *arg, const struct ref *name, const struct digest *manifest, struct err *e)
{
    struct users *u = arg;

    (void)e;
    if (hash_equal(manifest, u->manifest) && !same_name(name, u->except))
        u->any = true;
    return 0;
}

/* The same image by another manifest (compressed in another way): nothing would be lost. */
static bool same_image(const struct store *s, const struct digest *a, const struct digest *b)
{
    struct digest ia, ib;

    return image_member_id(s, a, &ia, NULL) == 0 && image_member_id(s, b, &ib, NULL) == 0 &&
           hash_equal(&ia, &ib);
}

/* Does the name's target before lose its last name, and something with it? */
static int keep_before(struct store *s, const struct ref *name, const struct digest *before,
                       const struct digest *now, struct err *e)
{
    struct users users = {.manifest = before, .except = name};
    int r = refs_each(s, see_user, &users, e);

    if (r == 0 && !users.any && !same_image(s, before, now))
        r = image_keep_unnamed(s, before, e);
    return r;
}

static int point(struct store *s, const struct ref *name, const struct refs_target *target,
                 struct err *e)
{
    struct ref unnamed = refs_unnamed(&target->digest);
    int r = layer_settle(s, e);

    if (r == 0)
        r = refs_save(s, name, target, e);
    if (r == 0)
        r = refs_remove(s, &unnamed, NULL);
    return r == -ENOENT ? 0 : r;
}

int image_name_through(struct store *s, const struct ref *name, const struct digest *manifest,
                       const struct digest *index, struct err *e)
{
    const struct refs_target target = {*manifest, *index};
    struct digest before;
    int r = 0;

    if (refs_read(s, name, &before, NULL) == 0) {
        if (index->hex[0] && hash_equal(&before, index))
            return layer_settle(s, e);
        if (!hash_equal(&before, manifest))
            r = keep_before(s, name, &before, manifest, e);
    }
    return r < 0 ? r : point(s, name, &target, e);
}

int image_name(struct store *s, const struct ref *name, const struct digest *digest, struct err *e)
{
    static const struct digest none;

    return image_name_through(s, name, digest, &none, e);
}

int image_name_edited(struct store *s, const struct ref *name, const struct digest *index,
                      struct err *e)
{
    const struct refs_target target = {.digest = *index};

    return point(s, name, &target, e);
}

int image_keep_unnamed(struct store *s, const struct digest *manifest, struct err *e)
{
    struct ref unnamed = refs_unnamed(manifest);
    int r = layer_settle(s, e);

    return r < 0 ? r : refs_write(s, &unnamed, manifest, e);
}

int image_unname(struct store *s, const struct ref *name, struct err *e)
{
    return refs_remove(s, name, e);
}

struct named_only {
    int (*fn)(void *arg, const struct ref *name, const struct digest *manifest, struct err *e);
    void *arg;
};

static int pass_named(void *arg, const struct ref *name, const struct digest *manifest,
                      struct err *e)
{
    const struct named_only *n = arg;

    return refs_is_unnamed(name) ? 0 : n->fn(n->arg, name, manifest, e);
}

int image_each(const struct store *s,
               int (*fn)(void *arg, const struct ref *name, const struct digest *manifest,
                         struct err *e),
               void *arg, struct err *e)
{
    struct named_only n = {fn, arg};

    return refs_each(s, pass_named, &n, e);
}
