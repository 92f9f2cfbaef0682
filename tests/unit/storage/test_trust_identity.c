#include <errno.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/trust_identity.h"
#include "tests/unit/unit.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct row {
    const char *identity, *wanted, *signed_as;
    bool fits;
} rows[] = {
    /* the preset: the tag must be the same, a digest needs no tag */
    {NULL, "quay.io/x:1", "quay.io/x:1", true},
    {NULL, "quay.io/x:1", "quay.io/x:2", false},
    {NULL, "quay.io/x:1", "quay.io/x", false},
    {NULL, "quay.io/x", "quay.io/x:latest", true},
    {NULL, "quay.io/x", "quay.io/x", false},
    {NULL, "quay.io/x:1", "quay.io/y:1", false},
    {NULL, "quay.io/x:1", "quay.io/x/x:1", false},
    {NULL, "quay.io/x:1", "quay.io:443/x:1", false},
    {NULL, "quay.io/x:1", "quay.io/x:1@" A, false},
    {NULL, "quay.io/x@" A, "quay.io/x:anything", true},
    {NULL, "quay.io/x@" A, "quay.io/x@" B, true},
    {NULL, "quay.io/x:1@" A, "quay.io/x:2", true},
    {NULL, "quay.io/x@" A, "quay.io/x", false},
    {NULL, "quay.io/x@" A, "quay.io/y:1", false},
    {NULL, "busybox", "docker.io/library/busybox:latest", true},
    {NULL, "busybox", "busybox:latest", true},
    {NULL, "busybox", "index.docker.io/library/busybox:latest", true},
    {NULL, "busybox", "docker://busybox:latest", false},
    {NULL, "quay.io/x:1", "", false},
    {NULL, "quay.io/x:1", "quay.io/X:1", false},
    {NULL, "quay.io/x:1", "quay.io/x:1 ", false},
    {"{\"type\": \"matchExact\"}", "quay.io/x:1", "quay.io/x:1", true},
    {"{\"type\": \"matchExact\"}", "quay.io/x:1", "quay.io/x:2", false},
    {"{\"type\": \"matchExact\"}", "quay.io/x@" A, "quay.io/x:1", false},
    {"{\"type\": \"matchExact\"}", "quay.io/x@" A, "quay.io/x@" A, true},
    {"{\"type\": \"matchExact\"}", "quay.io/x:1@" A, "quay.io/x@" A, true},
    {"{\"type\": \"matchExact\"}", "quay.io/x", "quay.io/x", false},
    {"{\"type\": \"matchRepository\"}", "quay.io/x:1", "quay.io/x", true},
    {"{\"type\": \"matchRepository\"}", "quay.io/x:1", "quay.io/x:2", true},
    {"{\"type\": \"matchRepository\"}", "quay.io/x@" A, "quay.io/x", true},
    {"{\"type\": \"matchRepository\"}", "quay.io/x:1", "quay.io/xx", false},
    {"{\"type\": \"matchRepository\"}", "quay.io/x:1", "docker.io/x", false},
    {"{\"type\": \"exactReference\", \"dockerReference\": \"a.b/c:1\"}", "quay.io/x:1", "a.b/c:1",
     true},
    {"{\"type\": \"exactReference\", \"dockerReference\": \"a.b/c:1\"}", "a.b/c:2", "a.b/c:2",
     false},
    {"{\"type\": \"exactReference\", \"dockerReference\": \"a.b/c:1\"}", "quay.io/x@" A, "a.b/c:2",
     false},
    {"{\"type\": \"exactReference\", \"dockerReference\": \"a.b/c:1\"}", "x", "a.b/c", false},
    {"{\"type\": \"exactReference\", \"dockerReference\": \"a.b/c:latest\"}", "x", "a.b/c", false},
    {"{\"type\": \"exactReference\", \"dockerReference\": \"a.b/c@" A "\"}", "x", "a.b/c@" A, true},
    {"{\"type\": \"exactReference\", \"dockerReference\": \"a.b/c@" A "\"}", "x", "a.b/c@" B,
     false},
    {"{\"type\": \"exactRepository\", \"dockerRepository\": \"a.b/c\"}", "quay.io/x:1", "a.b/c:7",
     true},
    {"{\"type\": \"exactRepository\", \"dockerRepository\": \"a.b/c\"}", "quay.io/x:1", "a.b/c",
     true},
    {"{\"type\": \"exactRepository\", \"dockerRepository\": \"a.b/c\"}", "quay.io/x:1",
     "quay.io/x:1", false},
#define REMAP \
    "{\"type\": \"remapIdentity\", \"prefix\": \"mirror:5000/v\", \"signedPrefix\": \"a.b\"}"
    {REMAP, "mirror:5000/v/x:1", "a.b/x:1", true},
    {REMAP, "mirror:5000/v/x/y:1", "a.b/x/y:1", true},
    {REMAP, "mirror:5000/v/x:1", "a.b/x:2", false},
    {REMAP, "mirror:5000/v/x:1", "a.b/x", false},
    {REMAP, "mirror:5000/v/x:1", "mirror:5000/v/x:1", false},
    {REMAP, "mirror:5000/vx/x:1", "a.bx/x:1", false},
    {REMAP, "mirror:5000/vx/x:1", "mirror:5000/vx/x:1", true},
    {REMAP, "mirror:5000/v/x@" A, "a.b/x:1", true},
    {REMAP, "mirror:5000/v/x:9@" A, "a.b/x:1", true},
    {REMAP, "quay.io/x:1", "quay.io/x:1", true},
    {"{\"type\": \"remapIdentity\", \"prefix\": \"a.b/c/d\", \"signedPrefix\": \"e.f/g\"}",
     "a.b/c/d:1", "e.f/g:1", true},
    {"{\"type\": \"remapIdentity\", \"prefix\": \"a.b\", \"signedPrefix\": \"e.f:5000\"}",
     "a.b/c:1", "e.f:5000/c:1", true},
    {"{\"type\": \"remapIdentity\", \"prefix\": \"a.b\", \"signedPrefix\": \"e.f\"}",
     "a.b:5000/c:1", "e.f:5000/c:1", false},
};

static void a_signature_speaks_of_the_wanted_image_or_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        struct trust_identity identity = {0};
        autojson json_t *j = NULL;
        struct err e = {0};
        struct ref wanted;
        int r;

        if (row->identity)
            assert_int_equal(jsonx_parse(row->identity, strlen(row->identity), &j, NULL), 0);
        if (trust_identity_parse(j, &identity, &e) < 0)
            fail_msg("%s: %s", row->identity, e.text);
        assert_int_equal(ref_parse(row->wanted, &wanted, NULL), 0);
        r = trust_identity_match(&identity, &wanted, row->signed_as, &e);
        if (r != (row->fits ? 0 : -EKEYREJECTED))
            fail_msg("%s: wanted '%s', signed '%s': %d %s",
                     row->identity ? row->identity : "preset", row->wanted, row->signed_as, r,
                     e.text);
        if (r < 0 && (!strstr(e.text, "it is for '") || !strstr(e.text, row->signed_as)))
            fail_msg("the words: %s", e.text);
        trust_identity_free(&identity);
    }
}

static void a_name_without_a_tag_is_told_to_be_cosigns(void **state)
{
    struct trust_identity identity = {0};
    struct ref wanted;
    struct err e;

    (void)state;
    assert_int_equal(ref_parse("quay.io/x:1", &wanted, NULL), 0);
    assert_int_equal(trust_identity_match(&identity, &wanted, "quay.io/x", &e), -EKEYREJECTED);
    assert_string_equal(e.text, "it is for 'quay.io/x', but matchRepoDigestOrExact wants "
                                "'quay.io/x:1' (cosign signs names without a tag, which "
                                "matchRepository accepts)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_speaks_of_the_wanted_image_or_is_refused),
        cmocka_unit_test(a_name_without_a_tag_is_told_to_be_cosigns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
