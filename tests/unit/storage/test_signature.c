/* tests/data/signature: good ones hold `input` (a payload) and `output` (digest and reference), bad
 * ones `input` and `error` (words of the message). */
#include <errno.h>

#include "core/base/auto.h"
#include "storage/signature.h"
#include "tests/unit/cases.h"
#include "tests/unit/keys.h"

static void is_read(const char *path)
{
    size_t n = 0;
    char *input = cases_read(path, "input", &n), *output = cases_read(path, "output", NULL);
    char text[DIGEST_TEXT_MAX], got[2 * REF_TEXT_MAX];
    struct signature_payload p;
    struct err e = {0};

    assert_non_null(input);
    assert_non_null(output);
    if (signature_payload_parse(input, n, &p, &e) < 0)
        fail_msg("%s", e.text);
    snprintf(got, sizeof got, "%s %s\n", hash_format(&p.manifest, text), p.reference);
    assert_string_equal(got, output);
    free(input);
    free(output);
}

static void is_refused(const char *path)
{
    size_t n = 0;
    char *input = cases_read(path, "input", &n), *why = cases_read(path, "error", NULL);
    struct signature_payload p;
    struct err e = {0};

    assert_non_null(input);
    assert_non_null(why);
    why[strcspn(why, "\n")] = 0;
    assert_int_equal(signature_payload_parse(input, n, &p, &e), -EINVAL);
    if (!strstr(e.text, why))
        fail_msg("'%s' is not in '%s'", why, e.text);
    free(input);
    free(why);
}

static void good_payloads_are_read(void **state)
{
    (void)state;
    cases_each("signature", "good", is_read);
}

static void bad_payloads_are_refused_in_words(void **state)
{
    (void)state;
    cases_each("signature", "bad", is_refused);
}

/* ---- the list ---- */

#define DIGEST "sha256:abababababababababababababababababababababababababababababababab"
#define TYPE   "\"mediaType\": \"application/vnd.dev.cosign.simplesigning.v1+json\""
#define LAYER \
    "{" TYPE ", \"digest\": \"" DIGEST "\", \"size\": 7, \"annotations\": {" \
    "\"dev.cosignproject.cosign/signature\": \"Zm9v\", \"more\": \"x\"}}"

static void the_layers_of_a_signature_manifest_are_signatures(void **state)
{
    static const char list[] =
        "{\"schemaVersion\": 2, \"layers\": [" LAYER ", {\"mediaType\": \"text/plain\"}, {" TYPE
        ", \"digest\": \"" DIGEST "\", \"size\": 65536}]}";
    struct signatures s = {0};
    struct err e = {0};

    (void)state;
    if (signature_list_parse(list, strlen(list), &s, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.v[0].size, 7);
    assert_string_equal(s.v[0].letters, "Zm9v");
    assert_string_equal(s.v[0].digest.hex, DIGEST + strlen("sha256:"));
    assert_null(s.v[1].letters);
    assert_int_equal(s.v[1].size, SIGNATURE_PAYLOAD_MAX);
    signature_list_free(&s);
}

static void bad_signature_manifests_are_refused_in_words(void **state)
{
    static const char *const cases[][2] = {
        {"", "not valid JSON"},
        {"[]", "it is not an object"},
        {"{}", "not an image manifest"},
        {"{\"schemaVersion\": 1, \"layers\": []}", "not an image manifest"},
        {"{\"schemaVersion\": 2, \"layers\": {}}", "\"layers\" is not an array"},
        {"{\"schemaVersion\": 2, \"layers\": [], \"manifests\": []}", "not an image manifest"},
        {"{\"schemaVersion\": 2, \"layers\": [1]}", "layer 1: it is not an object"},
        {"{\"schemaVersion\": 2, \"layers\": [" LAYER ", {" TYPE "}]}",
         "layer 2: '' is not a digest"},
        {"{\"schemaVersion\": 2, \"layers\": [{" TYPE ", \"digest\": \"" DIGEST "\"}]}",
         "its size"},
        {"{\"schemaVersion\": 2, \"layers\": [{" TYPE ", \"digest\": \"" DIGEST
         "\", \"size\": 0}]}",
         "its size is not from 1 to 65536"},
        {"{\"schemaVersion\": 2, \"layers\": [{" TYPE ", \"digest\": \"" DIGEST
         "\", \"size\": 65537}]}",
         "its size is not from 1 to 65536"},
        {"{\"schemaVersion\": 2, \"layers\": [{" TYPE ", \"digest\": \"" DIGEST
         "\", \"size\": 9223372036854775808}]}",
         "not valid JSON"},
        {"{\"schemaVersion\": 2, \"layers\": [{" TYPE ", \"digest\": \"" DIGEST
         "\", \"size\": 7, \"annotations\": []}]}",
         "\"annotations\" is not an object"},
        {"{\"schemaVersion\": 2, \"layers\": [{" TYPE ", \"digest\": \"" DIGEST
         "\", \"size\": 7, \"annotations\": {\"dev.cosignproject.cosign/signature\": 1}}]}",
         "is not a string"},
        {"{\"schemaVersion\": 2, \"layers\": [{" TYPE ", " TYPE "}]}", "duplicate"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct signatures s = {0};
        struct err e = {0};

        assert_int_equal(signature_list_parse(cases[i][0], strlen(cases[i][0]), &s, &e), -EINVAL);
        if (!strstr(e.text, cases[i][1]))
            fail_msg("'%s' is not in '%s'", cases[i][1], e.text);
        assert_null(s.v);
    }
}

static void more_signatures_than_anyone_makes_are_refused(void **state)
{
    for (size_t n = SIGNATURES_MAX; n <= SIGNATURES_MAX + 1; n++) {
        autotext struct text t = {0};
        struct signatures s = {0};
        struct err e = {0};

        (void)state;
        text_add(&t, "{\"schemaVersion\": 2, \"layers\": [" LAYER);
        for (size_t i = 1; i < n; i++)
            text_add(&t, ", " LAYER);
        text_add(&t, "]}");
        assert_int_equal(signature_list_parse(t.s, t.n, &s, &e), n > SIGNATURES_MAX ? -EINVAL : 0);
        if (n > SIGNATURES_MAX)
            assert_non_null(strstr(e.text, "it has more than 64 signatures"));
        signature_list_free(&s);
    }
}

/* ---- the judgement ---- */

struct bench {
    struct sign_key *keys[2];
    struct digest manifest;
    struct ref wanted;
    struct trust_identity identity;
};

static void judged(const struct bench *b, const char *payload, const char *signer,
                   const char *words)
{
    struct signature s = {0};
    autotext struct text letters = {0};
    struct err e = {0};
    int r;

    folder_put("payload", payload);
    keys_sign(signer, "payload");
    keys_run("base64 -w 0 <payload.sig >letters");
    keys_read("payload", &s.payload);
    keys_read("letters", &letters);
    s.letters = letters.s;
    r = signature_judge(&s, b->keys, 2, &b->manifest, &b->wanted, &b->identity, &e);
    if (r != (words ? -EKEYREJECTED : 0) || (words && !strstr(e.text, words)))
        fail_msg("%d, '%s'; wanted was '%s'", r, e.text, words ? words : "that it is good");
    s.letters[5] = '\n';
    assert_int_equal(signature_judge(&s, b->keys, 2, &b->manifest, &b->wanted, &b->identity, &e),
                     -EKEYREJECTED);
    assert_non_null(strstr(e.text, "it is not base64"));
    s.letters = NULL;
    assert_int_equal(signature_judge(&s, b->keys, 2, &b->manifest, &b->wanted, &b->identity, &e),
                     -EKEYREJECTED);
    assert_non_null(strstr(e.text, "it lacks the annotation"));
    text_free(&s.payload);
}

#define PAYLOAD(digest, name) \
    "{\"critical\":{\"identity\":{\"docker-reference\":\"" name "\"},\"image\":{" \
    "\"docker-manifest-digest\":\"" digest \
    "\"},\"type\":\"cosign container image signature\"},\"optional\":null}"

static void one_of_the_keys_has_to_have_signed_this_image_under_this_name(void **state)
{
    struct bench b = {0};

    (void)state;
    keys_make("one", KEYS_P256);
    keys_make("two", "ED25519");
    keys_make("stranger", KEYS_P256);
    for (int i = 0; i < 2; i++) {
        autotext struct text pem = {0};

        keys_read(i ? "two.pub" : "one.pub", &pem);
        assert_int_equal(sign_key_parse(pem.s, pem.n, &b.keys[i], NULL), 0);
    }
    assert_int_equal(hash_parse(DIGEST, &b.manifest, NULL), 0);
    assert_int_equal(ref_parse("quay.io/x:1", &b.wanted, NULL), 0);
    judged(&b, PAYLOAD(DIGEST, "quay.io/x:1"), "one", NULL);
    judged(&b, PAYLOAD(DIGEST, "quay.io/x:1"), "two", NULL);
    judged(&b, PAYLOAD(DIGEST, "quay.io/x:1"), "stranger", "none of the keys has made it");
    judged(&b, PAYLOAD(DIGEST, "quay.io/x:2"), "one", "it is for 'quay.io/x:2'");
    judged(&b,
           PAYLOAD("sha256:ababababababababababababababababababababababababababababababab00",
                   "quay.io/x:1"),
           "one", "it is for another image, sha256:abababababab");
    judged(&b, "{}", "one", "has no \"critical\"");
    judged(&b, "not JSON", "two", "not valid JSON");
    judged(&b, "not JSON", "stranger", "none of the keys"); /* unverified bytes are not read */
    sign_key_free(b.keys[0]);
    sign_key_free(b.keys[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_payloads_are_read),
        cmocka_unit_test(bad_payloads_are_refused_in_words),
        cmocka_unit_test(the_layers_of_a_signature_manifest_are_signatures),
        cmocka_unit_test(bad_signature_manifests_are_refused_in_words),
        cmocka_unit_test(more_signatures_than_anyone_makes_are_refused),
        folder_test(one_of_the_keys_has_to_have_signed_this_image_under_this_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
