/* The same bytes as a configuration file and as a server's challenge. */
#include <stdlib.h>
#include <string.h>

#include "storage/registry/auth.h"
#include "storage/registry/conf.h"
#include "storage/registry/url.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct auth_challenge challenge;
    struct conf c = {0};
    struct url base, u;
    struct err e;

    memcpy(text, data, size);
    text[size] = 0;
    conf_parse(&c, text, "fuzz", &e);
    conf_free(&c);
    auth_parse(text, &challenge, &e);
    if (url_parse("https://a.example/v2/", &base, &e) == 0)
        url_resolve(&base, text, &u, &e);
    free(text);
    return 0;
}
