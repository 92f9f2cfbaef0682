/* The reader alone, in pieces of a size that the first byte chooses. */
#include "core/base/auto.h"
#include "storage/tar.h"
#include "tests/fuzz/fuzz.h"
#include "tests/tar_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tar_bytes b = {data, size, size ? 1 + data[0] * 8U : 1};
    struct tar_source source = {tar_bytes_next, &b};
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
