#include "storage/copy/source_docker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/docker_archive.h"
#include "storage/tar_map.h"

struct place {
    int fd; /* the archive */
    struct tar_map map;
    char *name;                 /* owned: the image's in there, as it was asked for; or "" */
    struct strv digests, files; /* the hex of each blob, and its file */
    struct text manifest;
    struct digest digest;
};

static int read_manifest(void *of, const struct digest *d, struct text *ret,
                         struct digest *ret_digest, struct err *e)
{
    const struct place *l = of;

    if (d && !hash_equal(d, &l->digest))
        return err_set(e, ENOENT, "it has no manifest sha256:%s", d->hex);
    text_add_n(ret, l->manifest.s, l->manifest.n);
    *ret_digest = l->digest;
    return text_check(ret, e);
}

/* The digests were made of the very same file. */
static int read_blob(void *of, const struct descriptor *d, struct part *ret, struct err *e)
{
    const struct place *l = of;

    for (size_t i = 0; i < l->digests.n; i++)
        if (strcmp(l->digests.v[i], d->digest.hex) == 0)
            return tar_map_find(&l->map, l->files.v[i], ret, e);
    return err_set(e, ENOENT, "it has no blob sha256:%s", d->digest.hex);
}

static int admit(void *of, const struct trust *t, const struct digest *d, struct err *e)
{
    const struct place *l = of;

    (void)d;
    return trust_admit_fd(t, "docker-archive", l->fd, NULL, e);
}

static void close_place(void *of)
{
    struct place *l = of;

    if (l->fd >= 0)
        close(l->fd);
    free(l->name);
    tar_map_close(&l->map);
    strv_free(&l->digests);
    strv_free(&l->files);
    text_free(&l->manifest);
    free(l);
}

/* ---- the manifest ---- */

static const char *layer_type(const struct part *p)
{
    unsigned char magic[4] = {0};

    (void)part_read(p, 0, magic, sizeof magic, NULL);
    if (magic[0] == 0x1f && magic[1] == 0x8b)
        return "application/vnd.docker.image.rootfs.diff.tar.gzip";
    if (memcmp(magic, "\x28\xb5\x2f\xfd", sizeof magic) == 0)
        return "application/vnd.docker.image.rootfs.diff.tar.zstd";
    return "application/vnd.docker.image.rootfs.diff.tar";
}

/* A file as a blob. `type` NULL: a layer's, by its first bytes. *ret is new. */
static int describe(struct place *l, const char *file, const char *type, struct digest *ret_digest,
                    json_t **ret, struct err *e)
{
    autopart struct part p = PART_NONE;
    char text[DIGEST_TEXT_MAX];
    int r = tar_map_find(&l->map, file, &p, e);

    if (r == 0)
        r = part_hash(&p, ret_digest, e);
    if (r == 0)
        r = strv_add(&l->digests, ret_digest->hex, e);
    if (r == 0)
        r = strv_add(&l->files, file, e);
    if (r < 0)
        return r;
    *ret = json_pack("{s:s, s:s, s:I}", "mediaType", type ? type : layer_type(&p), "digest",
                     hash_format(ret_digest, text), "size", (json_int_t)p.size);
    return *ret ? 0 : err_memory(e);
}

/* A layer that is plain has its diff-id as its digest: the config is the archive's only word for
 * what its bytes should be. */
static int check_layer(const json_t *o, const struct digest *d, const struct image_config *c,
                       size_t n, struct err *e)
{
    const char *type = json_string_value(json_object_get(o, "mediaType"));

    if (text_ends(type, ".tar") && !hash_equal(d, &c->diff_ids[n]))
        return err_set(e, EBADMSG, "its bytes have the digest sha256:%s, the config says sha256:%s",
                       d->hex, c->diff_ids[n].hex);
    return 0;
}

static int add_layers(struct place *l, const struct docker_archive_image *i, json_t *list,
                      struct err *e)
{
    autotext struct text config = {0};
    struct image_config c = {0};
    int r = tar_map_text(&l->map, i->config, MANIFEST_MAX, &config, e);

    if (r == 0)
        r = manifest_config_parse(config.s ? config.s : "", config.n, &c, e);
    if (r == 0 && c.diff_id_count != i->layers.n)
        r = err_set(e, EINVAL, "it has %zu layers, but its config speaks of %zu", i->layers.n,
                    c.diff_id_count);
    for (size_t n = 0; r == 0 && n < i->layers.n; n++) {
        struct digest d;
        json_t *o = NULL;

        r = describe(l, i->layers.v[n], NULL, &d, &o, e);
        if (r == 0)
            r = check_layer(o, &d, &c, n, e);
        r = err_wrap(e, r, "layer %zu of %zu", n + 1, i->layers.n);
        json_array_append_new(list, o);
    }
    manifest_config_free(&c);
    return r;
}

static int write_manifest(struct place *l, const struct docker_archive_image *i, struct err *e)
{
    autojson json_t *doc = json_object(), *layers = json_array();
    json_t *config = NULL;
    struct digest d;
    char *text;
    int r =
        describe(l, i->config, "application/vnd.docker.container.image.v1+json", &d, &config, e);

    json_object_set_new(doc, "config", config);
    json_object_set_new(doc, "schemaVersion", json_integer(2));
    json_object_set_new(doc, "mediaType",
                        json_string("application/vnd.docker.distribution.manifest.v2+json"));
    if (r == 0)
        r = add_layers(l, i, layers, e);
    json_object_set(doc, "layers", layers);
    if (r < 0)
        return r;
    text = jsonx_dump(doc, 0);
    if (!text)
        return err_memory(e);
    text_add(&l->manifest, text);
    free(text);
    return hash_bytes(l->manifest.s, l->manifest.n, &l->digest, e);
}

/* ---- which image ---- */

static bool same_name(const char *own, const char *wanted)
{
    struct ref a, b;
    char x[REF_TEXT_MAX], y[REF_TEXT_MAX];

    return strcmp(own, wanted) == 0 ||
           (ref_parse(own, &a, NULL) == 0 && ref_parse(wanted, &b, NULL) == 0 &&
            strcmp(ref_format(&a, x), ref_format(&b, y)) == 0);
}

static int choose(const struct docker_archive *a, const char *name,
                  const struct docker_archive_image **ret, struct err *e)
{
    for (size_t i = 0; i < a->n && *name; i++)
        for (size_t k = 0; k < a->v[i].names.n; k++)
            if (same_name(a->v[i].names.v[k], name)) {
                *ret = &a->v[i];
                return 0;
            }
    if (*name)
        return err_set(e, ENOENT, "the archive has no image called '%s'", name);
    if (a->n > 1)
        return err_set(e, EINVAL,
                       "it holds %zu images: say which one, as in docker-archive:FILE:NAME", a->n);
    *ret = &a->v[0];
    return 0;
}

static int open_place(struct store *s, const char *path, const char *name, struct place *l,
                      struct err *e)
{
    const struct docker_archive_image *image = NULL;
    struct docker_archive a = {0};
    autotext struct text list = {0};
    int r;

    l->name = strdup(name);
    if (!l->name)
        return err_memory(e);
    l->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (l->fd < 0)
        return err_sys(e, "cannot open it");
    r = tar_map_open(s, l->fd, &l->map, e);
    if (r == 0)
        r = tar_map_text(&l->map, "manifest.json", MANIFEST_MAX, &list, e);
    if (r == 0)
        r = err_wrap(e, docker_archive_parse(list.s ? list.s : "", list.n, &a, e), "manifest.json");
    if (r == 0)
        r = choose(&a, name, &image, e);
    if (r == 0)
        r = write_manifest(l, image, e);
    docker_archive_free(&a);
    return r;
}

int source_docker_open(struct store *s, const char *path, const char *name, struct source *ret,
                       struct err *e)
{
    static const struct source_kind kind = {
        .manifest = read_manifest,
        .blob = read_blob,
        .close = close_place,
        .admit = admit,
    };
    struct place *l = calloc(1, sizeof *l);
    int r;

    *ret = (struct source){.of = l, .made = true};
    if (!l)
        return err_memory(e);
    snprintf(ret->name, sizeof ret->name, "docker-archive:%s%s%s", path, *name ? ":" : "", name);
    l->fd = l->map.fd = -1;
    r = open_place(s, path, name, l, e);
    if (r < 0) {
        close_place(l);
        return err_wrap(e, r, "%s", ret->name);
    }
    ret->kind = &kind;
    return 0;
}
