#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/text.h"
#include "tests/unit/unit.h"

static void a_text_grows_by_any_bytes(void **state)
{
    autotext struct text t = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        text_addf(&t, "%d,", i % 10);
    text_add_n(&t, "a\0b", 3);
    text_add(&t, "");
    assert_int_equal(text_check(&t, NULL), 0);
    assert_int_equal(t.n, 2003);
    assert_memory_equal(t.s + 2000, "a\0b", 4);
    assert_memory_equal(t.s, "0,1,2,3,4,5,6,7,8,9,0,", 22);
}

static void an_untouched_text_is_taken_as_an_empty_one(void **state)
{
    struct text t = {0};
    autofree char *s = text_take(&t);

    (void)state;
    assert_string_equal(s, "");
    assert_null(t.s);
}

static void a_text_that_cannot_grow_tells_at_the_end(void **state)
{
    struct text t = {0};
    struct err e;

    (void)state;
    text_add(&t, "before");
    text_add_n(&t, "", SIZE_MAX - 10); /* refused before a byte is read */
    text_add(&t, "after");
    text_addf(&t, "%d", 5);
    assert_int_equal(text_check(&t, &e), -ENOMEM);
    assert_null(text_take(&t));
    assert_null(t.s); /* released */
}

static void lists_own_copies_and_end_in_null(void **state)
{
    autostrv struct strv l = {0}, copy = {0};
    char word[] = "one";

    (void)state;
    assert_int_equal(strv_add(&l, word, NULL), 0);
    word[0] = 'x';
    assert_int_equal(strv_addf(&l, NULL, "%s-%d", "two", 2), 0);
    assert_int_equal(strv_take(&l, strdup("three"), NULL), 0);
    assert_int_equal(strv_take(&l, NULL, NULL), -ENOMEM);
    assert_int_equal(l.n, 3);
    assert_string_equal(l.v[0], "one");
    assert_string_equal(l.v[1], "two-2");
    assert_null(l.v[3]);
    assert_int_equal(strv_copy(&copy, &l, NULL), 0);
    assert_int_equal(strv_copy(&copy, &l, NULL), 0);
    assert_int_equal(copy.n, 6);
    assert_true(strv_has(&copy, "three"));
    assert_false(strv_has(&copy, "thre"));
}

static void an_environment_has_each_name_once(void **state)
{
    autostrv struct strv l = {0};

    (void)state;
    assert_int_equal(strv_set_env(&l, "A=1", NULL), 0);
    assert_int_equal(strv_set_env(&l, "AB=2", NULL), 0);
    assert_int_equal(strv_set_env(&l, "A=3=4", NULL), 0);
    assert_int_equal(strv_set_env(&l, "C=", NULL), 0);
    assert_int_equal(l.n, 3);
    assert_string_equal(strv_env(&l, "A"), "3=4");
    assert_string_equal(strv_env(&l, "AB"), "2");
    assert_string_equal(strv_env(&l, "C"), "");
    assert_null(strv_env(&l, "B"));
    assert_null(strv_env(&l, "A="));
}

static void beginnings_and_ends_are_seen(void **state)
{
    (void)state;
    assert_true(text_starts("docker.io/x", "docker.io/"));
    assert_false(text_starts("doc", "docker"));
    assert_true(text_starts("x", ""));
    assert_true(text_ends("a.tar.gz", ".gz"));
    assert_false(text_ends("gz", ".gz"));
    assert_true(text_ends("", ""));
}

static void numbers_are_strict(void **state)
{
    static const struct {
        const char *text;
        unsigned long long max;
        int code;
        const char *words;
    } bad[] = {
        {"", 9, -EINVAL, "a number is missing"},
        {"-1", 9, -EINVAL, "'-1' is not a number"},
        {"+1", 9, -EINVAL, "'+1' is not a number"},
        {" 1", 9, -EINVAL, "' 1' is not a number"},
        {"1 ", 9, -EINVAL, "'1 ' is not a number"},
        {"0x1", 9, -EINVAL, "'0x1' is not a number"},
        {"10", 9, -ERANGE, "'10' is too large (at most 9)"},
        {"65536", 65535, -ERANGE, "'65536' is too large (at most 65535)"},
        {"18446744073709551616", ULLONG_MAX, -ERANGE,
         "'18446744073709551616' is too large (at most 18446744073709551615)"},
        {"9", 8, -ERANGE, "'9' is too large (at most 8)"},
        {"5", 0, -ERANGE, "'5' is too large (at most 0)"},
    };
    unsigned long long v = 77;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(text_number(bad[i].text, bad[i].max, &v, &e), bad[i].code);
        assert_string_equal(e.text, bad[i].words);
    }
    assert_int_equal(v, 77);
    assert_int_equal(text_number("0", 0, &v, NULL), 0);
    assert_int_equal(v, 0);
    assert_int_equal(text_number("0009", 9, &v, NULL), 0);
    assert_int_equal(v, 9);
    assert_int_equal(text_number("18446744073709551615", ULLONG_MAX, &v, NULL), 0);
    assert_true(v == ULLONG_MAX);
}

static void sizes_have_units_of_1024(void **state)
{
    static const struct {
        const char *text;
        unsigned long long bytes;
    } good[] = {
        {"0", 0},
        {"1024", 1024},
        {"100b", 100},
        {"512k", 524288},
        {"64m", 67108864},
        {"64MiB", 67108864},
        {"64MB", 67108864},
        {"1g", 1073741824},
        {"1.5g", 1610612736},
        {"2T", 2199023255552},
        {"1p", 1125899906842624},
        {"0.5k", 512},
        {"1.", 1},
        {"9223372036854775807", LLONG_MAX},
        {"8191p", 8191ULL << 50},
    };
    static const struct {
        const char *text;
        int code;
        const char *words;
    } bad[] = {
        {"", -EINVAL, "'' is not a size (such as 64m, 1g or 512k)"},
        {"m", -EINVAL, "'m' is not a size (such as 64m, 1g or 512k)"},
        {"-1", -EINVAL, "'-1' is not a size (such as 64m, 1g or 512k)"},
        {".5g", -EINVAL, "'.5g' is not a size (such as 64m, 1g or 512k)"},
        {"1e3", -EINVAL, "'1e3' is not a size (such as 64m, 1g or 512k)"},
        {"64mm", -EINVAL, "'64mm' is not a size (such as 64m, 1g or 512k)"},
        {"64bb", -EINVAL, "'64bb' is not a size (such as 64m, 1g or 512k)"},
        {"64 m", -EINVAL, "'64 m' is not a size (such as 64m, 1g or 512k)"},
        {"1x", -EINVAL, "'1x' is not a size (such as 64m, 1g or 512k)"},
        {"1.5.5g", -EINVAL, "'1.5.5g' is not a size (such as 64m, 1g or 512k)"},
        {"8192p", -ERANGE, "'8192p' is too large"},
        {"9223372036854775808", -ERANGE, "'9223372036854775808' is too large"},
        {"99999999999999999999999", -ERANGE, "'99999999999999999999999' is too large"},
        {"8192.0p", -ERANGE, "'8192.0p' is too large"},
    };
    unsigned long long v;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        if (text_size(good[i].text, &v, &e) < 0)
            fail_msg("%s", e.text);
        if (v != good[i].bytes)
            fail_msg("%s is read as %llu", good[i].text, v);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(text_size(bad[i].text, &v, &e), bad[i].code);
        assert_string_equal(e.text, bad[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_grows_by_any_bytes),
        cmocka_unit_test(an_untouched_text_is_taken_as_an_empty_one),
        cmocka_unit_test(a_text_that_cannot_grow_tells_at_the_end),
        cmocka_unit_test(lists_own_copies_and_end_in_null),
        cmocka_unit_test(an_environment_has_each_name_once),
        cmocka_unit_test(beginnings_and_ends_are_seen),
        cmocka_unit_test(numbers_are_strict),
        cmocka_unit_test(sizes_have_units_of_1024),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
