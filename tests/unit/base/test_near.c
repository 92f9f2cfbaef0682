#include <string.h>

#include "core/base/near.h"
#include "tests/unit/unit.h"

static const char *nearest(const char *word)
{
    static const char *const all[] = {"run", "rm", "rmi", "ps", "inspect", "images", NULL};
    struct near n;

    near_begin(&n, word);
    for (int i = 0; all[i]; i++)
        near_offer(&n, all[i]);
    return n.best ? n.best : "";
}

static void each_kind_of_slip_counts_one(void **state)
{
    (void)state;
    assert_int_equal(near_distance("name", "name"), 0);
    assert_int_equal(near_distance("nmae", "name"), 1);
    assert_int_equal(near_distance("nam", "name"), 1);
    assert_int_equal(near_distance("namee", "name"), 1);
    assert_int_equal(near_distance("nane", "name"), 1);
    assert_int_equal(near_distance("", "name"), 4);
    assert_int_equal(near_distance("kitten", "sitting"), 3);
}

static void a_slip_finds_the_word(void **state)
{
    (void)state;
    assert_string_equal(nearest("rnu"), "run");
    assert_string_equal(nearest("imges"), "images");
    assert_string_equal(nearest("inspcet"), "inspect");
}

static void a_beginning_finds_the_word(void **state)
{
    (void)state;
    assert_string_equal(nearest("insp"), "inspect");
}

static void another_word_finds_nothing(void **state)
{
    (void)state;
    assert_string_equal(nearest("bake"), "");
    assert_string_equal(nearest(""), "");
    assert_string_equal(nearest("x"), "");
    assert_string_equal(nearest("foo"), "");
    assert_string_equal(nearest("rim"), "rm");
}

static void long_words_are_near_to_nothing(void **state)
{
    char word[200];

    (void)state;
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = 0;
    assert_string_equal(nearest(word), "");
    assert_true(near_distance(word, "a") > NEAR_WORD_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_slip_counts_one),
        cmocka_unit_test(a_slip_finds_the_word),
        cmocka_unit_test(a_beginning_finds_the_word),
        cmocka_unit_test(another_word_finds_nothing),
        cmocka_unit_test(long_words_are_near_to_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
