#include <errno.h>
#include <string.h>

#include "cmd/image_filter.h"
#include "core/base/jsonx.h"
#include "tests/unit/unit.h"

static const char *words[8];

/* Parse up to three words, without a store: none of them names an image. */
static int parse(struct opt_list *l, struct image_filter *f, struct err *e, const char *a,
                 const char *b, const char *c)
{
    const char *all[] = {a, b, c};

    *l = (struct opt_list){.v = words};
    for (size_t i = 0; i < 3 && all[i]; i++)
        words[l->n++] = all[i];
    return image_filter_parse(NULL, l, NULL, f, e);
}

static bool takes(const struct image_entry *i, const char *a, const char *b, const char *c)
{
    struct opt_list l;
    struct image_filter f;
    struct err e = {0};

    if (parse(&l, &f, &e, a, b, c) < 0)
        fail_msg("%s", e.text);
    return image_filter_takes(&f, i);
}

static void all_terms_must_fit(void **state)
{
    autojson json_t *labels = json_pack("{s:s, s:s}", "stage", "test", "empty", "");
    const struct image_entry i = {
        .id.hex = "abcdef0123", .created = 1714500000, .labels = labels, .containers = 2};

    (void)state;
    assert_true(takes(&i, NULL, NULL, NULL));
    assert_true(takes(&i, "label=stage", "label=stage=test", "label=empty="));
    assert_false(takes(&i, "label=stage", "label=stage=prod", NULL));
    assert_true(takes(&i, "label!=other", "label!=stage=prod", NULL));
    assert_false(takes(&i, "label!=stage", NULL, NULL));
    assert_true(takes(&i, "id=abc", "id=sha256:abcdef", NULL));
    assert_false(takes(&i, "id=bcd", NULL, NULL));
    assert_true(takes(&i, "containers=true", "dangling=true", "intermediate=false"));
    assert_false(takes(&i, "containers=false", NULL, NULL));
    assert_false(takes(&i, "readonly=true", NULL, NULL));
}

static void until_is_the_earliest_of_several(void **state)
{
    autojson json_t *labels = json_object();
    const struct image_entry i = {.created = 1714500000, .labels = labels};

    (void)state;
    assert_true(takes(&i, "until=1714500001", NULL, NULL));
    assert_false(takes(&i, "until=1714500000", NULL, NULL));
    assert_false(takes(&i, "until=1714500001", "until=1714400000", NULL));
    assert_true(takes(&i, "until=1h", NULL, NULL));
}

static void a_wrong_word_is_named(void **state)
{
    struct opt_list l;
    struct image_filter f = {.dangling = 7};
    struct err e = {0};

    (void)state;
    assert_int_equal(parse(&l, &f, &e, "danglin=true", NULL, NULL), -EINVAL);
    assert_string_equal(e.text, "invalid filter 'danglin=true'; did you mean 'dangling=…'?");
    assert_int_equal(parse(&l, &f, &e, "label", NULL, NULL), -EINVAL);
    assert_non_null(strstr(e.text, "did you mean 'label=…'?"));
    assert_int_equal(parse(&l, &f, &e, "containers=so", NULL, NULL), -EINVAL);
    assert_string_equal(e.text, "filter 'containers=so': true or false is wanted");
    assert_int_equal(parse(&l, &f, &e, "until=never", NULL, NULL), -EINVAL);
    assert_non_null(strstr(e.text, "filter 'until=never'"));
    assert_int_equal(f.dangling, 7); /* untouched on failure */
}

static void a_pattern_fits_a_name_or_its_end(void **state)
{
    static const char name[] = "quay.io/x/tool:v1";
    static const char *const good[] = {"tool",      "tool:v1",  "x/tool", "quay.io/x/tool:v1",
                                       "quay.io/*", "*tool:v?", "x/*:v1"};
    static const char *const bad[] = {"ool", "tool:v2", "y/tool", "quay.io"};
    struct opt_list none = {0};
    struct image_filter f = {.words = &none};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        f.pattern = good[i];
        if (!image_filter_takes_name(&f, name))
            fail_msg("%s does not fit", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        f.pattern = bad[i];
        if (image_filter_takes_name(&f, name))
            fail_msg("%s fits", bad[i]);
    }
    assert_false(image_filter_takes_name(&f, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_terms_must_fit),
        cmocka_unit_test(until_is_the_earliest_of_several),
        cmocka_unit_test(a_wrong_word_is_named),
        cmocka_unit_test(a_pattern_fits_a_name_or_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
