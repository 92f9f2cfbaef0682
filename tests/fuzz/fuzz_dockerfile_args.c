/* The arguments of what is accepted, without variables and with some. */
#include <string.h>

#include "core/build/dockerfile_args.h"
#include "tests/fuzz/fuzz.h"

static const char *get(void *context, const char *name)
{
    (void)context;
    return strlen(name) % 2 ? "8080/udp b" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autodockerfile struct dockerfile f = {0};
    struct dockerfile_word w = {.get = get, .escape = '\\'};
    autotext struct text t = {0};
    struct err e;

    if (dockerfile_parse("D", (const char *)data, size, &f, &e) < 0)
        return 0;
    for (size_t i = 0; i < f.n; i++) {
        struct dockerfile_view with = {&f, &f.instructions[i], &w};

        (void)dockerfile_args_check_one(&f, &f.instructions[i], &e);
        (void)dockerfile_args_print(&with, &t, &e);
    }
    dockerfile_word_free(&w);
    return 0;
}
