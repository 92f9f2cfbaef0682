/* Theory of operation: a tar header has the size before the bytes, and the name of a layer is the
 * digest of what it holds; so a layer is inflated twice, first to know the two, then into the
 * archive. What the config says of its layers is compared with what they were found to be. */
#include "storage/copy/sink_docker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/outfile.h"
#include "storage/inflate.h"
#include "storage/tar_out.h"

enum { PIECE = 1 << 18 };

struct place {
    struct outfile file;
    struct tar_write *tar;
    struct strv blobs, diff_ids; /* of the layers, side by side */
    struct text config;
    struct digest config_digest;
    char name[REF_TEXT_MAX]; /* "": none */
};

static int has(void *of, const struct descriptor *d, const struct source *from, struct err *e)
{
    const struct place *l = of;

    (void)from;
    (void)e;
    return strv_has(&l->blobs, d->digest.hex) ? SINK_HAS : SINK_LACKS;
}

/* ---- layers ---- */

static int open_plain(const struct part *p, struct inflate **ret, struct err *e)
{
    const struct inflate_limits limits = {.part_bytes = (unsigned long long)p->size};

    if (lseek(p->fd, (off_t)p->from, SEEK_SET) < 0)
        return err_sys(e, "cannot read a layer");
    return inflate_new(p->fd, &limits, ret, e);
}

/* What the layer is when it is plain: once for its size and digest (`tar` NULL), once for its
 * bytes. */
static int run_plain(const struct part *p, struct tar_write *tar, long long *ret_size,
                     struct digest *ret, struct err *e)
{
    autofree char *piece = malloc(PIECE);
    struct inflate *z = NULL;
    struct hash *hash = NULL;
    ssize_t n = 1;
    int r = piece ? open_plain(p, &z, e) : err_memory(e);

    if (r == 0)
        r = hash_new(&hash, e);
    *ret_size = 0;
    while (r == 0 && n > 0) {
        n = inflate_read(z, piece, PIECE, e);
        r = n < 0 ? (int)n : 0;
        if (n > 0)
            *ret_size += n;
        if (n > 0 && !tar)
            hash_add(hash, piece, (size_t)n);
        else if (n > 0)
            r = tar_write_data(tar, piece, (size_t)n, e);
    }
    if (r == 0 && !tar)
        hash_end(hash, ret);
    hash_free(hash);
    inflate_free(z);
    return r;
}

static int put_layer(struct place *l, const struct descriptor *d, const struct part *p,
                     struct err *e)
{
    char name[DIGEST_HEX + 8];
    struct digest diff_id;
    long long size;
    bool known;
    int r = run_plain(p, NULL, &size, &diff_id, e);

    if (r < 0)
        return r;
    snprintf(name, sizeof name, "%s.tar", diff_id.hex);
    known = strv_has(&l->diff_ids, diff_id.hex);
    r = strv_add(&l->blobs, d->digest.hex, e);
    if (r == 0)
        r = strv_add(&l->diff_ids, diff_id.hex, e);
    if (r == 0 && !known)
        r = tar_out_file(l->tar, name, size, e);
    if (r == 0 && !known)
        r = run_plain(p, l->tar, &size, &diff_id, e);
    return r;
}

static bool is_config(const char *media_type)
{
    return text_ends(media_type, ".config.v1+json") ||
           strcmp(media_type, "application/vnd.docker.container.image.v1+json") == 0;
}

static int put_blob(void *of, const struct descriptor *d, const struct part *p, struct err *e)
{
    struct place *l = of;

    if (!is_config(d->media_type))
        return put_layer(l, d, p, e);
    l->config_digest = d->digest;
    return part_text(p, MANIFEST_MAX, &l->config, e);
}

/* ---- the table of contents ---- */

static const char *diff_id_of(const struct place *l, const struct digest *blob)
{
    for (size_t i = 0; i < l->blobs.n; i++)
        if (strcmp(l->blobs.v[i], blob->hex) == 0)
            return l->diff_ids.v[i];
    return NULL;
}

static int add_layers(const struct place *l, const struct manifest *m, json_t *list, struct err *e)
{
    struct image_config c = {0};
    int r = manifest_config_parse(l->config.s ? l->config.s : "", l->config.n, &c, e);

    if (r == 0 && c.diff_id_count != m->layer_count)
        r = err_set(e, EINVAL, "the manifest has %zu layers, but the config speaks of %zu",
                    m->layer_count, c.diff_id_count);
    for (size_t i = 0; r == 0 && i < m->layer_count; i++) {
        const char *have = diff_id_of(l, &m->layers[i].digest);

        if (!have)
            r = err_set(e, ENOTSUP, "layer %zu is a foreign one, which it cannot point to", i + 1);
        else if (strcmp(have, c.diff_ids[i].hex) != 0)
            r = err_set(
                e, EBADMSG,
                "layer %zu holds a tar with the digest sha256:%s, the config says sha256:%s", i + 1,
                have, c.diff_ids[i].hex);
        else
            json_array_append_new(list, json_sprintf("%s.tar", have));
    }
    manifest_config_free(&c);
    return r;
}

/* What readers before manifest.json look for: repository → tag → top layer. */
static int put_repositories(struct place *l, const json_t *layers, struct err *e)
{
    autojson json_t *all = json_object();
    const char *top = json_string_value(json_array_get(layers, json_array_size(layers) - 1));
    const char *tag = strrchr(l->name, ':');
    autofree char *text = NULL, *repo = NULL;

    if (tag && top) {
        repo = strndup(l->name, (size_t)(tag - l->name));
        json_object_set_new(all, repo ? repo : "", json_pack("{s:s#}", tag + 1, top, DIGEST_HEX));
    }
    text = jsonx_dump(all, 0);
    return text ? tar_out_text(l->tar, "repositories", text, strlen(text), e) : err_memory(e);
}

static int put_table(struct place *l, json_t *layers, struct err *e)
{
    autojson json_t *names = json_array(), *list = NULL;
    autofree char *text = NULL, *config = text_format("%s.json", l->config_digest.hex);

    if (l->name[0])
        json_array_append_new(names, json_string(l->name));
    list = json_pack("[{s:s, s:O, s:O}]", "Config", config ? config : "", "RepoTags", names,
                     "Layers", layers);
    text = list ? jsonx_dump(list, 0) : NULL;
    return text ? tar_out_text(l->tar, "manifest.json", text, strlen(text), e) : err_memory(e);
}

static int put_manifest(void *of, const struct text *bytes, const char *media_type,
                        const struct digest *d, bool last, struct err *e)
{
    struct place *l = of;
    autojson json_t *layers = json_array();
    char name[DIGEST_HEX + 8];
    struct manifest m = {0};
    int r = manifest_parse(bytes->s, bytes->n, &m, e);

    (void)media_type;
    (void)d; /* the archive keeps no manifest */
    if (r == 0 && (m.is_index || !last))
        r = err_set(e, ENOTSUP, "it cannot hold an index");
    if (r == 0)
        r = add_layers(l, &m, layers, e);
    manifest_free(&m);
    if (r < 0)
        return r;
    snprintf(name, sizeof name, "%s.json", l->config_digest.hex);
    r = tar_out_text(l->tar, name, l->config.s, l->config.n, e);
    if (r == 0)
        r = put_table(l, layers, e);
    return r < 0 ? r : put_repositories(l, layers, e);
}

static int finish(void *of, struct err *e)
{
    struct place *l = of;
    int r = tar_write_end(l->tar, e);

    return r < 0 ? r : outfile_end(&l->file, true, e);
}

static void close_place(void *of)
{
    struct place *l = of;

    tar_write_free(l->tar);
    outfile_close(&l->file);
    strv_free(&l->blobs);
    strv_free(&l->diff_ids);
    text_free(&l->config);
    free(l);
}

static int open_place(struct place *l, const char *path, const char *name, struct err *e)
{
    struct tar_sink sink = {tar_write_to_fd, &l->file.fd};
    struct ref ref;
    int r = *name ? ref_parse(name, &ref, e) : 0;

    if (r == 0 && *name && ref.digest.hex[0])
        r = err_set(e, EINVAL, "'%s' has a digest, which docker's archives have no place for",
                    name);
    if (r == 0 && *name)
        ref_format(&ref, l->name);
    if (r == 0)
        r = outfile_begin(path, &l->file, e);
    return r < 0 ? r : tar_write_new(&sink, &l->tar, e);
}

int sink_docker_open(const char *path, const char *name, struct sink *ret, struct err *e)
{
    static const struct sink_kind kind = {
        .has = has,
        .blob = put_blob,
        .manifest = put_manifest,
        .finish = finish,
        .close = close_place,
    };
    struct place *l = calloc(1, sizeof *l);
    int r;

    *ret = (struct sink){.of = l, .serial = true};
    if (!l)
        return err_memory(e);
    snprintf(ret->name, sizeof ret->name, "docker-archive:%s%s%s", path, *name ? ":" : "", name);
    l->file = OUTFILE_NONE;
    r = inflate_ready(e);
    if (r == 0)
        r = open_place(l, path, name, e);
    if (r < 0) {
        close_place(l);
        return err_wrap(e, r, "%s", ret->name);
    }
    ret->kind = &kind;
    return 0;
}
