/* Theory of operation: a plain layer is read, compressed and sent in one go. The http room asks for
 * the next bytes (`fill`), which makes as many as are needed; each piece also goes into a blob of
 * the store and into its digest, which is known when all is sent. Should the registry not take it
 * so, the rest is made without it and the blob is sent as any other. */
#include "storage/registry/push_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/blob.h"
#include "storage/inflate.h"
#include "storage/layer_tar.h"
#include "storage/registry/upload.h"

enum { PIECE = DEFLATE_PIECE, NOTE_MAX = 256 };

static const enum manifest_compression of_kind[] = {COMPRESSION_NONE, COMPRESSION_GZIP,
                                                    COMPRESSION_ZSTD};

static bool is_as_wanted(const struct descriptor *d, const struct push_options *o)
{
    if (o->all_anew)
        return d->compression == of_kind[o->format];
    return d->compression != COMPRESSION_NONE || o->format == DEFLATE_NONE;
}

/* ---- what was compressed before ---- */

/* cache/packed.HEX.gzip.6: "sha256:HEX SIZE", of the layer's blob HEX. */
static void note_name(const struct descriptor *d, const struct push_options *o, char *buf,
                      size_t size)
{
    static const char *const kinds[] = {"none", "gzip", "zstd"};

    snprintf(buf, size, "packed.%s.%s.%d", d->digest.hex, kinds[o->format], o->level);
}

static bool read_note(const struct store *s, const struct descriptor *d,
                      const struct push_options *o, struct push_layer *ret)
{
    autotext struct text t = {0};
    autofd int cache = -1, blob = -1;
    char name[160], *blank;
    off_t size;

    note_name(d, o, name, sizeof name);
    if (store_folder(s, "cache", &cache, NULL) < 0 ||
        file_read(cache, name, NOTE_MAX, &t, NULL) < 0 || !t.n)
        return false;
    blank = strchr(t.s, ' ');
    if (!blank)
        return false;
    *blank = 0;
    if (hash_parse(t.s, &ret->digest, NULL) < 0 ||
        blob_open(s, &ret->digest, &blob, &size, NULL) < 0 || size != strtoll(blank + 1, NULL, 10))
        return false;
    ret->size = size;
    return true;
}

static void write_note(const struct store *s, const struct descriptor *d,
                       const struct push_options *o, const struct push_layer *made)
{
    enum { FLAGS = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC };
    autofd int cache = -1, fd = -1;
    char name[160], text[NOTE_MAX], digest[DIGEST_TEXT_MAX];

    note_name(d, o, name, sizeof name);
    snprintf(text, sizeof text, "%s %lld\n", hash_format(&made->digest, digest), made->size);
    if (store_folder(s, "cache", &cache, NULL) == 0)
        fd = openat(cache, name, FLAGS, 0600);
    if (fd >= 0) /* in its place: half a note is none, and nothing lies beside it after a kill */
        (void)file_write_fd(fd, text, strlen(text), NULL);
}

bool push_layer_known(struct store *s, const struct descriptor *d, const struct push_options *o,
                      struct push_layer *ret)
{
    ret->compression = d->compression;
    ret->digest = d->digest;
    ret->size = d->size;
    if (is_as_wanted(d, o))
        return true;
    ret->compression = of_kind[o->format];
    return read_note(s, d, o, ret);
}

/* ---- made while it is sent ---- */

struct packing {
    struct inflate *in; /* owned: the layer's blob as plain bytes */
    struct deflate *out;
    struct blob_writer kept;
    struct hash *hash; /* owned */
    struct text ready; /* made, and not fetched yet */
    bool ended, hashed;
    struct digest digest;
    char *piece; /* owned */
    const struct upload_progress *progress;
};

static int take(void *arg, const void *bytes, size_t n, struct err *e)
{
    struct packing *p = arg;

    hash_add(p->hash, bytes, n);
    text_add_n(&p->ready, bytes, n);
    return blob_add(&p->kept, bytes, n, e);
}

/* One piece more of the layer. */
static int advance(struct packing *p, struct err *e)
{
    size_t have = 0;
    int r = 0;

    while (have < PIECE && !p->ended) {
        ssize_t n = inflate_read(p->in, p->piece + have, PIECE - have, e);

        if (n < 0)
            return (int)n;
        p->ended = n == 0;
        have += (size_t)n;
    }
    if (have)
        r = deflate_write(p->out, p->piece, have, e);
    if (r == 0 && p->ended)
        r = deflate_finish(p->out, e);
    return r < 0 ? r : text_check(&p->ready, e);
}

static ssize_t fill(void *arg, char *to, size_t n, struct err *e)
{
    struct packing *p = arg;
    int r = 0;

    while (r == 0 && !p->ended && p->ready.n < n)
        r = advance(p, e);
    if (r < 0)
        return r;
    if (p->progress)
        p->progress->sent(p->progress->arg, (long long)inflate_out(p->in));
    if (n > p->ready.n)
        n = p->ready.n;
    if (n) {
        memcpy(to, p->ready.s, n);
        memmove(p->ready.s, p->ready.s + n, p->ready.n - n);
        p->ready.n -= n;
    }
    return (ssize_t)n;
}

static int end(void *arg, struct digest *ret, struct err *e)
{
    struct packing *p = arg;
    int r = 0;

    while (r == 0 && !p->ended) { /* the registry stopped listening */
        p->ready.n = 0;
        r = advance(p, e);
    }
    if (r == 0 && !p->hashed) {
        hash_end(p->hash, &p->digest);
        p->hashed = true;
    }
    *ret = p->digest;
    return r;
}

static int open_packing(struct store *s, int blob, const struct digest *d,
                        const struct push_options *o, struct packing *p, struct err *e)
{
    int r = inflate_ready(e);

    *p = (struct packing){.kept = {.fd = -1}, .piece = malloc(PIECE)};
    if (!p->piece)
        return err_memory(e);
    if (r == 0)
        r = inflate_new(blob, &(struct inflate_limits){0}, &p->in, e);
    if (r == 0)
        r = deflate_new(o->format, o->level, take, p, &p->out, e);
    if (r == 0)
        r = hash_new(&p->hash, e);
    return r < 0 ? r : blob_begin(s, d, &p->kept, e);
}

static void close_packing(struct packing *p)
{
    if (p->kept.fd >= 0)
        blob_abandon(&p->kept);
    inflate_free(p->in);
    deflate_free(p->out);
    hash_free(p->hash);
    text_free(&p->ready);
    free(p->piece);
}

/* ---- sending ---- */

static int send_stored(struct store *s, struct registry *r, const struct push_layer *l,
                       const struct upload_progress *progress, struct err *e)
{
    autofd int fd = -1;
    off_t size;
    int n = layer_tar_blob(s, &l->digest, &fd, &size, e);

    if (n == -ENOENT)
        return err_set(e, ENOENT,
                       "the compressed form of layer sha256:%s is not stored any more; pull the "
                       "image again",
                       l->digest.hex);
    return n < 0 ? n : upload_file(r, &l->digest, fd, size, progress, e);
}

static int send_packed(struct store *s, struct registry *r, const struct descriptor *d,
                       const struct push_options *o, const struct upload_progress *progress,
                       struct push_layer *l, struct err *e)
{
    autofd int blob = -1;
    struct packing p;
    struct upload_stream stream = {.fill = fill, .end = end, .arg = &p};
    bool again;
    int n = layer_tar_blob(s, &d->digest, &blob, NULL, e);

    if (n < 0)
        return n;
    n = open_packing(s, blob, &d->digest, o, &p, e);
    p.progress = progress;
    if (n == 0)
        n = upload_stream(r, &stream, e);
    again = n == -EAGAIN;
    if (n == 0 || again)
        n = end(&p, &l->digest, e);
    if (n == 0) {
        l->size = p.kept.written;
        n = blob_commit(s, &p.kept, &l->digest, -1, false, e);
        p.kept.fd = -1;
    }
    close_packing(&p);
    if (n == 0)
        write_note(s, d, o, l);
    return n == 0 && again ? send_stored(s, r, l, progress, e) : n;
}

int push_layer_send(struct store *s, struct registry *r, const struct descriptor *d,
                    const struct push_options *o, const struct upload_progress *progress,
                    struct push_layer *ret, struct err *e)
{
    bool known = push_layer_known(s, d, o, ret);

    ret->phase = PUSH_SENT;
    return known ? send_stored(s, r, ret, progress, e) : send_packed(s, r, d, o, progress, ret, e);
}
