/* A destination that is accepted must be absolute, clean, and none that the container needs. */
#include <stdlib.h>
#include <string.h>

#include "core/runtime/volume_opt.h"
#include "tests/fuzz/fuzz.h"

static void check(int r, struct volume_opt *v)
{
    const char *d = v->destination;

    if (r >= 0 && (d[0] != '/' || !d[1] || d[strlen(d) - 1] == '/' || strstr(d, "//") ||
                   strstr(d, "/../") || strstr(d, "/./") || strcmp(d, "/proc") == 0))
        abort();
    volume_opt_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct volume_opt v = {0};
    struct volume_opt_device d = {0};
    char text[8192], *word = text;
    struct err e;

    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    text[strcspn(text, "\n")] = 0;
    if (strchr(text, ' ')) /* the corpus says first which option it is for */
        word = strchr(text, ' ') + 1;
    check(volume_opt_parse(word, &v, &e), &v);
    check(volume_opt_parse_mount(word, &v, &e), &v);
    check(volume_opt_parse_tmpfs(word, &v, &e), &v);
    (void)volume_opt_parse_device(word, &d, &e); /* any answer is right; it must not crash */
    volume_opt_device_free(&d);
    return 0;
}
