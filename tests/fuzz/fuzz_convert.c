/* The bytes as a manifest: what is converted there and back again can be read. */
#include <assert.h>
#include <stdlib.h>

#include "storage/convert.h"
#include "tests/fuzz/fuzz.h"

static void convert(const uint8_t *data, size_t size, enum convert_to to)
{
    struct text t = {0};
    struct manifest m = {0};
    struct err e;

    text_add_n(&t, data, size);
    if (size && convert_format(&t, to, &e) == 0) {
        assert(manifest_parse_any(t.s, t.n, &m, &e) == 0);
        manifest_free(&m);
    }
    text_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    convert(data, size, CONVERT_OCI);
    convert(data, size, CONVERT_DOCKER);
    return 0;
}
