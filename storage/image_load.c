/* Theory of operation: the archive's files become blobs (storage/archive), and what may be a layer
 * is unpacked at the same time (storage/load_watch). Then its table of contents tells which images
 * there are; each one's manifest is found (docker's archives have none: it is written here), its
 * layers are waited for. Names are written last, all being durable: a failure has named nothing. */
#include "storage/image_load.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "storage/archive.h"
#include "storage/blob.h"
#include "storage/docker_archive.h"
#include "storage/event.h"
#include "storage/gc.h"
#include "storage/image_member.h"
#include "storage/load_index.h"
#include "storage/load_watch.h"
#include "storage/trust.h"

enum { DEPTH_MAX = 3 };

/* An image that is whole, and the name it gets ("": none). */
struct loaded {
    struct digest manifest, id;
    struct digest index; /* that the manifest was chosen from, if any */
    struct digest image; /* of an index: the first of its images */
    char name[REF_TEXT_MAX];
};

struct load {
    struct store *s;
    const struct image_load_options *o;
    struct trust trust;
    int fd; /* borrowed: what is loaded */
    struct archive archive;
    struct load_watch watch;
    struct layer_beside *beside;
    struct loaded *done;
    size_t count;
    struct strv used; /* the blobs of these images */
};

/* ---- layers ---- */

static int want_layers(struct load *l, const struct image *i, struct err *e)
{
    if (i->manifest.layer_count != i->config.diff_id_count)
        return err_set(e, EINVAL, "the manifest has %zu layers, the config %zu diff-ids",
                       i->manifest.layer_count, i->config.diff_id_count);
    for (size_t n = 0; n < i->config.diff_id_count; n++) {
        const struct digest *diff_id = &i->config.diff_ids[n];
        int r = archive_bring(&l->archive, &i->manifest.layers[n], e);

        if (r < 0)
            return err_wrap(e, r, "layer %zu of %zu", n + 1, i->config.diff_id_count);
        r = layer_beside_want(l->beside, &i->manifest.layers[n], diff_id, n,
                              i->config.diff_id_count, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int note_blobs(struct load *l, const struct image *i, struct err *e)
{
    int r = strv_add(&l->used, i->manifest_digest.hex, e);

    if (r == 0)
        r = strv_add(&l->used, i->id.hex, e);
    for (size_t n = 0; r == 0 && n < i->manifest.layer_count; n++)
        r = strv_add(&l->used, i->manifest.layers[n].digest.hex, e);
    return r;
}

/* The image of a manifest that is in the store: all that it needs. */
static int take_image(struct load *l, const struct digest *manifest, struct digest *ret_id,
                      struct err *e)
{
    autoimage struct image i = {0};
    int r = image_open(l->s, manifest, &i, e);

    if (r == 0)
        r = want_layers(l, &i, e);
    if (r == 0)
        r = note_blobs(l, &i, e);
    *ret_id = i.id;
    return r;
}

static int add_loaded(struct load *l, const struct loaded *d, struct err *e)
{
    struct loaded *more = reallocarray(l->done, l->count + 1, sizeof *more);

    if (!more)
        return err_memory(e);
    l->done = more;
    more[l->count++] = *d;
    return 0;
}

/* An archive's own name in full. */
static int full_name(const char *own, bool docker, char ret[REF_TEXT_MAX], struct err *e)
{
    char text[REF_TEXT_MAX + 16];
    struct ref name;
    int r = ref_parse(own, &name, e);

    if (r == 0 && name.short_name && !docker) {
        snprintf(text, sizeof text, "localhost/%s", own);
        r = ref_parse(text, &name, e);
    }
    if (r < 0)
        return err_wrap(e, r, "the archive's own name of the image");
    ref_format(&name, ret);
    return 0;
}

/* Does the archive's name `own` mean the one that is asked for? */
static bool is_wanted(const struct load *l, const char *own, bool docker)
{
    char have[REF_TEXT_MAX], want[REF_TEXT_MAX];

    if (!l->o->only || strcmp(own, l->o->only) == 0)
        return true;
    return *own && full_name(own, docker, have, NULL) == 0 &&
           full_name(l->o->only, docker, want, NULL) == 0 && strcmp(have, want) == 0;
}

/* A name with a digest promises what it leads to. */
static int check_digest(const char *name, const struct digest *manifest, struct err *e)
{
    struct ref ref;

    if (!strchr(name, '@') || ref_parse(name, &ref, e) < 0 || hash_equal(&ref.digest, manifest))
        return 0; /* the grammar was looked at before */
    return err_set(e, EBADMSG, "it is called '%s', but its manifest is sha256:%s", name,
                   manifest->hex);
}

static int choose_name(const struct load *l, const struct digest *digest, const char *own,
                       bool docker, char ret[REF_TEXT_MAX], struct err *e)
{
    int r = 0;

    *ret = 0;
    if (l->o->as)
        ref_format(l->o->as, ret);
    else if (*own)
        r = full_name(own, docker, ret, e);
    return r < 0 || l->o->as ? r : check_digest(ret, digest, e);
}

static int take_named(struct load *l, const struct digest *manifest, const char *own, bool docker,
                      struct err *e)
{
    struct loaded d = {.manifest = *manifest};
    int r = choose_name(l, manifest, own, docker, d.name, e);

    if (r == 0)
        r = take_image(l, manifest, &d.id, e);
    return r < 0 ? r : add_loaded(l, &d, e);
}

/* May the image come in that the archive calls `own`? Asked before anything of it is unpacked. */
static int admit(const struct load *l, const char *transport, const char *own, struct err *e)
{
    return trust_admit_fd(&l->trust, transport, l->fd, own, e);
}

/* ---- OCI ---- */

static int check_layout(const struct archive *a, struct err *e)
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

/* The manifest that a descriptor of the index leads to, through nested indexes. */
static int resolve(struct load *l, const struct descriptor *d, int depth, struct digest *ret,
                   struct err *e)
{
    autotext struct text t = {0};
    const struct descriptor *best = NULL;
    struct platform host;
    struct manifest m = {0};
    int r = archive_blob(&l->archive, &d->digest, e);

    if (r == 0)
        r = blob_read(l->s, &d->digest, MANIFEST_MAX, &t, e);
    if (r == 0 && d->size > 0 && (long long)t.n != d->size)
        r = err_set(e, EBADMSG, "manifest sha256:%s has %zu bytes, but %lld were announced",
                    d->digest.hex, t.n, d->size);
    if (r == 0)
        r = manifest_parse(t.s, t.n, &m, e);
    if (r < 0)
        return r;
    if (!m.is_index) {
        *ret = d->digest;
        r = archive_bring(&l->archive, &m.config, e);
    } else if (depth == DEPTH_MAX) {
        r = err_set(e, EINVAL, "its indexes are nested too deeply");
    } else {
        r = manifest_platform(NULL, &host, e);
        if (r == 0)
            r = manifest_choose(&m, l->o->platform ? l->o->platform : &host, &best, e);
        if (r == 0)
            r = resolve(l, best, depth + 1, ret, e);
    }
    manifest_free(&m);
    return r;
}

/* All images of an index that are here, under the name of the index: 1. 0: there are not several,
 * it may be no index. */
static int take_index(struct load *l, const struct descriptor *index, struct err *e)
{
    struct loaded d = {.manifest = index->digest, .id = index->digest};
    autostrv struct strv images = {0};
    int r = load_index_images(&l->archive, &index->digest, &images, &l->used, e);

    if (r < 0 || images.n < 2)
        return r;
    r = choose_name(l, &d.manifest, index->ref_name, false, d.name, e);
    for (size_t n = 0; r == 0 && n < images.n; n++) {
        struct descriptor image = {0};
        struct digest id;

        memcpy(image.digest.hex, images.v[n], DIGEST_HEX);
        r = resolve(l, &image, 0, &image.digest, e); /* brings its config */
        if (r == 0)
            r = take_image(l, &image.digest, &id, e);
        if (n == 0)
            d.image = image.digest;
    }
    if (r == 0)
        r = add_loaded(l, &d, e);
    return r < 0 ? r : 1;
}

/* The one image that a descriptor of index.json leads to. */
static int take_one(struct load *l, const struct descriptor *top, struct err *e)
{
    struct digest manifest;
    int r = resolve(l, top, 0, &manifest, e);

    if (r == 0)
        r = take_named(l, &manifest, top->ref_name, false, e);
    if (r == 0 && !hash_equal(&manifest, &top->digest)) {
        l->done[l->count - 1].index = top->digest;
        r = strv_add(&l->used, top->digest.hex, e);
    }
    return r;
}

/* An entry of index.json: an image, or an index with one or many of them. */
static int take_entry(struct load *l, const struct descriptor *top, struct err *e)
{
    int r = l->o->all_platforms ? take_index(l, top, e) : 0;

    if (r == 0)
        r = take_one(l, top, e);
    return r < 0 ? r : 0;
}

static int load_oci(struct load *l, struct err *e)
{
    struct manifest index = {0};
    int r = check_layout(&l->archive, e);

    if (r == 0)
        r = err_wrap(e, manifest_parse(l->archive.index.s, l->archive.index.n, &index, e),
                     "index.json");
    if (r < 0)
        return r;
    if (!index.is_index || index.layer_count == 0)
        r = err_set(e, EINVAL, "index.json names no image");
    else if (l->o->as && !l->o->only && index.layer_count > 1)
        r = err_set(e, EINVAL, "it holds %zu images, one name cannot be given to all",
                    index.layer_count);
    for (size_t n = 0; r == 0 && n < index.layer_count; n++) {
        if (!is_wanted(l, index.layers[n].ref_name, false))
            continue;
        r = admit(l, l->archive.folder_fd >= 0 ? "oci" : "oci-archive", index.layers[n].ref_name,
                  e);
        if (r == 0)
            r = take_entry(l, &index.layers[n], e);
    }
    manifest_free(&index);
    return r;
}

/* ---- an image's files by themselves ---- */

static int load_dir(struct load *l, struct err *e)
{
    const struct text *t = &l->archive.manifest;
    struct descriptor first = {0};
    int r = l->archive.flat ? admit(l, "dir", NULL, e)
                            : err_set(e, EINVAL, "it has no manifest.json of one image");

    if (r == 0)
        r = blob_put(l->s, t->s ? t->s : "", t->n, &first.digest, e);
    return r < 0 ? r : take_entry(l, &first, e);
}

/* ---- docker ---- */

static json_t *descriptor(const char *type, const struct archive_file *f)
{
    char text[DIGEST_TEXT_MAX];

    return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", hash_format(&f->digest, text),
                     "size", (json_int_t)f->size);
}

/* The media type that its first bytes speak of. */
static int layer_type(const struct load *l, const struct archive_file *f, const char **ret,
                      struct err *e)
{
    unsigned char magic[4] = {0};
    autofd int fd = -1;
    int r = blob_open(l->s, &f->digest, &fd, NULL, e);

    if (r < 0)
        return r;
    if (pread(fd, magic, sizeof magic, 0) < 0)
        return err_sys(e, "cannot read '%s'", f->name);
    *ret = "application/vnd.docker.image.rootfs.diff.tar";
    if (magic[0] == 0x1f && magic[1] == 0x8b)
        *ret = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    else if (memcmp(magic, "\x28\xb5\x2f\xfd", sizeof magic) == 0)
        *ret = "application/vnd.docker.image.rootfs.diff.tar.zstd";
    return 0;
}

/* The manifest that docker's archives lack. */
static int write_manifest(struct load *l, const struct docker_archive_image *i, struct digest *ret,
                          struct err *e)
{
    autojson json_t *doc = json_object();
    json_t *layers = json_array();
    const struct archive_file *f;
    autofree char *text = NULL;
    const char *type = NULL;
    int r = archive_find(&l->archive, i->config, &f, e);

    if (r == 0 && f->size > MANIFEST_MAX)
        r = err_set(e, EINVAL, "'%s' is too large for a configuration", i->config);
    json_object_set_new(doc, "schemaVersion", json_integer(2));
    json_object_set_new(doc, "mediaType",
                        json_string("application/vnd.docker.distribution.manifest.v2+json"));
    json_object_set_new(doc, "layers", layers);
    if (r == 0)
        json_object_set_new(doc, "config",
                            descriptor("application/vnd.docker.container.image.v1+json", f));
    for (size_t n = 0; r == 0 && n < i->layers.n; n++) {
        r = archive_find(&l->archive, i->layers.v[n], &f, e);
        if (r == 0)
            r = layer_type(l, f, &type, e);
        if (r == 0)
            json_array_append_new(layers, descriptor(type, f));
    }
    if (r < 0)
        return r;
    text = jsonx_dump(doc, 0);
    return text ? blob_put(l->s, text, strlen(text), ret, e) : err_memory(e);
}

static int load_docker_image(struct load *l, const struct docker_archive_image *i, struct err *e)
{
    struct digest manifest;
    bool wanted = !l->o->only;
    int r;

    for (size_t n = 0; n < i->names.n && !wanted; n++)
        wanted = is_wanted(l, i->names.v[n], true);
    if (!wanted)
        return 0;
    r = admit(l, "docker-archive", NULL, e);
    if (r == 0)
        r = write_manifest(l, i, &manifest, e);
    if (r == 0 && (l->o->as || !i->names.n))
        return take_named(l, &manifest, "", true, e);
    for (size_t n = 0; r == 0 && n < i->names.n; n++)
        if (is_wanted(l, i->names.v[n], true))
            r = take_named(l, &manifest, i->names.v[n], true, e);
    return r;
}

static int load_docker(struct load *l, struct err *e)
{
    struct docker_archive a = {0};
    int r;

    if (!l->archive.manifest.n)
        return err_set(e, EINVAL, "it is not a docker archive: it has no manifest.json");
    r = err_wrap(e, docker_archive_parse(l->archive.manifest.s, l->archive.manifest.n, &a, e),
                 "manifest.json");
    if (r == 0 && l->o->as && !l->o->only && a.n > 1)
        r = err_set(e, EINVAL, "it holds %zu images, one name cannot be given to all", a.n);
    for (size_t n = 0; r == 0 && n < a.n; n++)
        r = err_wrap(e, load_docker_image(l, &a.v[n], e), "image %zu of %zu", n + 1, a.n);
    docker_archive_free(&a);
    return r;
}

/* ---- the whole ---- */

static int check_one(const struct load *l, struct err *e)
{
    for (size_t i = 1; i < l->count; i++)
        if (!hash_equal(&l->done[i].id, &l->done[0].id))
            return err_set(e, EINVAL,
                           "it holds several images: say which one, as in "
                           "oci-archive:FILE:NAME (%s, %s, ...)",
                           l->done[0].name, l->done[i].name);
    return 0;
}

static int load_images(struct load *l, struct err *e)
{
    const struct archive *a = &l->archive;
    enum image_load_kind kind = l->o->kind;
    int r;

    if (kind == IMAGE_LOAD_ANY) {
        if (!a->layout.n && !a->manifest.n && !a->count && a->folder_fd < 0)
            return err_set(e, EINVAL, "there is no archive: the input is empty");
        if (!a->layout.n && !a->manifest.n)
            return err_set(e, EINVAL,
                           "it is not an OCI archive: it has no file oci-layout; and no docker "
                           "archive: it has no manifest.json (rctr import takes plain trees)");
        kind = a->flat ? IMAGE_LOAD_DIR : a->manifest.n ? IMAGE_LOAD_DOCKER : IMAGE_LOAD_OCI;
    }
    r = kind == IMAGE_LOAD_DIR      ? load_dir(l, e)
        : kind == IMAGE_LOAD_DOCKER ? load_docker(l, e)
                                    : load_oci(l, e);
    if (r == 0)
        r = layer_beside_wait(l->beside, e);
    err_wrap(e, r,
             kind == IMAGE_LOAD_DIR      ? "folder of an image"
             : kind == IMAGE_LOAD_DOCKER ? "docker archive"
                                         : "OCI archive");
    if (r == 0 && l->o->one)
        r = check_one(l, e);
    if (r == 0 && !l->count)
        r = err_set(e, ENOENT, "the archive has no image called '%s'", l->o->only);
    return r;
}

static int name_image(struct load *l, const struct loaded *d, struct err *e)
{
    struct ref name;
    int r = d->name[0] ? ref_parse(d->name, &name, e) : 0;

    if (r == 0)
        r = d->name[0] ? image_name_through(l->s, &name, &d->manifest, &d->index, e)
                       : image_keep_unnamed(l->s, &d->manifest, e);
    if (r < 0)
        return r;
    event_image(l->s, "load", &d->id, d->name[0] ? d->name : NULL);
    if (l->o->named)
        l->o->named(l->o->arg, d->name, &d->id);
    return 0;
}

/* Of an index its image for the wanted platform, else the first. */
static int open_last(const struct load *l, struct image *ret, struct err *e)
{
    const struct loaded *last = &l->done[l->count - 1];
    struct digest d = last->image.hex[0] ? last->image : last->manifest;
    struct manifest m = {0};
    int r = image_member_document(l->s, &last->manifest, &m, e);

    if (r == 0 && m.is_index)
        (void)image_member_choose(l->s, &m, l->o->platform, &d, NULL);
    if (r == 0)
        r = image_open(l->s, &d, ret, e);
    if (r == 0) {
        ret->is_index_name = m.is_index;
        ret->index_digest = m.is_index ? last->manifest : last->index;
        memcpy(ret->name, last->name, sizeof ret->name);
    }
    manifest_free(&m);
    return r;
}

static int name_all(struct load *l, struct image *ret, struct err *e)
{
    int r = syncfs(l->s->fd) < 0 ? err_sys(e, "cannot make the images durable") : 0;

    if (r == 0)
        r = layer_beside_place(l->beside, e);
    for (size_t n = 0; r == 0 && n < l->count; n++)
        r = name_image(l, &l->done[n], e);
    return r < 0 || !ret ? r : open_last(l, ret, e);
}

/* Did the archive bring more than the images need (files beside them, images not asked for)? */
static bool has_garbage(const struct load *l)
{
    for (size_t i = 0; i < l->archive.count; i++)
        if (!l->archive.files[i].target && !strv_has(&l->used, l->archive.files[i].digest.hex))
            return true;
    return false;
}

/* What may be refused when its name is known is not unpacked before. */
static int read_archive(struct load *l, struct err *e)
{
    bool early = trust_accepts_all(&l->trust);
    int r;

    l->watch = (struct load_watch){.store = l->s, .beside = l->beside};
    r = archive_read_watched(l->s, l->fd, early ? load_watch_step : NULL, &l->watch, &l->archive,
                             e);
    l->archive.watch = load_watch_step;
    return r;
}

int image_load(struct store *s, int fd, const struct image_load_options *o, struct image *ret,
               struct err *e)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    struct load l = {.s = s, .o = o, .fd = fd, .archive = {.folder_fd = -1}};
    int r = trust_load(o->signature_policy, &l.trust, e);

    if (r == 0)
        r = store_lock_shared(s, e);
    if (r == 0)
        r = layer_beside_new(s, o->progress, o->arg, &l.beside, e);
    if (r < 0) {
        trust_free(&l.trust);
        return r;
    }
    sigaction(SIGPIPE, &ignore, &before); /* a worker that ends early is an answer, not our end */
    r = err_wrap(e, read_archive(&l, e), "%s",
                 o->kind == IMAGE_LOAD_OCI ? "OCI archive" : "archive");
    if (r == 0)
        r = load_images(&l, e);
    if (r == 0)
        r = name_all(&l, ret, e);
    layer_beside_free(l.beside);
    sigaction(SIGPIPE, &before, NULL);
    /* What it brought and nobody names now goes; when others are writing, with their next gc. */
    if (r < 0 || has_garbage(&l))
        (void)gc_run(s, false, NULL, NULL);
    archive_free(&l.archive);
    trust_free(&l.trust);
    strv_free(&l.used);
    free(l.done);
    return r;
}

int image_load_oci(struct store *s, int fd, const struct ref *as, struct image *ret, struct err *e)
{
    const struct image_load_options o = {.kind = IMAGE_LOAD_OCI, .as = as};

    return image_load(s, fd, &o, ret, e);
}

int image_load_default(struct store *s, const struct ref *name, const char *signature_policy,
                       struct image *ret, struct err *e)
{
    const struct image_load_options o = {
        .kind = IMAGE_LOAD_OCI, .as = name, .signature_policy = signature_policy};
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
    return err_wrap(e, image_load(s, fd, &o, ret, e), "'%s'", path);
}
