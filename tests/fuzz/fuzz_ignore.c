/* A folder that need not be read has nothing below it that is wanted. */
#include <stdlib.h>

#include "core/build/ignore.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoignore struct ignore g = {0};
    struct err e;

    if (ignore_parse("i", (const char *)data, size, &g, &e) < 0)
        return 0;
    if (ignore_ask(&g, "a") == IGNORE_LEFT_OUT &&
        (ignore_ask(&g, "a/b") != IGNORE_LEFT_OUT || ignore_ask(&g, "a/b/c.md") != IGNORE_LEFT_OUT))
        abort();
    (void)ignore_ask(&g, "src/keep/\xc3\xa4");
    return 0;
}
