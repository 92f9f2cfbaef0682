/* The bytes as a payload, and as the manifest of signatures. */
#include <assert.h>
#include <string.h>

#include "storage/signature.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trust_identity identity = {0};
    struct signature_payload p;
    struct signatures s;
    struct ref name;
    struct err e;

    if (signature_payload_parse((const char *)data, size, &p, &e) == 0) {
        assert(strlen(p.manifest.hex) == DIGEST_HEX);
        assert(ref_parse("quay.io/x:1", &name, &e) == 0);
        (void)trust_identity_match(&identity, &name, p.reference, &e);
    }
    if (signature_list_parse((const char *)data, size, &s, &e) == 0) {
        assert(s.n <= SIGNATURES_MAX);
        for (size_t i = 0; i < s.n; i++)
            assert(s.v[i].size > 0 && s.v[i].size <= SIGNATURE_PAYLOAD_MAX);
        signature_list_free(&s);
    }
    return 0;
}
