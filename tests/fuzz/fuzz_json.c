/* A document that is accepted is written, and read as the same again. */
#include <stdlib.h>
#include <string.h>

#include "core/base/jsonx.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *once = NULL, *twice = NULL;
    char *text;
    struct err e;

    if (jsonx_parse((const char *)data, size, &once, &e) < 0) {
        if (once || strnlen(e.text, sizeof e.text) == sizeof e.text)
            abort();
        return 0;
    }
    text = jsonx_dump(once, 0);
    if (!text || jsonx_parse(text, strlen(text), &twice, &e) < 0 || !json_equal(once, twice))
        abort();
    free(text);
    json_decref(once);
    json_decref(twice);
    return 0;
}
