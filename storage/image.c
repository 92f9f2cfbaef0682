#include "storage/image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/blob.h"
#include "storage/layer.h"
#include "storage/refs.h"

enum { ID_PREFIX_MIN = 3, CONFIG_MAX = MANIFEST_MAX };

static int open_manifest(const struct store *s, const struct digest *d, struct manifest *ret,
                         struct err *e)
{
    autotext struct text t = {0};
    int r = blob_load(s, d, MANIFEST_MAX, &t, e);

    if (r == 0)
        r = manifest_parse(t.s, t.n, ret, e);
    if (r == 0 && ret->is_index) {
        manifest_free(ret);
        r = err_set(e, EINVAL, "it is an index of several platforms");
    }
    return err_wrap(e, r, "manifest sha256:%.12s", d->hex);
}

int image_open(const struct store *s, const struct digest *manifest, struct image *ret,
               struct err *e)
{
    autotext struct text t = {0};
    struct image i = {.manifest_digest = *manifest};
    int r = open_manifest(s, manifest, &i.manifest, e);

    if (r < 0)
        return r;
    i.id = i.manifest.config.digest;
    r = blob_load(s, &i.id, CONFIG_MAX, &t, e);
    if (r == 0)
        r = err_wrap(e, manifest_config_parse(t.s, t.n, &i.config, e), "config sha256:%.12s",
                     i.id.hex);
    if (r < 0) {
        manifest_free(&i.manifest);
        return r;
    }
    *ret = i;
    return 0;
}

void image_free(struct image *i)
{
    manifest_free(&i->manifest);
    manifest_config_free(&i->config);
    *i = (struct image){0};
}

/* What a word can mean, and what was found so far. */
struct search {
    const struct store *s;
    const struct ref *ref; /* the word as a name */
    const char *hex;       /* the word as the beginning of an id, or NULL */
    struct ref name;       /* of what was found */
    struct digest manifest, id;
    size_t found; /* different images */
};

static void take(struct search *q, const struct ref *name, const struct digest *manifest)
{
    if (q->found && hash_equal(&q->manifest, manifest))
        return;
    q->found++;
    q->name = *name;
    q->manifest = *manifest;
}

static int see_repo_digest(void *arg, const struct ref *name, const struct digest *manifest,
                           struct err *e)
{
    struct search *q = arg;

    (void)e;
    if (strcmp(name->registry, q->ref->registry) == 0 && strcmp(name->repo, q->ref->repo) == 0 &&
        hash_equal(manifest, &q->ref->digest)) {
        take(q, name, manifest);
        q->name.digest = q->ref->digest;
    }
    return 0;
}

/* "alpine" is the end of "quay.io/x/alpine". */
static int see_end(void *arg, const struct ref *name, const struct digest *manifest, struct err *e)
{
    struct search *q = arg;
    const char *word = q->ref->repo;

    (void)e;
    if (text_starts(word, "library/"))
        word += strlen("library/");
    if (strcmp(name->tag, q->ref->tag) == 0 && hash_equal(&name->digest, &q->ref->digest) &&
        text_ends(name->repo, word)) {
        size_t n = strlen(name->repo) - strlen(word);

        if (n == 0 || name->repo[n - 1] == '/')
            take(q, name, manifest);
    }
    return 0;
}

static int see_id(void *arg, const struct ref *name, const struct digest *manifest, struct err *e)
{
    struct search *q = arg;
    struct manifest m = {0};

    (void)e;
    if (open_manifest(q->s, manifest, &m, NULL) < 0)
        return 0; /* check tells of it */
    if (text_starts(m.config.digest.hex, q->hex) || strcmp(manifest->hex, q->hex) == 0) {
        if (!q->found || !hash_equal(&q->id, &m.config.digest))
            take(q, name, manifest);
        q->id = m.config.digest;
    }
    manifest_free(&m);
    return 0;
}

/* Exactly this name: 0 or -ENOENT. */
static int try_ref(struct search *q, const struct ref *r)
{
    struct digest d;
    int n = refs_read(q->s, r, &d, NULL);

    if (n == 0)
        take(q, r, &d);
    return n;
}

static int search_name(struct search *q, const char *word, struct err *e)
{
    char text[REF_TEXT_MAX + 16];
    struct ref local;
    int r = 0;

    if (q->ref->short_name) {
        snprintf(text, sizeof text, "localhost/%s", word);
        if (ref_parse(text, &local, NULL) == 0 && try_ref(q, &local) == 0)
            return 0;
    }
    if (try_ref(q, q->ref) == 0)
        return 0;
    if (q->ref->digest.hex[0])
        r = refs_each(q->s, see_repo_digest, q, e);
    if (r == 0 && !q->found && q->ref->short_name)
        r = refs_each(q->s, see_end, q, e);
    return r;
}

/* "sha256:abc…" or "abc…" as the beginning of an id; NULL when it cannot be one. */
static const char *as_hex(const char *word)
{
    size_t n;

    if (text_starts(word, "sha256:"))
        word += strlen("sha256:");
    n = strlen(word);
    return n >= ID_PREFIX_MIN && n <= DIGEST_HEX && strspn(word, "0123456789abcdef") == n ? word
                                                                                          : NULL;
}

static int search(struct search *q, const char *word, struct ref *ref, struct err *e)
{
    struct err grammar = {0};
    int named = text_starts(word, "sha256:") ? -EINVAL : ref_parse(word, ref, &grammar), r = 0;

    q->hex = as_hex(word);
    q->ref = ref;
    if (named == 0)
        r = search_name(q, word, e);
    if (r == 0 && !q->found && q->hex) {
        r = refs_each(q->s, see_id, q, e);
        q->name = (struct ref){0};
    }
    if (r == 0 && !q->found && named < 0 && !q->hex) {
        if (e && grammar.code)
            *e = grammar;
        return named;
    }
    if (r == 0 && q->found > 1)
        return err_set(e, ENOTUNIQ, "\"%s\" fits %zu images: give more of the name or id", word,
                       q->found);
    if (r == 0 && !q->found)
        return err_set(e, ENOENT, "%s: image not known", word);
    return r;
}

static bool platform_fits(const struct platform *have, const struct platform *want)
{
    return strcmp(have->os, want->os) == 0 && strcmp(have->arch, want->arch) == 0 &&
           (!have->variant[0] || !want->variant[0] || strcmp(have->variant, want->variant) == 0);
}

int image_find(const struct store *s, const char *name, const struct platform *want,
               struct image *ret, struct err *e)
{
    struct search q = {.s = s};
    char have_text[200], want_text[200];
    struct image i = {0};
    struct ref ref = {0};
    int r = search(&q, name, &ref, e);

    if (r == 0)
        r = err_wrap(e, image_open(s, &q.manifest, &i, e), "%s", name);
    if (r == -ENOENT && q.found) /* named, but a part is missing: that is no "not known" */
        return -EBADMSG;
    if (r < 0)
        return r;
    if (want && !platform_fits(&i.config.platform, want)) {
        r = err_set(e, ENOENT, "%s: image not known for %s (the one in the store is for %s)", name,
                    manifest_platform_format(want, want_text),
                    manifest_platform_format(&i.config.platform, have_text));
        image_free(&i);
        return r;
    }
    if (q.name.registry[0])
        ref_format(&q.name, i.name);
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
    struct manifest ma = {0}, mb = {0};
    bool same = open_manifest(s, a, &ma, NULL) == 0 && open_manifest(s, b, &mb, NULL) == 0 &&
                hash_equal(&ma.config.digest, &mb.config.digest);

    manifest_free(&ma);
    manifest_free(&mb);
    return same;
}

int image_name(struct store *s, const struct ref *name, const struct digest *manifest,
               struct err *e)
{
    struct digest before;
    struct users users = {.manifest = &before, .except = name};
    struct ref unnamed = refs_unnamed(manifest);
    int r = 0;

    if (refs_read(s, name, &before, NULL) == 0 && !hash_equal(&before, manifest)) {
        r = refs_each(s, see_user, &users, e);
        if (r == 0 && !users.any && !same_image(s, &before, manifest))
            r = image_keep_unnamed(s, &before, e);
    }
    if (r == 0)
        r = layer_settle(s, e);
    if (r == 0)
        r = refs_write(s, name, manifest, e);
    if (r == 0)
        r = refs_remove(s, &unnamed, NULL);
    return r == -ENOENT ? 0 : r;
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
