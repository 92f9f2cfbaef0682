/* The bytes as a policy.json. One that is accepted has requirements in every scope, and a verdict
 * for every image. */
#include <assert.h>
#include <string.h>

#include "storage/trust.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trust t;
    struct ref name;
    struct err e;

    if (trust_parse((const char *)data, size, "fuzz", &t, &e) < 0)
        return 0;
    assert(t.count > 0 && ref_parse("a.example.com:5000/x/y:1", &name, &e) == 0);
    for (size_t i = 0; i < t.count; i++) {
        assert(t.scopes[i].count > 0);
        for (size_t k = 0; k < t.scopes[i].count; k++)
            (void)trust_identity_match(&t.scopes[i].requirements[k].identity, &name, "x:1", &e);
        if (strcmp(t.scopes[i].transport, "docker") == 0 &&
            ref_parse(t.scopes[i].scope, &name, NULL) == 0)
            (void)trust_admit_name(&t, &name, &e);
        assert(trust_find_path(&t, "oci", t.scopes[i].scope, "x"));
    }
    trust_free(&t);
    return 0;
}
