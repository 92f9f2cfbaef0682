/* A name that is accepted must be read as the same again when it is written in full. */
#include <stdlib.h>
#include <string.h>

#include "storage/ref.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[2048], once[REF_TEXT_MAX], twice[REF_TEXT_MAX];
    struct ref ref;
    struct err e;

    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    text[strcspn(text, "\n")] = 0;
    if (ref_parse(text, &ref, &e) < 0)
        return 0;
    ref_format(&ref, once);
    ref_loopback(&ref);
    if (strstr(ref.registry, "..") || strstr(ref.repo, "..") || ref_parse(once, &ref, &e) < 0 ||
        strcmp(ref_format(&ref, twice), once) != 0)
        abort();
    return 0;
}
