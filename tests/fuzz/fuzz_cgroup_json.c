/* Limits that are accepted from a config.json are written, and read as the same again; none names a
 * file outside of a cgroup. */
#include <stdlib.h>
#include <string.h>

#include "core/runtime/cgroup_json.h"
#include "tests/fuzz/fuzz.h"

static json_t *empty(void)
{
    return json_pack("{s:{}, s:{}, s:{}}", "process", "linux", "rctr");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *doc = NULL, *once = empty(), *twice = empty();
    struct cgroup_ask a = {0}, b = {0};
    struct err e;

    if (jsonx_parse((const char *)data, size, &doc, &e) == 0 &&
        cgroup_json_parse(doc, &a, &e) == 0) {
        for (size_t i = 0; i < a.conf.n; i++)
            if (memchr(a.conf.v[i], '/', strcspn(a.conf.v[i], "=")))
                abort();
        if (cgroup_json_add(&a, once, &e) < 0 || cgroup_json_parse(once, &b, &e) < 0 ||
            cgroup_json_add(&b, twice, &e) < 0 || !json_equal(once, twice))
            abort();
    }
    cgroup_ask_free(&a);
    cgroup_ask_free(&b);
    json_decref(doc);
    json_decref(once);
    json_decref(twice);
    return 0;
}
