/* What is accepted can be printed; every spot of it lies in the file. */
#include <stdlib.h>

#include "core/build/dockerfile.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autodockerfile struct dockerfile f = {0};
    autotext struct text t = {0};
    struct err e;

    if (dockerfile_parse("Dockerfile", (const char *)data, size, &f, &e) < 0)
        return 0;
    dockerfile_print(&f, &t);
    for (size_t i = 0; i < f.n; i++) {
        const struct dockerfile_line *l = &f.instructions[i].line;
        struct dockerfile_place p = dockerfile_lex_place(l, l->n, 1);

        if (p.line < l->first || p.line > l->last || p.column == 0 || l->first > l->last)
            abort();
        (void)dockerfile_fail(&e, &f, &f.instructions[i], l->n, 3, "x");
    }
    return 0;
}
