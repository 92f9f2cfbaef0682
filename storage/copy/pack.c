#include "storage/copy/pack.h"

#include <errno.h>
#include <fcntl.h>
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
    const struct digest unknown = {.hex = "pack"};
    struct deflate *z = NULL;
    struct blob_writer w;
    int r = blob_begin(s, &unknown, &w, e), fd = -1;

    if (r < 0)
        return r;
    r = deflate_new(DEFLATE_GZIP, DEFLATE_LEVEL_FAST, take, &w, &z, e);
    if (r == 0)
        r = run(plain, z, e);
    deflate_free(z);
    if (r == 0) {
        hash_end(w.hash, ret_digest);
        fd = fcntl(w.fd, F_DUPFD_CLOEXEC, 3);
        r = fd < 0 ? err_sys(e, "cannot keep a file open") : 0;
    }
    if (r == 0)
        *ret = (struct part){.fd = fd, .size = (long long)w.written};
    blob_abandon(&w);
    return r;
}
