#include <errno.h>
#include <string.h>

#include "core/base/base64.h"
#include "tests/unit/unit.h"

static void the_vectors_of_the_rfc_are_read_and_written(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
        {"+/+/", "\xfb\xff\xbf"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        autotext struct text t = {0}, again = {0};

        assert_int_equal(base64_decode(rows[i][0], strlen(rows[i][0]), &t, NULL), 0);
        assert_string_equal(t.s, rows[i][1]);
        base64_encode(t.s, t.n, &again);
        assert_int_equal(text_check(&again, NULL), 0);
        assert_string_equal(again.s, rows[i][0]);
    }
}

static void bytes_of_zero_are_bytes(void **state)
{
    autotext struct text t = {0};

    (void)state;
    assert_int_equal(base64_decode("AAAA", 4, &t, NULL), 0);
    assert_int_equal(t.n, 3);
    assert_memory_equal(t.s, "\0\0\0", 3);
}

static void there_is_one_spelling_only(void **state)
{
    static const char *const rows[] = {
        "Z",      "Zg",    "Zg=",       "Zg===", "=",        "====", "Zh==",     "Zm9=",    "Z===",
        "Zm9v\n", "Zm 9v", "Zm9v Zm9v", "-_-_",  "Zg==Zg==", "Zm=v", "Zm9v====", "Zm9\xc3",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        autotext struct text t = {0};
        struct err e = {0};

        if (base64_decode(rows[i], strlen(rows[i]), &t, &e) != -EINVAL)
            fail_msg("'%s' is read", rows[i]);
        assert_non_null(strstr(e.text, "it is not base64"));
    }
    assert_int_equal(base64_decode("AA\0A", 4, &(struct text){0}, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_rfc_are_read_and_written),
        cmocka_unit_test(bytes_of_zero_are_bytes),
        cmocka_unit_test(there_is_one_spelling_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
