/* Theory of operation: the archive is read once, front to back. Each blob goes into the store as it
 * comes (its name is its digest, so it is verified), the two small files into memory; after the end
 * the index tells which manifests there are, their layers are unpacked from the stored blobs, and
 * at last the names are written. */
#include "storage/image_load.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/idmap.h"
#include "storage/blob.h"
#include "storage/event.h"
#include "storage/gc.h"
#include "storage/inflate.h"
#include "storage/layer.h"
#include "storage/tar.h"

enum { PIECE = 1 << 18, LAYOUT_MAX = 4096, DEPTH_MAX = 3 };

struct archive {
    struct store *s;
    struct inflate *inflate;
    struct tar *tar;
    struct unpacker *unpacker;
    struct text layout, index;
    unsigned char piece[PIECE];
};

static void archive_free(struct archive *a)
{
    if (!a)
        return;
    layer_unpacker_stop(a->unpacker);
    tar_free(a->tar);
    inflate_free(a->inflate);
    text_free(&a->layout);
    text_free(&a->index);
    free(a);
}

static int next_piece(void *arg, const void **ret, size_t *ret_n, struct err *e)
{
    struct archive *a = arg;
    ssize_t n = inflate_read(a->inflate, a->piece, sizeof a->piece, e);

    if (n < 0)
        return (int)n;
    *ret = a->piece;
    *ret_n = (size_t)n;
    return 0;
}

static int archive_new(struct store *s, int fd, struct archive **ret, struct err *e)
{
    struct archive *a = calloc(1, sizeof *a);
    struct inflate_limits limits = {0};
    struct tar_source source = {next_piece, a};
    struct statvfs vfs;
    int r;

    if (!a)
        return err_memory(e);
    a->s = s;
    if (fstatvfs(s->fd, &vfs) == 0)
        limits.output_bytes = (unsigned long long)vfs.f_bavail * vfs.f_frsize;
    r = inflate_new(fd, &limits, &a->inflate, e);
    if (r == 0)
        r = tar_new(&source, &a->tar, e);
    if (r < 0) {
        archive_free(a);
        return r;
    }
    *ret = a;
    return 0;
}

static int read_text(struct archive *a, const struct tar_entry *entry, size_t max, struct text *ret,
                     struct err *e)
{
    const void *bytes;
    long long offset;
    size_t n = 1;
    int r;

    if (entry->type != TAR_FILE || entry->size > (long long)max)
        return err_set(e, EINVAL, "'%s' is no file of at most %zu bytes", entry->name, max);
    text_free(ret);
    for (;;) {
        r = tar_data(a->tar, &bytes, &n, &offset, e);
        if (r < 0 || n == 0)
            return r < 0 ? r : text_check(ret, e);
        if (offset != (long long)ret->n)
            return err_set(e, EINVAL, "'%s' is sparse", entry->name);
        text_add_n(ret, bytes, n);
    }
}

static int copy_blob(struct archive *a, struct blob_writer *w, struct err *e)
{
    const void *bytes;
    long long offset;
    size_t n;
    int r;

    for (;;) {
        r = tar_data(a->tar, &bytes, &n, &offset, e);
        if (r < 0 || n == 0)
            return r;
        if (offset != (long long)w->written)
            return err_set(e, EINVAL, "a blob of the archive is sparse");
        r = blob_add(w, bytes, n, e);
        if (r < 0)
            return r;
    }
}

static int read_blob(struct archive *a, const struct tar_entry *entry, struct err *e)
{
    const char *hex = strrchr(entry->name, '/') + 1;
    char text[DIGEST_TEXT_MAX + 8];
    struct blob_writer w;
    struct digest d;
    int r;

    snprintf(text, sizeof text, "sha256:%.70s", hex);
    r = err_wrap(e, hash_parse(text, &d, e), "'%s'", entry->name);
    if (r < 0 || blob_exists(a->s, &d))
        return r;
    r = blob_begin(a->s, &d, &w, e);
    if (r < 0)
        return r;
    r = copy_blob(a, &w, e);
    if (r < 0) {
        blob_abandon(&w);
        return r;
    }
    /* One syncfs for all of them comes before the names. */
    return blob_commit(a->s, &w, &d, entry->size, false, e);
}

static int read_archive(struct archive *a, struct err *e)
{
    struct tar_entry entry;
    int r;

    while ((r = tar_next(a->tar, &entry, e)) > 0) {
        if (strcmp(entry.name, "oci-layout") == 0)
            r = read_text(a, &entry, LAYOUT_MAX, &a->layout, e);
        else if (strcmp(entry.name, "index.json") == 0)
            r = read_text(a, &entry, MANIFEST_MAX, &a->index, e);
        else if (entry.type == TAR_FILE && text_starts(entry.name, "blobs/sha256/"))
            r = read_blob(a, &entry, e);
        if (r < 0)
            return r;
    }
    return r;
}

static int check_layout(struct archive *a, struct err *e)
{
    autojson json_t *j = NULL;
    const char *version = NULL;
    int r;

    if (!a->layout.n || !a->index.n)
        return err_set(e, EINVAL, "it is not an OCI archive: it has no %s",
                       a->layout.n ? "index.json" : "file oci-layout");
    r = jsonx_parse(a->layout.s, a->layout.n, &j, e);
    if (r == 0)
        r = jsonx_string(j, "imageLayoutVersion", &version, e);
    if (r == 0 && (!version || !text_starts(version, "1.")))
        r = err_set(e, EINVAL, "the layout's version is '%s', rctr knows 1.0.0",
                    version ? version : "");
    return err_wrap(e, r, "oci-layout");
}

/* The bytes of a stored blob into the unpacker's pipe. A worker that stops early closes it: its own
 * words, from layer_unpack_finish, are better than "broken pipe". */
static int feed(int to, int from, struct err *e)
{
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    int r = 0;

    for (;;) {
        ssize_t n = sendfile(to, from, NULL, PIECE);

        if (n == 0 || (n < 0 && errno == EPIPE))
            break;
        if (n < 0 && errno != EINTR) {
            r = err_sys(e, "cannot hand a layer to its unpacker");
            break;
        }
    }
    signal(SIGPIPE, before);
    return r;
}

static int unpack_layer(struct archive *a, const struct descriptor *blob,
                        const struct digest *diff_id, struct err *e)
{
    struct layer_meta meta;
    struct layer_job job;
    autofd int fd = -1;
    struct idmap map;
    int r = blob_open(a->s, &blob->digest, &fd, NULL, e);

    if (r == 0 && !a->unpacker) {
        r = idmap_load(&map, e);
        if (r == 0)
            r = layer_unpacker_start(a->s, &map, &a->unpacker, e);
    }
    if (r == 0)
        r = layer_unpack_start(a->unpacker, diff_id, blob->compression, blob->size, &job, e);
    if (r < 0)
        return r;
    r = feed(job.in_fd, fd, e);
    close(take_fd(&job.in_fd));
    if (r < 0) {
        layer_unpack_abandon(a->s, a->unpacker, &job);
        return r;
    }
    return layer_unpack_finish(a->s, a->unpacker, &job, &meta, e);
}

static int unpack_layers(struct archive *a, const struct image *i, struct err *e)
{
    if (i->manifest.layer_count != i->config.diff_id_count)
        return err_set(e, EINVAL, "the manifest has %zu layers, the config %zu diff-ids",
                       i->manifest.layer_count, i->config.diff_id_count);
    for (size_t n = 0; n < i->config.diff_id_count; n++) {
        const struct digest *diff_id = &i->config.diff_ids[n];
        int r = 0;

        if (!layer_exists(a->s, diff_id))
            r = unpack_layer(a, &i->manifest.layers[n], diff_id, e);
        if (r < 0)
            return err_wrap(e, r, "layer %zu of %zu", n + 1, i->config.diff_id_count);
    }
    return 0;
}

/* The manifest that a descriptor of the index leads to, through nested indexes. */
static int resolve(struct archive *a, const struct descriptor *d, int depth, struct digest *ret,
                   struct err *e)
{
    autotext struct text t = {0};
    const struct descriptor *best = NULL;
    struct platform host;
    struct manifest m = {0};
    int r = blob_read(a->s, &d->digest, MANIFEST_MAX, &t, e);

    if (r == 0)
        r = manifest_parse(t.s, t.n, &m, e);
    if (r < 0)
        return r;
    if (!m.is_index) {
        *ret = d->digest;
    } else if (depth == DEPTH_MAX) {
        r = err_set(e, EINVAL, "its indexes are nested too deeply");
    } else {
        r = manifest_platform(NULL, &host, e);
        if (r == 0)
            r = manifest_choose(&m, &host, &best, e);
        if (r == 0)
            r = resolve(a, best, depth + 1, ret, e);
    }
    manifest_free(&m);
    return r;
}

static int name_it(struct archive *a, const char *own, const struct ref *as, struct image *i,
                   struct err *e)
{
    char text[REF_TEXT_MAX + 16];
    struct ref name;
    int r;

    if (as) {
        name = *as;
    } else if (!*own) {
        r = image_keep_unnamed(a->s, &i->manifest_digest, e);
        if (r == 0)
            event_image(a->s, "load", &i->id, NULL);
        return r;
    } else {
        r = ref_parse(own, &name, e);
        if (r == 0 && name.short_name) {
            snprintf(text, sizeof text, "localhost/%s", own);
            r = ref_parse(text, &name, e);
        }
        if (r < 0)
            return err_wrap(e, r, "the archive's own name of the image");
    }
    ref_format(&name, i->name);
    r = image_name(a->s, &name, &i->manifest_digest, e);
    if (r == 0)
        event_image(a->s, "load", &i->id, i->name);
    return r;
}

static int load_one(struct archive *a, const struct descriptor *d, const struct ref *as,
                    struct image *ret, struct err *e)
{
    autoimage struct image i = {0};
    struct digest manifest;
    int r = resolve(a, d, 0, &manifest, e);

    if (r == 0)
        r = image_open(a->s, &manifest, &i, e);
    if (r == 0)
        r = unpack_layers(a, &i, e);
    if (r == 0 && syncfs(a->s->fd) < 0)
        r = err_sys(e, "cannot make the image durable");
    if (r == 0)
        r = name_it(a, d->ref_name, as, &i, e);
    if (r == 0 && ret) {
        image_free(ret);
        *ret = i;
        i = (struct image){0};
    }
    return r;
}

static int load_all(struct archive *a, const struct ref *as, struct image *ret, struct err *e)
{
    struct manifest index = {0};
    int r = check_layout(a, e);

    if (r == 0)
        r = err_wrap(e, manifest_parse(a->index.s, a->index.n, &index, e), "index.json");
    if (r < 0)
        return r;
    if (!index.is_index || index.layer_count == 0)
        r = err_set(e, EINVAL, "index.json names no image");
    else if (as && index.layer_count > 1)
        r = err_set(e, EINVAL, "it holds %zu images, one name cannot be given to all",
                    index.layer_count);
    for (size_t n = 0; r == 0 && n < index.layer_count; n++)
        r = load_one(a, &index.layers[n], as, ret, e);
    manifest_free(&index);
    return r;
}

int image_load_oci(struct store *s, int fd, const struct ref *as, struct image *ret, struct err *e)
{
    struct archive *a = NULL;
    struct image i = {0};
    int r = store_lock_shared(s, e);

    if (r == 0)
        r = archive_new(s, fd, &a, e);
    if (r == 0)
        r = read_archive(a, e);
    if (r == 0)
        r = load_all(a, as, &i, e);
    archive_free(a);
    /* What it brought and nobody names now goes; when others are writing, with their next gc. */
    if (r < 0)
        (void)gc_run(s, false, NULL, NULL);
    if (r < 0 || !ret)
        image_free(&i);
    else
        *ret = i;
    return err_wrap(e, r, "OCI archive");
}

int image_load_default(struct store *s, const struct ref *name, struct image *ret, struct err *e)
{
    const char *data = getenv("RCTR_DATADIR");
    autofree char *path = NULL;
    char text[REF_TEXT_MAX];
    autofd int fd = -1;

    if (strcmp(name->registry, "localhost") == 0 && strcmp(name->tag, "latest") == 0 &&
        !name->digest.hex[0] && !strchr(name->repo, '/')) {
        path = text_format("%s/images/%s.tar", data && *data ? data : PKGDATADIR, name->repo);
        if (!path)
            return err_memory(e);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0 && errno != ENOENT)
            return err_sys(e, "cannot open '%s'", path);
    }
    if (fd < 0)
        return err_set(e, ENOENT, "%s: image not known", ref_format(name, text));
    return err_wrap(e, image_load_oci(s, fd, name, ret, e), "'%s'", path);
}
