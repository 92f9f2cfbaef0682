/* What is read as a list stays one, whatever is done to it. */
#include <stdlib.h>
#include <string.h>

#include "storage/manifest_list.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct descriptor d = {.media_type = "application/vnd.oci.image.manifest.v1+json", .size = 1};
    const struct manifest_list_change change = {.arch = "arm64", .variant = ""};
    automanifests struct manifest_list l = {0}, new = {0};
    autotext struct text bytes = {0};
    struct manifest m = {0};
    struct err e;

    if (manifest_list_parse((const char *)data, size, &l, &e) < 0)
        return 0;
    memset(d.digest.hex, 'a', DIGEST_HEX);
    if (manifest_list_new(&new, &e) < 0 || manifest_list_add_all(&new, &l, &e) < 0 ||
        (manifest_list_count(&l) < MANIFEST_LAYERS_MAX && manifest_list_add(&l, &d, &e) < 0) ||
        manifest_list_read(&l, &m, &e) < 0)
        abort();
    for (size_t i = 0; i < m.layer_count; i++)
        if (manifest_list_annotate(&l, &m.layers[i].digest, &change, &e) < 0)
            abort();
    manifest_free(&m);
    if (manifest_list_convert(&l, true, NULL, &e) < 0 ||
        manifest_list_format(&l, 0, &bytes, &e) < 0 || manifest_parse(bytes.s, bytes.n, &m, &e) < 0)
        abort();
    manifest_free(&m);
    return 0;
}
