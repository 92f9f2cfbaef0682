/* The reader alone, in pieces of a size that the first byte chooses. */
#include "core/base/auto.h"
#include "storage/tar.h"
#include "tests/fuzz/fuzz.h"

struct bytes {
    const uint8_t *at;
    size_t left, piece;
};

static int next(void *arg, const void **ret, size_t *ret_n, struct err *e)
{
    struct bytes *b = arg;
    size_t n = b->left < b->piece ? b->left : b->piece;

    (void)e;
    *ret = b->at;
    *ret_n = n;
    b->at += n;
    b->left -= n;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes b = {data, size, size ? 1 + data[0] * 8U : 1};
    struct tar_source source = {next, &b};
    struct tar_entry entry;
    struct tar *t = NULL;
    struct err e;
    const void *p;
    long long offset;
    size_t n;

    if (tar_new(&source, &t, &e) < 0)
        return 0;
    while (tar_next(t, &entry, &e) == 1)
        while (tar_data(t, &p, &n, &offset, &e) == 0 && n)
            if (offset < 0 || offset + (long long)n > entry.size)
                abort();
    tar_free(t);
    return 0;
}
