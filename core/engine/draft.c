#include "core/engine/draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/when.h"
#include "storage/blob.h"

static const struct {
    const char *manifest, *config, *layer[3]; /* plain, gzip, zstd */
} types[] = {
    [DRAFT_OCI] = {"application/vnd.oci.image.manifest.v1+json",
                   "application/vnd.oci.image.config.v1+json",
                   {"application/vnd.oci.image.layer.v1.tar",
                    "application/vnd.oci.image.layer.v1.tar+gzip",
                    "application/vnd.oci.image.layer.v1.tar+zstd"}},
    [DRAFT_DOCKER] = {"application/vnd.docker.distribution.manifest.v2+json",
                      "application/vnd.docker.container.image.v1+json",
                      {"application/vnd.docker.image.rootfs.diff.tar",
                       "application/vnd.docker.image.rootfs.diff.tar.gzip",
                       "application/vnd.docker.image.rootfs.diff.tar.zstd"}},
};

/* ---- beginning and end ---- */

static int add_layer(struct draft *d, const struct draft_layer *l, const char *foreign,
                     struct err *e)
{
    struct draft_layer *more = reallocarray(d->layers, d->n + 1, sizeof *more);

    if (!more)
        return err_memory(e);
    d->layers = more;
    more[d->n] = *l;
    more[d->n].foreign = foreign ? strdup(foreign) : NULL;
    d->n++;
    return foreign && !more[d->n - 1].foreign ? err_memory(e) : 0;
}

static int take_layers(struct draft *d, const struct image *base, struct err *e)
{
    int r = 0;

    if (base->manifest.layer_count != base->config.diff_id_count)
        return err_set(e, EBADMSG, "the manifest has %zu layers, the config %zu diff-ids",
                       base->manifest.layer_count, base->config.diff_id_count);
    for (size_t i = 0; i < base->manifest.layer_count && r == 0; i++) {
        const struct descriptor *b = &base->manifest.layers[i];
        const struct draft_layer l = {.diff_id = base->config.diff_ids[i],
                                      .blob = b->digest,
                                      .size = b->size,
                                      .compression = b->compression};

        r = add_layer(d, &l, b->foreign ? b->media_type : NULL, e);
    }
    return r;
}

static json_t *empty_document(const struct platform *p)
{
    json_t *doc = json_pack("{s:s, s:s}", "architecture", p->arch, "os", p->os);

    if (doc && p->variant[0])
        json_object_set_new(doc, "variant", json_string(p->variant));
    return doc;
}

int draft_begin(const struct image *base, const struct platform *p, enum draft_format format,
                struct draft *ret, struct err *e)
{
    static const char *const others[] = {
        "id", "parent", "container", "container_config", "docker_version", "rootfs"};
    struct draft d = {.format = format};
    int r = 0;

    d.doc = base ? json_deep_copy(base->config.document) : empty_document(p);
    if (!d.doc)
        return err_memory(e);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) /* of whoever made the image below */
        json_object_del(d.doc, others[i]);
    if (!json_is_object(json_object_get(d.doc, "config")))
        json_object_set_new(d.doc, "config", json_object());
    if (!json_is_array(json_object_get(d.doc, "history")))
        json_object_set_new(d.doc, "history", json_array());
    if (base)
        r = take_layers(&d, base, e);
    if (r < 0)
        draft_free(&d);
    else
        *ret = d;
    return r;
}

int draft_copy(const struct draft *from, struct draft *ret, struct err *e)
{
    struct draft d = {.format = from->format,
                      .doc = json_deep_copy(from->doc),
                      .annotations = json_incref(from->annotations)};
    int r = d.doc ? 0 : err_memory(e);

    for (size_t i = 0; i < from->n && r == 0; i++)
        r = add_layer(&d, &from->layers[i], from->layers[i].foreign, e);
    if (r < 0)
        draft_free(&d);
    else
        *ret = d;
    return r;
}

static void forget_view(struct draft *d)
{
    if (d->viewed)
        image_free(&d->view);
    d->viewed = false;
}

void draft_cut_layers(struct draft *d, size_t n)
{
    forget_view(d);
    while (d->n > n)
        free(d->layers[--d->n].foreign);
}

void draft_free(struct draft *d)
{
    draft_cut_layers(d, 0);
    free(d->layers);
    json_decref(d->annotations);
    json_decref(d->doc);
    *d = (struct draft){0};
}

/* ---- changes ---- */

json_t *draft_config(struct draft *d)
{
    forget_view(d);
    return json_object_get(d->doc, "config");
}

int draft_add_layer(struct draft *d, const struct digest *diff_id, long long tar_bytes,
                    struct err *e)
{
    const struct draft_layer l = {.diff_id = *diff_id, .blob = *diff_id, .size = tar_bytes};

    forget_view(d);
    return add_layer(d, &l, NULL, e);
}

static int put_text(json_t *o, const char *key, const char *text, struct err *e)
{
    if (!text || !*text)
        return 0;
    return json_object_set_new(o, key, json_string(text)) < 0
               ? err_set(e, EINVAL, "%s: the text is not UTF-8", key)
               : 0;
}

int draft_annotate(struct draft *d, const char *key, const char *value, struct err *e)
{
    if (d->format != DRAFT_OCI)
        return err_set(e, ENOTSUP,
                       "annotations need the format oci: docker's has no place for them");
    if (!d->annotations)
        d->annotations = json_object();
    return json_object_set_new(d->annotations, key, json_string(value)) < 0
               ? err_set(e, EINVAL, "annotation '%s': the text is not UTF-8", key)
               : 0;
}

int draft_add_history(struct draft *d, long long created_ns, const char *created_by,
                      const char *author, const char *comment, bool empty, struct err *e)
{
    json_t *list = json_object_get(d->doc, "history"), *o = json_object();
    char when[WHEN_MAX];
    int r = put_text(o, "created", when_format(created_ns, when), e);

    if (r == 0)
        r = put_text(o, "created_by", created_by, e);
    if (r == 0)
        r = put_text(o, "author", author, e);
    if (r == 0)
        r = put_text(o, "comment", comment, e);
    if (r == 0 && empty)
        json_object_set_new(o, "empty_layer", json_true());
    if (json_array_append_new(list, o) < 0 && r == 0)
        r = err_memory(e);
    return r;
}

/* ---- documents ---- */

static json_t *diff_ids(const struct draft *d)
{
    json_t *list = json_array();
    char text[DIGEST_TEXT_MAX];

    for (size_t i = 0; i < d->n; i++)
        json_array_append_new(list, json_string(hash_format(&d->layers[i].diff_id, text)));
    return json_pack("{s:s, s:o}", "type", "layers", "diff_ids", list);
}

static int make_config(const struct draft *d, const char *created, char **ret, struct err *e)
{
    autojson json_t *doc = json_copy(d->doc);

    json_object_set_new(doc, "rootfs", diff_ids(d));
    if (created)
        json_object_set_new(doc, "created", json_string(created));
    *ret = jsonx_dump(doc, 0);
    return *ret ? 0 : err_memory(e);
}

static json_t *descriptor(const char *type, const struct digest *d, long long size)
{
    char text[DIGEST_TEXT_MAX];

    return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", hash_format(d, text), "size",
                     (json_int_t)size);
}

static int make_manifest(const struct draft *d, const struct digest *config, size_t config_size,
                         char **ret, struct err *e)
{
    autojson json_t *doc =
        json_pack("{s:i, s:s}", "schemaVersion", 2, "mediaType", types[d->format].manifest);
    json_t *layers = json_array();

    json_object_set_new(doc, "config",
                        descriptor(types[d->format].config, config, (long long)config_size));
    for (size_t i = 0; i < d->n; i++) {
        const struct draft_layer *l = &d->layers[i];

        json_array_append_new(
            layers, descriptor(l->foreign ? l->foreign : types[d->format].layer[l->compression],
                               &l->blob, l->size));
    }
    json_object_set_new(doc, "layers", layers);
    if (d->annotations)
        json_object_set(doc, "annotations", d->annotations);
    *ret = jsonx_dump(doc, 0);
    return *ret ? 0 : err_memory(e);
}

/* ---- what can be stood on ---- */

/* A stage that begins with nothing still needs a folder below its first step. */
static int put_empty_layer(struct store *s, struct digest *ret, struct err *e)
{
    struct layer_tar t = {0};
    autofd int dir = -1, tree = -1;
    int tmp, r = store_tmp(s, &tmp, e);

    if (r == 0)
        r = file_folder(tmp, "empty", 0700, &dir, e);
    if (r == 0)
        r = file_folder(dir, "tree", 0755, &tree, e);
    if (r == 0)
        r = layer_tar_measure(tree, false, &t, e);
    if (r == 0 && !layer_exists(s, &t.diff_id))
        r = layer_tar_adopt(s, tmp, "empty", &t, e);
    (void)store_remove_tree(tmp, "empty", NULL);
    *ret = t.diff_id;
    return r;
}

int draft_view(struct draft *d, struct store *s, const struct image **ret, struct err *e)
{
    autofree char *config = NULL;
    struct image_config *c = &d->view.config;
    int r = 0;

    *ret = &d->view;
    if (d->viewed)
        return 0;
    r = make_config(d, NULL, &config, e);
    d->view = (struct image){0};
    if (r == 0)
        r = manifest_config_parse(config, strlen(config), c, e);
    if (r < 0)
        return r;
    d->viewed = true;
    if (c->diff_id_count)
        return 0;
    free(c->diff_ids);
    c->diff_ids = calloc(1, sizeof *c->diff_ids);
    r = c->diff_ids ? put_empty_layer(s, &c->diff_ids[0], e) : err_memory(e);
    c->diff_id_count = r == 0;
    if (r < 0)
        forget_view(d);
    return r;
}

static int put_blob(struct store *s, const char *text, bool durable, struct digest *ret,
                    struct err *e)
{
    struct blob_writer w;
    int r =
        durable ? blob_put(s, text, strlen(text), ret, e) : hash_bytes(text, strlen(text), ret, e);

    if (r < 0 || durable || blob_exists(s, ret))
        return r;
    r = blob_begin(s, ret, &w, e);
    if (r < 0)
        return r;
    r = blob_add(&w, text, strlen(text), e);
    if (r == 0)
        return blob_commit(s, &w, ret, (off_t)strlen(text), false, e);
    blob_abandon(&w);
    return r;
}

int draft_write(struct draft *d, struct store *s, long long created_ns, bool durable,
                struct digest *ret_id, struct digest *ret_manifest, struct err *e)
{
    autofree char *config = NULL, *manifest = NULL;
    char when[WHEN_MAX];
    int r = make_config(d, when_format(created_ns, when), &config, e);

    if (r == 0)
        r = put_blob(s, config, durable, ret_id, e);
    if (r == 0)
        r = make_manifest(d, ret_id, strlen(config), &manifest, e);
    if (r == 0)
        r = put_blob(s, manifest, durable, ret_manifest, e);
    return r < 0 || !durable ? r : layer_settle(s, e);
}
