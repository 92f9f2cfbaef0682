/* Manifests of tests/data/convert: `input` in, `output` (or `error`) out; `to` says which format.
 */
#include <errno.h>

#include "core/base/auto.h"
#include "storage/convert.h"
#include "tests/unit/cases.h"

static int run(const char *folder, struct text *bytes, struct err *e)
{
    size_t n = 0;
    autofree char *input = cases_read(folder, "input", &n), *to = cases_read(folder, "to", NULL);

    assert_non_null(input);
    assert_non_null(to);
    text_add_n(bytes, input, n);
    return convert_format(bytes, text_starts(to, "oci") ? CONVERT_OCI : CONVERT_DOCKER, e);
}

static void is_converted(const char *folder)
{
    autofree char *output = cases_read(folder, "output", NULL);
    autotext struct text t = {0};
    struct err e = {0};

    if (run(folder, &t, &e) < 0)
        fail_msg("%s", e.text);
    assert_non_null(output);
    output[strcspn(output, "\n")] = 0;
    assert_string_equal(t.s, output);
}

static void is_refused(const char *folder)
{
    autofree char *why = cases_read(folder, "error", NULL);
    autotext struct text t = {0};
    struct err e = {0};

    assert_non_null(why);
    why[strcspn(why, "\n")] = 0;
    assert_true(run(folder, &t, &e) < 0);
    if (!strstr(e.text, why))
        fail_msg("wanted: %s\n   got: %s", why, e.text);
}

static void formats_are_converted(void **state)
{
    (void)state;
    cases_each("convert", "good", is_converted);
}

static void what_a_format_cannot_say_is_refused(void **state)
{
    (void)state;
    cases_each("convert", "bad", is_refused);
}

static void an_entry_is_exchanged(void **state)
{
    autotext struct text t = {0};
    struct digest d = {0};
    struct err e = {0};

    (void)state;
    memset(d.hex, 'b', DIGEST_HEX);
    text_add(&t, "{\"layers\":[{\"digest\":\"x\",\"size\":1,\"urls\":[]}]}");
    assert_int_equal(convert_entry(&t, 0, &d, 77, "type", &e), 0);
    assert_string_equal(t.s, "{\"layers\":[{\"digest\":\"sha256:"
                             "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\","
                             "\"mediaType\":\"type\",\"size\":77,\"urls\":[]}]}");
    assert_int_equal(convert_entry(&t, 1, &d, 77, "type", &e), -EINVAL);
    assert_non_null(strstr(e.text, "no entry 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_converted),
        cmocka_unit_test(what_a_format_cannot_say_is_refused),
        cmocka_unit_test(an_entry_is_exchanged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
