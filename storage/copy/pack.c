#include "storage/copy/pack.h"

#include <unistd.h>

#include "core/base/auto.h"
#include "storage/blob.h"
#include "storage/deflate.h"

enum { PIECE = DEFLATE_PIECE };

static int take(void *arg, const void *bytes, size_t n, struct err *e)
{
    return blob_add(arg, bytes, n, e);
}

static int run(const struct part *plain, struct deflate *z, struct err *e)
{
    autofree char *piece = malloc(PIECE);
    long n = 1;

    if (!piece)
        return err_memory(e);
    for (long long at = 0; n > 0; at += n) {
        int r = 0;

        n = part_read(plain, at, piece, PIECE, e);
        if (n > 0)
            r = deflate_write(z, piece, (size_t)n, e);
        if (n < 0 || r < 0)
            return n < 0 ? (int)n : r;
    }
    return deflate_finish(z, e);
}

int pack_layer(struct store *s, const struct part *plain, struct part *ret,
               struct digest *ret_digest, struct err *e)
{
    struct deflate *z = NULL;
    struct blob_writer w;
    int r = blob_begin_loose(s, &w, e);

    if (r < 0)
        return r;
    r = deflate_new(DEFLATE_GZIP, DEFLATE_LEVEL_FAST, take, &w, &z, e);
    if (r == 0)
        r = run(plain, z, e);
    deflate_free(z);
    if (r < 0) {
        blob_abandon(&w);
        return r;
    }
    hash_end(w.hash, ret_digest);
    ret->from = 0;
    ret->size = (long long)w.written;
    return blob_end_loose(&w, &ret->fd, e);
}
