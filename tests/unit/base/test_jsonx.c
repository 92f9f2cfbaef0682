#include <errno.h>

#include "core/base/auto.h"
#include "core/base/jsonx.h"
#include "tests/unit/base/folder.h"

static json_t *parse(const char *text)
{
    struct err e;
    json_t *j = NULL;

    if (jsonx_parse(text, strlen(text), &j, &e) < 0)
        fail_msg("%s", e.text);
    return j;
}

static void two_readers_see_the_same(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"", "not valid JSON: '[' or '{' expected near end of file (line 1, column 0)"},
        {"{\"a\":1,\"a\":2}", "not valid JSON: duplicate object key"},
        {"{\"a\":1} x", "not valid JSON: end of file expected near 'x' (line 1, column 9)"},
        {"{\"a\":1}{", "not valid JSON: end of file expected"},
        {"[\"\xff\"]", "not valid JSON: unable to decode byte 0xff"},
        {"[\"\xc0\xaf\"]", "not valid JSON: unable to decode byte"},
        {"[\"\xed\xa0\x80\"]", "not valid JSON: unable to decode byte"},
        {"{\"a\\u0000b\":1}", "not valid JSON: NUL byte in object key not supported"},
        {"[\"a\\u0000b\"]", "not valid JSON: \\u0000 is not allowed"},
        {"[1,]", "not valid JSON: "},
        {"[01]", "not valid JSON: "},
        {"[NaN]", "not valid JSON: "},
        {"[99999999999999999999]", "not valid JSON: too big integer"},
        {"[1e999]", "not valid JSON: real number overflow"},
        {"\"text\"", "not valid JSON: '[' or '{' expected"},
        {"{'a':1}", "not valid JSON: "},
        {"[1] // no", "not valid JSON: end of file expected near '/'"},
    };
    json_t *j = NULL;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (jsonx_parse(bad[i].text, strlen(bad[i].text), &j, &e) != -EINVAL)
            fail_msg("%s was accepted", bad[i].text);
        if (strncmp(e.text, bad[i].words, strlen(bad[i].words)) != 0)
            fail_msg("%s: %s", bad[i].text, e.text);
    }
    assert_int_equal(jsonx_parse("[1]\0[2]", 7, &j, &e), -EINVAL);
    assert_null(j);
}

static void deep_nesting_is_refused(void **state)
{
    static char deep[200000];
    json_t *j = NULL;
    struct err e;

    (void)state;
    memset(deep, '[', sizeof deep);
    assert_int_equal(jsonx_parse(deep, sizeof deep, &j, &e), -EINVAL);
    assert_non_null(strstr(e.text, "maximum parsing depth reached"));
}

static void members_of_the_right_type_are_given(void **state)
{
    autojson json_t *j = parse("{\"s\":\"x\",\"i\":-5,\"b\":true,\"o\":{},\"a\":[\"1\",\"2\"]}");
    autostrv struct strv l = {0};
    const char *s = NULL;
    json_int_t n = 0;
    bool b = false;
    json_t *o = NULL, *a = NULL;

    (void)state;
    assert_int_equal(jsonx_string(j, "s", &s, NULL), 0);
    assert_string_equal(s, "x");
    assert_int_equal(jsonx_integer(j, "i", &n, NULL), 0);
    assert_int_equal(n, -5);
    assert_int_equal(jsonx_bool(j, "b", &b, NULL), 0);
    assert_true(b);
    assert_int_equal(jsonx_object(j, "o", &o, NULL), 0);
    assert_non_null(o);
    assert_int_equal(jsonx_array(j, "a", &a, NULL), 0);
    assert_int_equal(json_array_size(a), 2);
    assert_int_equal(jsonx_strings(j, "a", &l, NULL), 0);
    assert_int_equal(l.n, 2);
    assert_string_equal(l.v[1], "2");
}

static void missing_and_null_members_are_fine(void **state)
{
    autojson json_t *j = parse("{\"x\":null}");
    static const char *const keys[] = {"x", "y"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        autostrv struct strv l = {0};
        const char *s = "";
        json_int_t n = 7;
        bool b = true;
        json_t *o = j, *a = j;

        assert_int_equal(jsonx_string(j, keys[i], &s, NULL), 0);
        assert_null(s);
        assert_int_equal(jsonx_integer(j, keys[i], &n, NULL), 0);
        assert_int_equal(n, 7); /* the fallback stays */
        assert_int_equal(jsonx_bool(j, keys[i], &b, NULL), 0);
        assert_true(b);
        assert_int_equal(jsonx_object(j, keys[i], &o, NULL), 0);
        assert_null(o);
        assert_int_equal(jsonx_array(j, keys[i], &a, NULL), 0);
        assert_null(a);
        assert_int_equal(jsonx_strings(j, keys[i], &l, NULL), 0);
        assert_int_equal(l.n, 0);
    }
}

static void members_of_another_type_are_named(void **state)
{
    autojson json_t *j = parse("{\"n\":1,\"f\":1.0,\"s\":\"1\",\"mix\":[\"a\",1]}");
    autostrv struct strv l = {0};
    const char *s;
    json_int_t n;
    json_t *o;
    bool b;
    struct err e;

    (void)state;
    assert_int_equal(jsonx_string(j, "n", &s, &e), -EINVAL);
    assert_string_equal(e.text, "\"n\" is not a string");
    assert_int_equal(jsonx_integer(j, "f", &n, &e), -EINVAL);
    assert_string_equal(e.text, "\"f\" is not an integer");
    assert_int_equal(jsonx_integer(j, "s", &n, &e), -EINVAL);
    assert_int_equal(jsonx_bool(j, "n", &b, &e), -EINVAL);
    assert_string_equal(e.text, "\"n\" is not true or false");
    assert_int_equal(jsonx_object(j, "mix", &o, &e), -EINVAL);
    assert_string_equal(e.text, "\"mix\" is not an object");
    assert_int_equal(jsonx_array(j, "s", &o, &e), -EINVAL);
    assert_string_equal(e.text, "\"s\" is not an array");
    assert_int_equal(jsonx_strings(j, "mix", &l, &e), -EINVAL);
    assert_string_equal(e.text, "\"mix\" is not an array of strings");
}

static void members_that_are_all_strings_replace_what_was_there(void **state)
{
    autojson json_t *j = parse("{\"good\":{\"a\":\"1\"},\"bad\":{\"a\":\"1\",\"b\":2}}");
    autojson json_t *labels = json_object();
    struct err e;

    (void)state;
    assert_int_equal(jsonx_string_members(j, "none", &labels, &e), 0);
    assert_int_equal(json_object_size(labels), 0);
    assert_int_equal(jsonx_string_members(j, "good", &labels, &e), 0);
    assert_string_equal(json_string_value(json_object_get(labels, "a")), "1");
    assert_int_equal(jsonx_string_members(j, "bad", &labels, &e), -EINVAL);
    assert_string_equal(e.text, "\"bad\": \"b\" is not a string");
    assert_int_equal(json_object_size(labels), 1);
}

static void keys_are_written_in_order(void **state)
{
    autojson json_t *j = parse("{\"b\" : [1, {\"z\":0,\"y\":0}], \"a\" : \"\\u00e9/\"}");
    autofree char *flat = jsonx_dump(j, 0), *wide = jsonx_dump(j, 2);

    (void)state;
    assert_string_equal(flat, "{\"a\":\"\xc3\xa9/\",\"b\":[1,{\"y\":0,\"z\":0}]}");
    assert_non_null(strstr(wide, "{\n  \"a\": "));
}

static void files_are_named_when_they_are_wrong(void **state)
{
    json_t *j = NULL;
    struct err e;

    (void)state;
    folder_put("bad.json", "{");
    folder_put("good.json", "{}");
    assert_int_equal(jsonx_load(folder, "bad.json", 100, &j, &e), -EINVAL);
    assert_non_null(strstr(e.text, "'bad.json': not valid JSON: "));
    assert_int_equal(jsonx_load(folder, "bad.json", 0, &j, &e), -EFBIG);
    assert_int_equal(jsonx_load(folder, "none.json", 0, &j, &e), -ENOENT);
    assert_int_equal(jsonx_load(folder, "good.json", 100, &j, &e), 0);
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_readers_see_the_same),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(members_of_the_right_type_are_given),
        cmocka_unit_test(missing_and_null_members_are_fine),
        cmocka_unit_test(members_of_another_type_are_named),
        cmocka_unit_test(members_that_are_all_strings_replace_what_was_there),
        cmocka_unit_test(keys_are_written_in_order),
        folder_test(files_are_named_when_they_are_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
