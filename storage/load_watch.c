/* Theory of operation: the first bytes of a file tell whether it may be a layer (a tar, gzip,
 * zstd). One that is here already need not be unpacked again; whether it is, is known
 * - of a plain tar by its digest, which is the diff-id, or by its name, where a writer calls it so
 *   (HEX.tar of podman and rctr, blobs/sha256/HEX of docker),
 * - of a compressed one when the archive's index, manifest and config came before it, as rctr
 *   writes them.
 * Names are only hints: a layer that was passed over wrongly is unpacked when the image wants it.
 */
#include "storage/load_watch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "storage/blob.h"
#include "storage/layer.h"

enum { TAR_BLOCK_SIZE = 512, TAR_MAGIC_AT = 257 };

enum kind { KIND_OTHER, KIND_TAR, KIND_COMPRESSED };

static enum kind kind_of(const unsigned char *bytes, ssize_t n)
{
    if (n >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b)
        return KIND_COMPRESSED;
    if (n >= 4 && memcmp(bytes, "\x28\xb5\x2f\xfd", 4) == 0)
        return KIND_COMPRESSED;
    return n >= TAR_BLOCK_SIZE && memcmp(bytes + TAR_MAGIC_AT, "ustar", 5) == 0 ? KIND_TAR
                                                                                : KIND_OTHER;
}

/* The digest that the last part of a path names, with or without ".tar". */
static bool digest_of_name(const char *path, struct digest *ret)
{
    const char *last = strrchr(path, '/');
    char text[DIGEST_TEXT_MAX + 8];

    last = last ? last + 1 : path;
    snprintf(text, sizeof text, "sha256:%.*s", (int)strcspn(last, "."), last);
    return hash_parse(text, ret, NULL) == 0;
}

/* The diff-id of a blob, as one manifest that is in the store already says it. */
static bool look_in(const struct store *s, const struct digest *manifest, const struct digest *blob,
                    struct digest *ret)
{
    autotext struct text m_text = {0}, c_text = {0};
    struct image_config config = {0};
    struct manifest m = {0};
    bool found = false;

    if (blob_read(s, manifest, MANIFEST_MAX, &m_text, NULL) < 0 ||
        manifest_parse(m_text.s, m_text.n, &m, NULL) < 0)
        return false;
    if (!m.is_index && blob_read(s, &m.config.digest, MANIFEST_MAX, &c_text, NULL) == 0 &&
        manifest_config_parse(c_text.s, c_text.n, &config, NULL) == 0) {
        for (size_t i = 0; i < m.layer_count && i < config.diff_id_count && !found; i++) {
            found = hash_equal(&m.layers[i].digest, blob);
            if (found)
                *ret = config.diff_ids[i];
        }
        manifest_config_free(&config);
    }
    manifest_free(&m);
    return found;
}

static bool find_diff_id(const struct store *s, const struct archive *a, const struct digest *blob,
                         struct digest *ret)
{
    struct manifest index = {0};
    bool found = false;

    if (!a->index.n || manifest_parse(a->index.s, a->index.n, &index, NULL) < 0)
        return false;
    for (size_t i = 0; index.is_index && i < index.layer_count && !found; i++)
        found = look_in(s, &index.layers[i].digest, blob, ret);
    manifest_free(&index);
    return found;
}

static bool is_here(const struct load_watch *w, const struct archive_step *step, enum kind kind)
{
    struct digest d;

    if (kind == KIND_TAR)
        return digest_of_name(step->name, &d) && layer_exists(w->store, &d);
    return step->digest->hex[0] && find_diff_id(w->store, step->archive, step->digest, &d) &&
           layer_exists(w->store, &d);
}

int load_watch_step(void *arg, const struct archive_step *step, struct err *e)
{
    struct load_watch *w = arg;
    int r = 0;

    if (!w->looked) {
        unsigned char first[TAR_BLOCK_SIZE];
        enum kind kind = kind_of(first, pread(step->fd, first, sizeof first, 0));

        struct digest shown = *step->digest;

        w->looked = true;
        w->taken = kind != KIND_OTHER && !is_here(w, step, kind);
        if (!shown.hex[0])
            (void)digest_of_name(step->name, &shown);
        if (w->taken)
            r = layer_beside_begin(w->beside, step->fd, &shown, step->size, e);
    }
    if (r == 0 && w->taken)
        r = layer_beside_grow(w->beside, step->done, e);
    if (step->whole) {
        if (r == 0 && w->taken)
            r = layer_beside_whole(w->beside, step->digest, e);
        w->looked = w->taken = false;
    }
    return r;
}
