#include "core/engine/commit.h"

#include <string.h>

#include "core/base/auto.h"
#include "core/base/when.h"
#include "core/engine/change.h"
#include "core/engine/commit_layer.h"
#include "core/engine/pause.h"
#include "storage/blob.h"
#include "storage/event.h"

struct commit {
    struct store *s;
    const struct commit_request *q;
    struct files files;
    struct image base;
    struct commit_layer layer;
    char now[WHEN_MAX];
};

/* ---- the configuration ---- */

static json_t *array_of(const struct strv *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, json_string(l->v[i]));
    return a;
}

static void put_list(json_t *config, const char *key, const struct strv *l)
{
    if (l->n)
        json_object_set_new(config, key, array_of(l));
    else
        json_object_del(config, key);
}

static void put_text(json_t *o, const char *key, const char *text)
{
    if (text && *text)
        json_object_set_new(o, key, json_string(text));
}

/* What a start adds by itself is not the image's. */
static bool is_ours(const struct commit *c, const char *assignment)
{
    static const char *const names[] = {"container", "HOSTNAME", "TERM", "HOME"};
    size_t n = strcspn(assignment, "=");

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strlen(names[i]) == n && strncmp(names[i], assignment, n) == 0)
            return !strv_env(&c->base.config.env, names[i]);
    return false;
}

/* As the container was made: its own words over the image's. */
static int fill_config(const struct commit *c, json_t *config, struct err *e)
{
    const struct definition *d = &c->files.container.def;
    const struct record *r = &c->files.container.record;
    json_t *volumes;
    int code = 0;

    put_list(config, "Entrypoint", &d->origin.entrypoint);
    put_list(config, "Cmd", &d->origin.cmd);
    put_text(config, "User", d->spec.user);
    put_text(config, "WorkingDir", d->spec.cwd);
    put_text(config, "StopSignal", r->stop_signal);
    for (size_t i = 0; i < d->spec.env.n && code == 0; i++)
        if (!is_ours(c, d->spec.env.v[i]))
            code = change_env(config, d->spec.env.v[i], e);
    if (json_object_size(r->labels))
        json_object_set_new(config, "Labels", json_deep_copy(r->labels));
    volumes = json_object_get(config, "Volumes");
    for (size_t i = 0; c->q->include_volumes && i < d->spec.volume_count; i++) {
        if (!json_is_object(volumes)) {
            volumes = json_object();
            json_object_set_new(config, "Volumes", volumes);
        }
        json_object_set_new(volumes, d->spec.volumes[i].destination, json_object());
    }
    for (size_t i = 0; i < c->q->change.n && code == 0; i++)
        code = change_apply(c->q->change.v[i], config, e);
    return code;
}

static void add_history(const struct commit *c, json_t *doc)
{
    json_t *list = json_object_get(doc, "history"), *o = json_object();
    const struct strv *command = &c->files.container.record.command;
    autotext struct text said = {0};

    for (size_t i = 0; i < command->n; i++)
        text_addf(&said, "%s%s", i ? " " : "", command->v[i]);
    put_text(o, "created", c->now);
    put_text(o, "created_by", said.s);
    put_text(o, "author", c->q->author);
    put_text(o, "comment", c->q->message);
    if (c->q->squash || !json_is_array(list)) {
        list = json_array();
        json_object_set_new(doc, "history", list);
    }
    json_array_append_new(list, o);
}

/* New text. */
static int make_config(const struct commit *c, char **ret, struct err *e)
{
    static const char *const others[] = {"id", "parent", "container", "container_config",
                                         "docker_version"};
    autojson json_t *doc = json_deep_copy(c->base.config.document);
    json_t *config = json_object_get(doc, "config"), *ids;
    char text[DIGEST_TEXT_MAX];
    int r;

    for (size_t i = 0; i < ARRAY_SIZE(others); i++) /* of whoever made the image below */
        json_object_del(doc, others[i]);
    if (!json_is_object(config)) {
        config = json_object();
        json_object_set_new(doc, "config", config);
    }
    r = fill_config(c, config, e);
    if (r < 0)
        return r;
    put_text(doc, "created", c->now);
    put_text(doc, "author", c->q->author);
    if (c->q->format == COMMIT_DOCKER)
        put_text(doc, "comment", c->q->message);
    ids = c->q->squash ? NULL : json_object_get(json_object_get(doc, "rootfs"), "diff_ids");
    if (!ids) {
        ids = json_array();
        json_object_set_new(doc, "rootfs",
                            json_pack("{s:s, s:o}", "type", "layers", "diff_ids", ids));
    }
    json_array_append_new(ids, json_string(hash_format(&c->layer.digest, text)));
    add_history(c, doc);
    *ret = jsonx_dump(doc, 0);
    return *ret ? 0 : err_memory(e);
}

/* ---- the manifest ---- */

static const struct {
    const char *manifest, *config, *layer[3]; /* plain, gzip, zstd */
} types[] = {
    [COMMIT_OCI] = {"application/vnd.oci.image.manifest.v1+json",
                    "application/vnd.oci.image.config.v1+json",
                    {"application/vnd.oci.image.layer.v1.tar",
                     "application/vnd.oci.image.layer.v1.tar+gzip",
                     "application/vnd.oci.image.layer.v1.tar+zstd"}},
    [COMMIT_DOCKER] = {"application/vnd.docker.distribution.manifest.v2+json",
                       "application/vnd.docker.container.image.v1+json",
                       {"application/vnd.docker.image.rootfs.diff.tar",
                        "application/vnd.docker.image.rootfs.diff.tar.gzip",
                        "application/vnd.docker.image.rootfs.diff.tar.zstd"}},
};

static json_t *descriptor(const char *type, const struct digest *d, long long size)
{
    char text[DIGEST_TEXT_MAX];

    return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", hash_format(d, text), "size",
                     (json_int_t)size);
}

static int make_manifest(const struct commit *c, const struct digest *config, size_t config_size,
                         char **ret, struct err *e)
{
    autojson json_t *doc = json_object();
    json_t *layers = json_array();
    enum commit_format f = c->q->format;

    json_object_set_new(doc, "schemaVersion", json_integer(2));
    put_text(doc, "mediaType", types[f].manifest);
    json_object_set_new(doc, "config", descriptor(types[f].config, config, (long long)config_size));
    for (size_t i = 0; i < c->base.manifest.layer_count && !c->q->squash; i++) {
        const struct descriptor *d = &c->base.manifest.layers[i];

        json_array_append_new(
            layers, descriptor(d->foreign ? d->media_type : types[f].layer[d->compression],
                               &d->digest, d->size));
    }
    json_array_append_new(
        layers, descriptor(types[f].layer[COMPRESSION_NONE], &c->layer.digest, c->layer.bytes));
    json_object_set_new(doc, "layers", layers);
    *ret = jsonx_dump(doc, 0);
    return *ret ? 0 : err_memory(e);
}

/* Store a document; commit_layer_finish makes it durable. */
static int put_blob(struct store *s, const char *text, struct digest *ret, struct err *e)
{
    struct blob_writer w;
    int r = hash_bytes(text, strlen(text), ret, e);

    if (r < 0 || blob_exists(s, ret))
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

/* ---- all of it ---- */

static int write_image(struct commit *c, struct digest *ret_id, struct err *e)
{
    autofree char *config = NULL, *manifest = NULL;
    struct digest digest;
    int r = make_config(c, &config, e);

    if (r == 0)
        r = put_blob(c->s, config, ret_id, e);
    if (r == 0)
        r = make_manifest(c, ret_id, strlen(config), &manifest, e);
    if (r == 0)
        r = put_blob(c->s, manifest, &digest, e);
    if (r == 0)
        r = commit_layer_finish(c->s, &c->layer, e);
    if (r == 0)
        r = c->q->name ? image_name(c->s, c->q->name, &digest, e)
                       : image_keep_unnamed(c->s, &digest, e);
    return r;
}

static int write_layer(struct commit *c, struct err *e)
{
    struct record *r = &c->files.container.record;
    bool signals = false, paused = c->q->pause && r->state == RECORD_RUNNING;
    int code = paused ? pause_container(c->s, r, &signals, e) : 0, again;

    if (code < 0)
        return code;
    code = commit_layer_write(&c->files, c->q->squash, &c->layer, e);
    if (!paused)
        return code;
    again = pause_end(c->s, r, code < 0 ? NULL : e);
    if (code == 0 && again < 0)
        commit_layer_abandon(c->s, &c->layer);
    return code < 0 ? code : again;
}

/* A wrong line is told before anything is done. */
static int check_changes(const struct commit_request *q, struct err *e)
{
    autojson json_t *config = json_object();
    int r = 0;

    for (size_t i = 0; i < q->change.n && r == 0; i++)
        r = change_apply(q->change.v[i], config, e);
    return r;
}

int commit_run(struct store *s, struct record *r, const struct commit_request *q,
               struct commit_result *ret, struct err *e)
{
    struct commit c = {.s = s, .q = q};
    struct diff_sides sides;
    int code = check_changes(q, e);

    if (code == 0)
        code = store_lock_shared(s, e);
    if (code == 0)
        code = files_open(s, r, false, true, &c.files, e);
    if (code < 0)
        return code;
    when_format(when_now(), c.now);
    code = files_sides(&c.files, &sides, e); /* refuses what has no image */
    if (code == 0)
        code = image_open(s, &c.files.container.record.manifest_digest, &c.base, e);
    if (code == 0)
        code = write_layer(&c, e);
    if (code == 0) {
        code = write_image(&c, &ret->id, e);
        ret->layer = c.layer.digest;
        ret->layer_bytes = c.layer.bytes;
        commit_layer_abandon(s, &c.layer);
    }
    if (code == 0)
        event_container(s, &c.files.container.record, "commit", NULL, NULL);
    image_free(&c.base);
    files_close(&c.files);
    return code;
}
