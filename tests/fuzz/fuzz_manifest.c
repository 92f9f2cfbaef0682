/* The same bytes as a manifest and as an image config. */
#include "storage/manifest.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct descriptor *chosen = NULL;
    struct platform want;
    struct image_config c;
    struct manifest m;
    struct err e;

    if (manifest_parse((const char *)data, size, &m, &e) == 0) {
        if (m.is_index && manifest_platform("linux/arm/v7", &want, &e) == 0)
            manifest_choose(&m, &want, &chosen, &e);
        manifest_free(&m);
    }
    if (manifest_config_parse((const char *)data, size, &c, &e) == 0)
        manifest_config_free(&c);
    return 0;
}
