/* The build checks of whatever is accepted; what they find lies in the file. */
#include <stdlib.h>

#include "core/build/dockerfile_check.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autodockerfile struct dockerfile f = {0};
    autoignore struct ignore g = {0};
    struct dockerfile_check_context c = {.ignore = &g};
    struct dockerfile_findings l;
    autotext struct text t = {0};
    struct err e;

    if (dockerfile_parse("D", (const char *)data, size, &f, &e) < 0 ||
        ignore_add(&g, "**/*.md", 0, &e) < 0 || dockerfile_check(&f, &c, &l, &e) < 0)
        return 0;
    dockerfile_finding_print(&f, &l, &t);
    for (size_t i = 0; i < l.n; i++)
        if (l.v[i].at.line == 0 || l.v[i].at.line > f.source.n + 1)
            abort();
    dockerfile_finding_free(&l);
    return 0;
}
