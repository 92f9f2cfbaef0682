#include "storage/image_save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "storage/blob.h"
#include "storage/image_member.h"
#include "storage/inflate.h"
#include "storage/layer.h"
#include "storage/layer_tar.h"
#include "storage/layout.h"
#include "storage/part.h"
#include "storage/tar_write.h"

enum { PIECE = 1 << 18 };

/* Where files go: a tar archive, or a folder. */
struct output {
    struct store *s;
    struct tar_write *tar; /* NULL: into the folder */
    int folder_fd;
    struct strv written; /* what needs to be there once only */
    const struct image_save_view *view;
    struct save_event now; /* digest NULL: what is written is no layer */
};

/* So many bytes more of a layer are written. */
static void wrote(struct output *o, long long n)
{
    o->now.done_bytes += n;
    if (o->view && o->now.digest)
        o->view->progress(o->view->arg, &o->now);
}

/* The layer is written next: `total` bytes. */
static void begin_layer(struct output *o, const struct digest *blob, long long total)
{
    o->now.digest = blob;
    o->now.done_bytes = 0;
    o->now.total_bytes = total;
}

/* Also when it was written before, for another image. */
static void end_layer(struct output *o)
{
    o->now.digest = NULL;
    o->now.layer++;
}

/* ---- files ---- */

static int begin_tar_file(struct output *o, const char *name, long long size, struct err *e)
{
    const struct tar_entry entry = {
        .type = TAR_FILE, .name = name, .link = "", .mode = 0644, .size = size};

    return tar_write_entry(o->tar, &entry, e);
}

static int begin_tar_folder(struct output *o, const char *name, struct err *e)
{
    const struct tar_entry entry = {.type = TAR_FOLDER, .name = name, .link = "", .mode = 0755};

    return tar_write_entry(o->tar, &entry, e);
}

static int put_text(struct output *o, const char *name, const char *text, struct err *e)
{
    int r = begin_tar_file(o, name, (long long)strlen(text), e);

    return r < 0 ? r : tar_write_data(o->tar, text, strlen(text), e);
}

static int put_json(struct output *o, const char *name, const json_t *j, struct err *e)
{
    autofree char *text = jsonx_dump(j, 0);

    return text ? err_wrap(e, put_text(o, name, text, e), "%s", name) : err_memory(e);
}

/* 1: it is there already. */
static int once(struct output *o, const char *name, struct err *e)
{
    if (strv_has(&o->written, name))
        return 1;
    return strv_add(&o->written, name, e);
}

static int copy_to_tar(struct output *o, int from, struct err *e)
{
    for (;;) {
        ssize_t n;
        size_t room;
        void *at;
        int r = tar_write_room(o->tar, &at, &room, e);

        if (r < 0)
            return r;
        n = read(from, at, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? 0 : err_sys(e, "cannot read a blob");
        r = tar_write_filled(o->tar, (size_t)n, e);
        if (r < 0)
            return r;
        wrote(o, n);
    }
}

/* A blob as it is. `size` is what the manifest says: another one would damage the archive. */
static int put_blob(struct output *o, const char *name, const struct digest *d, long long size,
                    struct err *e)
{
    autofd int fd = -1;
    off_t have;
    int r = once(o, name, e);

    if (r != 0)
        return r < 0 ? r : 0;
    r = layer_tar_blob(o->s, d, &fd, &have, e);
    if (r < 0)
        return r;
    if (size >= 0 && have != size)
        return err_set(e, EBADMSG, "blob sha256:%s has %lld bytes instead of %lld", d->hex,
                       (long long)have, size);
    if (!o->tar) {
        if (!part_is(o->folder_fd, name, d, have)) /* of another image of the layout */
            r = part_put(&(struct part){.fd = fd, .size = have}, o->folder_fd, name, e);
        if (r == 0)
            wrote(o, have);
        return r;
    }
    r = begin_tar_file(o, name, have, e);
    return r < 0 ? r : copy_to_tar(o, fd, e);
}

/* ---- OCI ---- */

static int put_oci_blob(struct output *o, const struct digest *d, long long size, struct err *e)
{
    char name[DIGEST_TEXT_MAX + 16];

    snprintf(name, sizeof name, "blobs/sha256/%s", d->hex);
    return put_blob(o, name, d, size, e);
}

static int put_oci_image(struct output *o, const struct image *i, struct err *e)
{
    size_t layers = o->now.layer + i->manifest.layer_count;
    int r = put_oci_blob(o, &i->manifest_digest, -1, e);

    if (o->now.layer_count < layers) /* of an index: only now it is known */
        o->now.layer_count = layers;
    if (r == 0)
        r = put_oci_blob(o, &i->id, i->manifest.config.size, e);
    for (size_t n = 0; r == 0 && n < i->manifest.layer_count; n++) {
        const struct descriptor *d = &i->manifest.layers[n];

        begin_layer(o, &d->digest, d->size);
        r = err_wrap(e, put_oci_blob(o, &d->digest, d->size, e), "layer %zu of %zu", n + 1,
                     i->manifest.layer_count);
        end_layer(o);
    }
    return r;
}

/* What the store has of an index. */
struct saved_index {
    struct output *o;
    const struct manifest *index;
    struct text lacking;
    size_t images;
};

static int see_member(void *arg, const struct image_member *m, struct err *e)
{
    struct saved_index *x = arg;
    const struct descriptor *d = m->descriptor;
    autoimage struct image i = {0};
    char platform[200];
    int r;

    if (!m->here && m->is_image)
        text_addf(&x->lacking, "%s%s", x->lacking.n ? ", " : "",
                  manifest_platform_format(&d->platform, platform));
    if (!m->here || !m->is_image)
        return m->here ? put_oci_blob(x->o, &d->digest, d->size, e) : 0;
    x->images++;
    r = image_open(x->o->s, &d->digest, &i, e);
    if (r == 0)
        r = put_oci_image(x->o, &i, e);
    return err_wrap(e, r, "%s", manifest_platform_format(&d->platform, platform));
}

static int put_index_images(struct output *o, const struct digest *index, struct err *e)
{
    struct saved_index x = {.o = o};
    int r = put_oci_blob(o, index, -1, e);

    if (r == 0)
        r = image_member_each(o->s, index, see_member, &x, e);
    if (r == 0 && !x.images)
        r = err_set(e, ENOENT, "the store has none of the index's images: %s",
                    x.lacking.n ? x.lacking.s : "it is empty");
    else if (r == 0 && x.lacking.n)
        log_warn("of the index the store lacks %s: what is written only names them", x.lacking.s);
    text_free(&x.lacking);
    return r;
}

static int put_item(struct output *o, const struct image_save_item *item, struct err *e)
{
    return item->index.hex[0] ? put_index_images(o, &item->index, e)
                              : put_oci_image(o, &item->image, e);
}

static int add_entries(const struct output *o, const struct image_save_item *item, json_t *list,
                       struct err *e)
{
    bool is_index = item->index.hex[0];
    const struct digest *d = is_index ? &item->index : &item->image.manifest_digest;
    struct manifest m = {0};
    autofd int fd = -1;
    off_t size;
    int r = blob_open(o->s, d, &fd, &size, e);

    if (r == 0)
        r = image_member_document(o->s, d, &m, e);
    if (r == 0 && !item->names.n)
        json_array_append_new(list, layout_entry(m.media_type, d, size, NULL));
    for (size_t k = 0; r == 0 && k < item->names.n; k++)
        json_array_append_new(list, layout_entry(m.media_type, d, size, item->names.v[k]));
    manifest_free(&m);
    return r;
}

static int put_oci_index(struct output *o, const struct image_save_item *items, size_t n,
                         struct err *e)
{
    autojson json_t *list = json_array(), *index = NULL;
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++)
        r = add_entries(o, &items[i], list, e);
    if (r < 0)
        return r;
    if (!o->tar)
        return layout_add(o->folder_fd, list, e);
    index = layout_index(json_incref(list));
    return put_json(o, "index.json", index, e);
}

/* Where images are already, theirs must not be found to need what a power cut took. */
static int settle(const struct output *o, struct err *e)
{
    if (faccessat(o->folder_fd, "index.json", F_OK, 0) == 0 && syncfs(o->folder_fd) < 0)
        return err_sys(e, "cannot make the blobs durable");
    return 0;
}

static int begin_oci(struct output *o, struct err *e)
{
    autofd int blobs = -1, sha256 = -1;
    int r;

    if (!o->tar) {
        r = layout_begin(o->folder_fd, e);
        if (r == 0)
            r = file_folder(o->folder_fd, "blobs", 0755, &blobs, e);
        return r < 0 ? r : file_folder(blobs, "sha256", 0755, &sha256, e);
    }
    r = begin_tar_folder(o, "blobs", e); /* skopeo refuses files whose folders are not there */
    if (r == 0)
        r = begin_tar_folder(o, "blobs/sha256", e);
    return r < 0 ? r : put_text(o, "oci-layout", layout_version, e);
}

static int save_oci(struct output *o, const struct image_save_item *items, size_t n, struct err *e)
{
    int r = begin_oci(o, e);

    if (r == 0 && o->tar) /* a reader of the stream knows early what comes */
        r = put_oci_index(o, items, n, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = put_item(o, &items[i], e);
    if (r == 0 && !o->tar)
        r = settle(o, e);
    if (r == 0 && !o->tar) /* whoever finds it there finds the rest too */
        r = put_oci_index(o, items, n, e);
    return r;
}

/* ---- docker ---- */

/* A tar header needs the size before the bytes. The layer's record has it; else they are counted.
 */
static int plain_size(struct output *o, const struct digest *blob, const struct digest *diff_id,
                      long long *ret, struct err *e)
{
    const struct inflate_limits none = {0};
    struct inflate *z = NULL;
    autofree char *piece = NULL;
    struct layer_meta meta;
    autofd int fd = -1;
    ssize_t got = 1;
    int r;

    if (layer_meta(o->s, diff_id, &meta, NULL) == 0 && meta.tar_bytes > 0) {
        *ret = meta.tar_bytes;
        return 0;
    }
    piece = malloc(PIECE);
    r = piece ? layer_tar_blob(o->s, blob, &fd, NULL, e) : err_memory(e);
    if (r == 0)
        r = inflate_new(fd, &none, &z, e);
    while (r == 0 && got > 0) {
        got = inflate_read(z, piece, PIECE, e);
        r = got < 0 ? (int)got : 0;
    }
    if (r == 0)
        *ret = (long long)inflate_out(z);
    inflate_free(z);
    return r;
}

static int inflate_to_tar(struct output *o, struct inflate *z, long long size, struct err *e)
{
    char more;

    for (long long left = size; left > 0;) {
        ssize_t got;
        size_t room;
        void *at;
        int r = tar_write_room(o->tar, &at, &room, e);

        if (r < 0)
            return r;
        got = inflate_read(z, at, (long long)room < left ? room : (size_t)left, e);
        if (got < 0)
            return (int)got;
        if (got == 0)
            return err_set(e, EBADMSG, "its blob is shorter than the layer was");
        left -= got;
        r = tar_write_filled(o->tar, (size_t)got, e);
        if (r < 0)
            return r;
        wrote(o, got);
    }
    /* the end of the stream has its checksum, and nothing may come behind it */
    switch (inflate_read(z, &more, 1, e)) {
    case 0: return 0;
    case 1: return err_set(e, EBADMSG, "its blob is longer than the layer was");
    default: return -EBADMSG;
    }
}

static int put_plain_layer(struct output *o, const struct digest *blob,
                           const struct digest *diff_id, struct err *e)
{
    const struct inflate_limits none = {0};
    char name[DIGEST_TEXT_MAX + 8];
    struct inflate *z = NULL;
    long long size = 0;
    autofd int fd = -1;
    int r;

    snprintf(name, sizeof name, "%s.tar", diff_id->hex);
    r = once(o, name, e);
    if (r != 0)
        return r < 0 ? r : 0;
    r = layer_tar_blob(o->s, blob, &fd, NULL, e);
    if (r == 0)
        r = plain_size(o, blob, diff_id, &size, e);
    if (r == 0)
        r = begin_tar_file(o, name, size, e);
    begin_layer(o, blob, size);
    if (r == 0)
        r = inflate_new(fd, &none, &z, e);
    if (r == 0)
        r = inflate_to_tar(o, z, size, e);
    inflate_free(z);
    return r;
}

static json_t *docker_image(const struct image_save_item *item)
{
    const struct image *i = &item->image;
    json_t *o = json_object(), *layers = json_array(), *names = json_array();

    for (size_t n = 0; n < i->config.diff_id_count; n++)
        json_array_append_new(layers, json_sprintf("%s.tar", i->config.diff_ids[n].hex));
    for (size_t n = 0; n < item->names.n; n++)
        json_array_append_new(names, json_string(item->names.v[n]));
    json_object_set_new(o, "Config", json_sprintf("%s.json", i->id.hex));
    json_object_set_new(o, "RepoTags", names);
    json_object_set_new(o, "Layers", layers);
    return o;
}

/* What readers before manifest.json look for: repository → tag → top layer. */
static void add_repositories(const struct image_save_item *item, json_t *all)
{
    const struct image *i = &item->image;

    for (size_t n = 0; n < item->names.n && i->config.diff_id_count; n++) {
        const char *name = item->names.v[n], *tag = strrchr(name, ':');
        autofree char *repo = text_format("%.*s", (int)(tag ? tag - name : 0), name);
        json_t *tags = repo ? json_object_get(all, repo) : NULL;

        if (!repo || !tag)
            continue;
        if (!tags) {
            tags = json_object();
            json_object_set_new(all, repo, tags);
        }
        json_object_set_new(tags, tag + 1,
                            json_string(i->config.diff_ids[i->config.diff_id_count - 1].hex));
    }
}

static int put_docker_image(struct output *o, const struct image *i, struct err *e)
{
    char name[DIGEST_TEXT_MAX + 8];
    int r;

    if (i->manifest.layer_count != i->config.diff_id_count)
        return err_set(e, EBADMSG, "the manifest has %zu layers, the config %zu diff-ids",
                       i->manifest.layer_count, i->config.diff_id_count);
    snprintf(name, sizeof name, "%s.json", i->id.hex);
    r = put_blob(o, name, &i->id, -1, e);
    for (size_t n = 0; r == 0 && n < i->config.diff_id_count; n++) {
        r = err_wrap(e,
                     put_plain_layer(o, &i->manifest.layers[n].digest, &i->config.diff_ids[n], e),
                     "layer %zu of %zu", n + 1, i->config.diff_id_count);
        end_layer(o);
    }
    return r;
}

static int save_docker(struct output *o, const struct image_save_item *items, size_t n,
                       struct err *e)
{
    autojson json_t *list = json_array(), *repositories = json_object();
    int r;

    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, docker_image(&items[i]));
        add_repositories(&items[i], repositories);
    }
    r = put_json(o, "manifest.json", list, e);
    if (r == 0)
        r = put_json(o, "repositories", repositories, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = put_docker_image(o, &items[i].image, e);
    return r;
}

int image_save(struct store *s, const struct image_save_item *items, size_t n,
               enum image_save_format format, int fd, const struct image_save_view *view,
               struct err *e)
{
    const struct tar_sink sink = {tar_write_to_fd, &fd};
    struct output o = {.s = s, .folder_fd = fd, .view = view};
    int r = 0;

    for (size_t i = 0; i < n; i++)
        o.now.layer_count += items[i].image.manifest.layer_count;

    if (format != IMAGE_SAVE_OCI_DIR)
        r = tar_write_new(&sink, &o.tar, e);
    if (r == 0)
        r = format == IMAGE_SAVE_DOCKER ? save_docker(&o, items, n, e) : save_oci(&o, items, n, e);
    if (r == 0 && o.tar)
        r = tar_write_end(o.tar, e);
    tar_write_free(o.tar);
    strv_free(&o.written);
    return r;
}
