/* Any template ends in words or in a failure with words, over a value and over a heading. */
#include <stdlib.h>
#include <string.h>

#include "cmd/format.h"
#include "tests/fuzz/fuzz.h"

static const char value[] =
    "{\"Id\":\"abc\",\"Size\":42,\"On\":true,\"Nothing\":null,\"State\":{\"ExitCode\":3},"
    "\"Config\":{\"Env\":[\"A=1\",\"B=2\"],\"Labels\":{\"k\":\"v\"}}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autojson json_t *j = json_loads(value, 0, NULL);
    autotext struct text once = {0}, again = {0};
    autoformat struct format f = {0};
    char template[4096];
    struct err e = {0};

    if (!j || size >= sizeof template)
        return 0;
    memcpy(template, data, size);
    template[size] = 0;
    if (format_open(template, &f, &e) < 0) {
        if (!strstr(e.text, "--format: "))
            abort();
        return 0;
    }
    if (format_apply(&f, j, &once, &e) < 0 && !strstr(e.text, "--format: "))
        abort();
    (void)format_apply_header(&f, j, &again, &e);
    return 0;
}
