/* The bytes as each kind of list that a registry sends. */
#include <assert.h>
#include <string.h>

#include "storage/registry/list_read.h"
#include "tests/fuzz/fuzz.h"

static void is_tame(const char *s)
{
    for (; *s; s++)
        assert((unsigned char)*s >= 0x20 && *s != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"tags", "repositories"};
    autolist struct list_result found = {0};

    for (int k = 0; k < 2; k++) {
        autostrv struct strv names = {0};

        if (list_read_names((const char *)data, size, keys[k], &names, NULL) < 0)
            continue;
        for (size_t i = 0; i < names.n; i++)
            is_tame(names.v[i]);
    }
    list_read_found((const char *)data, size, "r.example", 100, &found, NULL);
    for (size_t i = 0; i < found.n; i++)
        is_tame(found.v[i].description);
    return 0;
}
