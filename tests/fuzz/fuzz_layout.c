/* The bytes as an index.json of a layout, and as its oci-layout. */
#include <assert.h>
#include <string.h>

#include "storage/layout.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"", "latest", "quay.io/x/y:1"};
    struct digest d;
    struct err e;

    for (size_t i = 0; i < 3; i++)
        if (layout_choose((const char *)data, size, names[i], &d, &e) == 0)
            assert(strlen(d.hex) == DIGEST_HEX);
    (void)layout_check((const char *)data, size, &e);
    return 0;
}
