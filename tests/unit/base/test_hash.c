#include <errno.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/hash.h"
#include "tests/unit/unit.h"

/* FIPS 180-2, appendix B, and the empty message. */
static const struct {
    const char *bytes, *hex;
} known[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void known_messages_have_known_digests(void **state)
{
    struct hash *h = NULL;
    struct digest d;
    struct err e;

    (void)state;
    assert_int_equal(hash_new(&h, &e), 0);
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        assert_int_equal(hash_bytes(known[i].bytes, strlen(known[i].bytes), &d, &e), 0);
        assert_string_equal(d.hex, known[i].hex);
        for (const char *p = known[i].bytes; *p; p++)
            hash_add(h, p, 1); /* in pieces */
        memset(&d, 0, sizeof d);
        hash_end(h, &d);
        assert_string_equal(d.hex, known[i].hex);
        hash_reset(h);
    }
    hash_free(h);
    hash_free(NULL);
}

static void a_digest_is_written_as_it_was_read(void **state)
{
    char text[DIGEST_TEXT_MAX] = "sha256:", buf[DIGEST_TEXT_MAX];
    struct digest a, b;

    (void)state;
    strcat(text, known[1].hex);
    assert_int_equal(hash_parse(text, &a, NULL), 0);
    assert_string_equal(hash_format(&a, buf), text);
    assert_int_equal(hash_bytes("abc", 3, &b, NULL), 0);
    assert_true(hash_equal(&a, &b));
    b.hex[63] = 'e';
    assert_false(hash_equal(&a, &b));
}

static void other_grammars_are_refused(void **state)
{
#define HEX63 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a"
    static const char *const bad[] = {
        "",
        "sha256:",
        "sha256:" HEX63,
        "sha256:" HEX63 "dd",
        "sha256:" HEX63 "D",
        HEX63 "d",
        "SHA256:" HEX63 "d",
        "sha256:" HEX63 "/",
        "sha256:" HEX63 "\n",
        "sha256:../" HEX63,
        " sha256:" HEX63 "d",
        "sha512:" HEX63 "d",
        "sha256:" HEX63 "d ",
    };
    struct digest d = {"untouched"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (hash_parse(bad[i], &d, &e) != -EINVAL)
            fail_msg("'%s' was accepted", bad[i]);
    assert_string_equal(d.hex, "untouched");
    assert_int_equal(hash_parse("md5:00", &d, &e), -EINVAL);
    assert_string_equal(e.text,
                        "'md5:00' is not a digest that rctr knows (sha256:<64 hex digits>)");
    assert_int_equal(hash_parse("sha256:AB", &d, &e), -EINVAL);
    assert_string_equal(e.text,
                        "'sha256:AB' is not a digest: sha256: wants 64 lower-case hex digits");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_messages_have_known_digests),
        cmocka_unit_test(a_digest_is_written_as_it_was_read),
        cmocka_unit_test(other_grammars_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
