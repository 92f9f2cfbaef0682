#include "storage/image_member.h"

#include <errno.h>

#include "storage/blob.h"

int image_member_document(const struct store *s, const struct digest *d, struct manifest *ret,
                          struct err *e)
{
    autotext struct text t = {0};
    int r = blob_load(s, d, MANIFEST_MAX, &t, e);

    if (r == 0)
        r = manifest_parse(t.s, t.n, ret, e);
    return err_wrap(e, r, "manifest sha256:%.12s", d->hex);
}

int image_member_id(const struct store *s, const struct digest *d, struct digest *ret,
                    struct err *e)
{
    struct manifest m = {0};
    int r = image_member_document(s, d, &m, e);

    if (r == 0)
        *ret = m.is_index ? *d : m.config.digest;
    manifest_free(&m);
    return r;
}

struct walk {
    const struct store *s;
    int (*fn)(void *arg, const struct image_member *m, struct err *e);
    void *arg;
    struct strv entered; /* indexes in the index: each once, or few could make many */
};

static int walk(struct walk *w, const struct digest *index, int depth, struct err *e)
{
    struct manifest m = {0};
    int r = image_member_document(w->s, index, &m, e);

    if (r == 0 && depth == IMAGE_MEMBER_DEPTH)
        r = err_set(e, ELOOP, "indexes lead to indexes, more than %d deep",
                    (int)IMAGE_MEMBER_DEPTH);
    for (size_t i = 0; r >= 0 && m.is_index && i < m.layer_count; i++) {
        const struct descriptor *d = &m.layers[i];
        const struct image_member member = {
            .descriptor = d,
            .is_index = manifest_is_index_type(d->media_type),
            .is_image = manifest_is_image(d) && !manifest_is_index_type(d->media_type),
            .here = blob_exists(w->s, &d->digest),
        };

        r = w->fn(w->arg, &member, e);
        if (r < 0 || !member.is_index || !member.here || strv_has(&w->entered, d->digest.hex))
            continue;
        r = strv_add(&w->entered, d->digest.hex, e);
        if (r == 0)
            r = walk(w, &d->digest, depth + 1, e);
    }
    manifest_free(&m);
    return r;
}

int image_member_each(const struct store *s, const struct digest *index,
                      int (*fn)(void *arg, const struct image_member *m, struct err *e), void *arg,
                      struct err *e)
{
    struct walk w = {.s = s, .fn = fn, .arg = arg};
    int r = walk(&w, index, 0, e);

    strv_free(&w.entered);
    return r < 0 ? r : 0;
}

static int choose(const struct store *s, const struct manifest *index, const struct platform *want,
                  int depth, struct digest *ret, struct err *e)
{
    const struct descriptor *best = NULL;
    struct manifest nested = {0};
    char text[200];
    int r = manifest_choose(index, want, &best, e);

    if (r < 0)
        return r;
    if (!blob_exists(s, &best->digest))
        return err_set(e, ENOENT, "its image for %s (sha256:%s) is not in the store",
                       manifest_platform_format(want, text), best->digest.hex);
    if (!manifest_is_index_type(best->media_type)) {
        *ret = best->digest;
        return 0;
    }
    if (depth == IMAGE_MEMBER_DEPTH)
        return err_set(e, ELOOP, "indexes lead to indexes, more than %d deep",
                       (int)IMAGE_MEMBER_DEPTH);
    r = image_member_document(s, &best->digest, &nested, e);
    if (r == 0)
        r = choose(s, &nested, want, depth + 1, ret, e);
    manifest_free(&nested);
    return r;
}

int image_member_choose(const struct store *s, const struct manifest *index,
                        const struct platform *want, struct digest *ret, struct err *e)
{
    struct platform host;
    int r = want ? 0 : manifest_platform(NULL, &host, e);

    return r < 0 ? r : choose(s, index, want ? want : &host, 0, ret, e);
}

struct having {
    const struct digest *digest;
    bool found;
};

static int see(void *arg, const struct image_member *m, struct err *e)
{
    struct having *h = arg;

    (void)e;
    h->found |= m->is_image && m->here && hash_equal(&m->descriptor->digest, h->digest);
    return 0;
}

int image_member_has(const struct store *s, const struct digest *index, const struct digest *d,
                     struct err *e)
{
    struct having h = {.digest = d};
    int r = image_member_each(s, index, see, &h, e);

    return r < 0 ? r : h.found;
}
