#include "storage/load_index.h"

#include <errno.h>

#include "storage/blob.h"
#include "storage/image_member.h"

struct reading {
    struct archive *archive;
    struct strv *images, *blobs;
    struct strv entered; /* indexes: each once, or few could make many */
};

static int read_index(struct reading *x, const struct digest *index, int depth, struct err *e);

/* 0 and nothing added: the archive lacks it, as archives of one platform do. */
static int see(struct reading *x, const struct descriptor *d, int depth, struct err *e)
{
    int r;

    if (!manifest_is_image(d) || strv_has(x->images, d->digest.hex) ||
        strv_has(&x->entered, d->digest.hex))
        return 0;
    r = archive_blob(x->archive, &d->digest, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    return manifest_is_index_type(d->media_type) ? read_index(x, &d->digest, depth + 1, e)
                                                 : strv_add(x->images, d->digest.hex, e);
}

static int read_index(struct reading *x, const struct digest *index, int depth, struct err *e)
{
    autotext struct text t = {0};
    struct manifest m = {0};
    int r = archive_blob(x->archive, index, e);

    if (r == 0 && depth > IMAGE_MEMBER_DEPTH)
        r = err_set(e, EINVAL, "its indexes are nested too deeply");
    if (r == 0)
        r = blob_read(x->archive->store, index, MANIFEST_MAX, &t, e);
    if (r == 0)
        r = manifest_parse(t.s, t.n, &m, e);
    if (r == 0 && m.is_index)
        r = strv_add(&x->entered, index->hex, e);
    if (r == 0 && m.is_index)
        r = strv_add(x->blobs, index->hex, e);
    for (size_t i = 0; r == 0 && m.is_index && i < m.layer_count; i++)
        r = see(x, &m.layers[i], depth, e);
    manifest_free(&m);
    return r;
}

int load_index_images(struct archive *a, const struct digest *index, struct strv *ret,
                      struct strv *blobs, struct err *e)
{
    struct reading x = {.archive = a, .images = ret, .blobs = blobs};
    int r = read_index(&x, index, 0, e);

    strv_free(&x.entered);
    return r;
}
