#include <errno.h>

#include "core/base/sign.h"
#include "tests/unit/keys.h"

static struct sign_key *key(const char *file)
{
    autotext struct text pem = {0};
    struct sign_key *k = NULL;
    struct err e = {0};

    keys_read(file, &pem);
    if (sign_key_parse(pem.s, pem.n, &k, &e) < 0)
        fail_msg("%s", e.text);
    return k;
}

static void refused(const char *pem, size_t n, const char *words)
{
    struct sign_key *k = NULL;
    struct err e = {0};

    assert_int_equal(sign_key_parse(pem, n, &k, &e), -EINVAL);
    assert_null(k);
    if (!strstr(e.text, words))
        fail_msg("'%s' is not in '%s'", words, e.text);
}

static void verify_with(const char *kind)
{
    autotext struct text bytes = {0}, sig = {0};
    autosign struct sign_key *good = NULL, *other = NULL;

    keys_make("good", kind);
    keys_make("other", kind);
    folder_put("text", "these are the bytes");
    keys_sign("good", "text");
    keys_read("text", &bytes);
    keys_read("text.sig", &sig);
    good = key("good.pub");
    other = key("other.pub");
    assert_int_equal(sign_verify(good, bytes.s, bytes.n, sig.s, sig.n, NULL), 0);
    assert_int_equal(sign_verify(other, bytes.s, bytes.n, sig.s, sig.n, NULL), -EBADMSG);
    assert_int_equal(sign_verify(good, bytes.s, bytes.n - 1, sig.s, sig.n, NULL), -EBADMSG);
    assert_int_equal(sign_verify(good, bytes.s, bytes.n, sig.s, sig.n - 1, NULL), -EBADMSG);
    assert_int_equal(sign_verify(good, bytes.s, bytes.n, "", 0, NULL), -EBADMSG);
    assert_int_equal(sign_verify(good, "", 0, sig.s, sig.n, NULL), -EBADMSG);
    for (size_t i = 0; i < sig.n; i++) { /* no other bytes are a signature too */
        sig.s[i] ^= 1;
        if (sign_verify(good, bytes.s, bytes.n, sig.s, sig.n, NULL) != -EBADMSG)
            fail_msg("byte %zu of the signature does not count", i);
        sig.s[i] ^= 1;
    }
    text_add(&sig, "x");
    assert_int_equal(sign_verify(good, bytes.s, bytes.n, sig.s, sig.n, NULL), -EBADMSG);
}

static void ecdsa_on_p256_is_verified(void **state)
{
    (void)state;
    verify_with(KEYS_P256);
}

static void ed25519_is_verified(void **state)
{
    (void)state;
    verify_with("ED25519");
}

static void keys_of_other_kinds_are_refused(void **state)
{
    static const char *const kinds[] = {"RSA", "EC -pkeyopt ec_paramgen_curve:P-384",
                                        "EC -pkeyopt ec_paramgen_curve:secp256k1", "X25519",
                                        "ED448"};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        autotext struct text pem = {0};

        keys_make("k", kinds[i]);
        keys_read("k.pub", &pem);
        refused(pem.s, pem.n, "a key of a kind that rctr does not verify");
    }
}

static void a_key_file_holds_one_public_key_and_no_other(void **state)
{
    autotext struct text pem = {0}, secret = {0}, two = {0}, large = {0}, noted = {0};
    struct sign_key *k = NULL;

    (void)state;
    keys_make("k", KEYS_P256);
    keys_read("k.pub", &pem);
    keys_read("k.key", &secret);
    refused("", 0, "it holds no");
    refused("hello", 5, "it holds no");
    refused(secret.s, secret.n, "it holds no");
    refused(pem.s, pem.n - 30, "is it cut short?");
    text_addf(&two, "%s%s", pem.s, pem.s);
    refused(two.s, two.n, "more than one key");
    text_free(&two);
    two = (struct text){0};
    text_addf(&two, "%s%s", secret.s, pem.s);
    refused(two.s, two.n, "something beside it");
    text_free(&two);
    two = (struct text){0};
    text_addf(&two, "x%s", pem.s);
    refused(two.s, two.n, "something beside it");
    pem.s[40] = '!';
    refused(pem.s, pem.n, "it is not base64");
    pem.s[40] = 'A';
    refused(pem.s, pem.n, "");
    text_addf(&large, "%*s", (int)SIGN_KEY_MAX + 1, "");
    refused(large.s, large.n, "larger than 64 KiB");
    text_free(&pem);
    pem = (struct text){0};
    keys_read("k.pub", &pem);
    text_addf(&noted, "a note\n%sanother\n", pem.s); /* RFC 7468 allows it */
    assert_int_equal(sign_key_parse(noted.s, noted.n, &k, NULL), 0);
    sign_key_free(k);
}

static void what_is_in_the_block_is_a_key_to_its_end(void **state)
{
    (void)state;
    keys_make("k", KEYS_P256);
    keys_run(
        "{ openssl pkey -pubin -in k.pub -outform DER; echo more; } >long.der;"
        "{ echo '-----BEGIN PUBLIC KEY-----'; base64 long.der; echo '-----END PUBLIC KEY-----'; }"
        " >long.pub");
    autotext struct text pem = {0};
    keys_read("long.pub", &pem);
    refused(pem.s, pem.n, "is not a public key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(ecdsa_on_p256_is_verified),
        folder_test(ed25519_is_verified),
        folder_test(keys_of_other_kinds_are_refused),
        folder_test(a_key_file_holds_one_public_key_and_no_other),
        folder_test(what_is_in_the_block_is_a_key_to_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
