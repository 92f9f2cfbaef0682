/* Whatever an /etc/subuid says: the rows do not overlap, inside or outside, and stay in 32 bits. */
#include <stdlib.h>
#include <string.h>

#include "core/base/idmap.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct idmap_row *a, const struct idmap_row *b)
{
    unsigned long long ai = a->inside, ao = a->outside, bi = b->inside, bo = b->outside;

    if ((ai < bi + b->count && bi < ai + a->count) || (ao < bo + b->count && bo < ao + a->count))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct idmap base = {.uid = {{{0, 1000, 1}}, 1}, .gid = {{{0, 1000, 1}}, 1}}, map = {0};
    char *text = strndup((const char *)data, size);
    struct err e;

    if (!text)
        abort();
    idmap_parse_subid(text, "alice", 1000, 1, &base.uid);
    base.gid = base.uid;
    free(text);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < base.uid.n; i++) {
            const struct idmap_row *r = &base.uid.v[i];

            if (!r->count || (unsigned long long)r->outside + r->count > 0xffffffffULL)
                abort();
            for (size_t k = 0; k < i; k++)
                check(r, &base.uid.v[k]);
        }
        if (idmap_keep_id(&base, 1000, 1000, &map, &e) < 0)
            return 0;
        base = map;
    }
    return 0;
}
