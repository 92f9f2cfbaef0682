/* The bytes as docker's manifest.json; then its paths as links. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/docker_archive.h"
#include "tests/fuzz/fuzz.h"

static void follow(const char *path, const char *link)
{
    char *to = NULL;

    if (docker_archive_follow(path, link, &to, NULL) < 0)
        return;
    assert(to[0] && to[0] != '/' && strncmp(to, "../", 3) != 0 && !strstr(to, "/../"));
    free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct docker_archive a;
    struct err e;

    if (docker_archive_parse((const char *)data, size, &a, &e) < 0)
        return 0;
    for (size_t i = 0; i < a.n; i++)
        for (size_t k = 0; k < a.v[i].layers.n; k++) {
            follow(a.v[i].config, a.v[i].layers.v[k]);
            if (k < a.v[i].names.n)
                follow(a.v[i].layers.v[k], a.v[i].names.v[k]);
        }
    docker_archive_free(&a);
    return 0;
}
