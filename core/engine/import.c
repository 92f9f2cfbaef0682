#include "core/engine/import.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/idmap.h"
#include "core/base/when.h"
#include "core/engine/change.h"
#include "storage/blob.h"
#include "storage/event.h"
#include "storage/gc.h"
#include "storage/image.h"
#include "storage/inflate.h"
#include "storage/layer.h"

enum { PIECE = 1 << 18 };

/* ---- the layer ---- */

/* From the archive into the blob and to the unpacker. One that has failed has closed its end; its
 * reason comes from layer_unpack_finish. */
static int relay(struct inflate *z, struct blob_writer *w, struct layer_job *job, struct err *e)
{
    autofree char *piece = malloc(PIECE);
    int r = piece ? 0 : err_memory(e);

    while (r == 0) {
        ssize_t n = inflate_read(z, piece, PIECE, e);

        if (n <= 0) {
            r = (int)n;
            break;
        }
        if (file_write_fd(job->in_fd, piece, (size_t)n, NULL) < 0)
            break;
        r = blob_add(w, piece, (size_t)n, e);
    }
    close(take_fd(&job->in_fd));
    return r;
}

static int read_layer(struct store *s, struct inflate *z, struct unpacker *u, struct digest *ret,
                      long long *ret_bytes, struct err *e)
{
    const struct digest unknown = {.hex = "import"}; /* until the last byte is there */
    struct layer_job job;
    struct layer_meta meta;
    struct blob_writer w;
    int r = blob_begin(s, &unknown, &w, e);

    if (r < 0)
        return r;
    r = layer_unpack_start(u, &unknown, COMPRESSION_NONE, -1, &job, e);
    if (r == 0) {
        r = relay(z, &w, &job, e);
        hash_end(w.hash, ret);
        w.verified = true;
        job.diff_id = *ret;
        if (r == 0)
            r = layer_unpack_finish(s, u, &job, &meta, e);
        else
            layer_unpack_abandon(s, u, &job);
    }
    if (r < 0) {
        blob_abandon(&w);
        return r;
    }
    *ret_bytes = (long long)w.written;
    return blob_commit(s, &w, ret, -1, false, e);
}

static int make_layer(struct store *s, int fd, struct digest *ret, long long *ret_bytes,
                      struct err *e)
{
    struct inflate_limits limits = {0};
    struct unpacker *u = NULL;
    struct inflate *z = NULL;
    struct statvfs vfs;
    struct idmap map;
    int r = idmap_load(&map, e);

    (void)signal(SIGPIPE, SIG_IGN);
    if (fstatvfs(s->fd, &vfs) == 0)
        limits.output_bytes = (unsigned long long)vfs.f_bavail * vfs.f_frsize;
    if (r == 0)
        r = layer_unpacker_start(s, &map, &u, e);
    if (r == 0)
        r = inflate_new(fd, &limits, &z, e);
    if (r == 0)
        r = read_layer(s, z, u, ret, ret_bytes, e);
    inflate_free(z);
    layer_unpacker_stop(u);
    return r < 0 ? r : layer_settle(s, e);
}

/* ---- the documents ---- */

static json_t *history(const struct import_request *q, const char *now)
{
    autofree char *comment = text_format("imported from %s", q->from);

    return json_pack("{s:s, s:s, s:s}", "created", now, "created_by", "rctr import", "comment",
                     q->message ? q->message
                     : comment  ? comment
                                : "");
}

static int make_config(const struct import_request *q, const struct digest *layer, json_t *changed,
                       char **ret, struct err *e)
{
    const struct platform *p = &q->platform;
    char now[WHEN_MAX], text[DIGEST_TEXT_MAX];
    autojson json_t *doc = NULL;

    when_format(when_now(), now);
    doc = json_pack("{s:s, s:s, s:s, s:O, s:{s:s, s:[s]}, s:[o]}", "created", now, "architecture",
                    p->arch, "os", p->os, "config", changed, "rootfs", "type", "layers", "diff_ids",
                    hash_format(layer, text), "history", history(q, now));
    if (p->variant[0])
        json_object_set_new(doc, "variant", json_string(p->variant));
    *ret = jsonx_dump(doc, 0);
    return *ret ? 0 : err_memory(e);
}

static int make_manifest(const struct digest *config, size_t config_size,
                         const struct digest *layer, long long layer_size, char **ret,
                         struct err *e)
{
    char a[DIGEST_TEXT_MAX], b[DIGEST_TEXT_MAX];
    autojson json_t *doc = json_pack(
        "{s:i, s:s, s:{s:s, s:s, s:I}, s:[{s:s, s:s, s:I}]}", "schemaVersion", 2, "mediaType",
        "application/vnd.oci.image.manifest.v1+json", "config", "mediaType",
        "application/vnd.oci.image.config.v1+json", "digest", hash_format(config, a), "size",
        (json_int_t)config_size, "layers", "mediaType", "application/vnd.oci.image.layer.v1.tar",
        "digest", hash_format(layer, b), "size", (json_int_t)layer_size);

    *ret = jsonx_dump(doc, 0);
    return *ret ? 0 : err_memory(e);
}

/* ---- all of it ---- */

static int make_image(struct store *s, int fd, const struct import_request *q, json_t *changed,
                      struct digest *ret, struct err *e)
{
    autofree char *config = NULL, *manifest = NULL;
    struct digest layer, digest;
    long long bytes = 0;
    int r = make_layer(s, fd, &layer, &bytes, e);

    if (r == 0)
        r = make_config(q, &layer, changed, &config, e);
    if (r == 0)
        r = blob_put(s, config, strlen(config), ret, e);
    if (r == 0)
        r = make_manifest(ret, strlen(config), &layer, bytes, &manifest, e);
    if (r == 0)
        r = blob_put(s, manifest, strlen(manifest), &digest, e);
    if (r == 0)
        r = q->name ? image_name(s, q->name, &digest, e) : image_keep_unnamed(s, &digest, e);
    return r;
}

int import_run(struct store *s, int fd, const struct import_request *q, struct digest *ret,
               struct err *e)
{
    autojson json_t *changed = json_object();
    char name[REF_TEXT_MAX] = "";
    int r = 0;

    /* a wrong line is told before anything is done */
    for (size_t i = 0; i < q->change.n && r == 0; i++)
        r = change_apply(q->change.v[i], changed, e);
    if (r == 0)
        r = store_lock_shared(s, e);
    if (r < 0)
        return r;
    r = make_image(s, fd, q, changed, ret, e);
    if (r < 0)
        (void)gc_run(s, false, NULL, NULL);
    else
        event_image(s, "import", ret, q->name ? ref_format(q->name, name) : NULL);
    return r;
}
