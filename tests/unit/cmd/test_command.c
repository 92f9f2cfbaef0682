#include <errno.h>
#include <string.h>

#include "cmd/command.h"
#include "tests/unit/unit.h"

static const char *found(int argc, const char **argv, int *ret_used)
{
    const struct command *c = command_find(argc, argv, ret_used);

    return c ? c->name : "";
}

static void a_name_and_its_alias_find_the_same_command(void **state)
{
    const char *name[] = {"run", "image", "x"}, *alias[] = {"container", "run", "image"};
    int used;

    (void)state;
    assert_string_equal(found(3, name, &used), "run");
    assert_int_equal(used, 1);
    assert_string_equal(found(3, alias, &used), "run");
    assert_int_equal(used, 2);
}

static void a_family_alone_is_no_command(void **state)
{
    const char *argv[] = {"container"};
    int used;

    (void)state;
    assert_string_equal(found(1, argv, &used), "");
    assert_true(command_is_family("container"));
    assert_false(command_is_family("contain"));
    assert_false(command_is_family("run"));
}

static void spellings_come_one_by_one(void **state)
{
    static const struct command c = {.name = "image ls", .aliases = "images|image list"};
    char s[COMMAND_NAME_MAX];

    (void)state;
    assert_true(command_spelling(&c, 0, s));
    assert_string_equal(s, "image ls");
    assert_true(command_spelling(&c, 1, s));
    assert_string_equal(s, "images");
    assert_true(command_spelling(&c, 2, s));
    assert_string_equal(s, "image list");
    assert_false(command_spelling(&c, 3, s));
}

static void an_unknown_command_names_the_nearest(void **state)
{
    const char *slip[] = {"rnu"}, *family[] = {"container", "rnu"}, *far[] = {"frobnicate"};
    struct err e;

    (void)state;
    assert_int_equal(command_unknown(1, slip, &e), -EINVAL);
    assert_string_equal(e.text, "unknown command \"rnu\"; did you mean \"run\"?");
    command_unknown(2, family, &e);
    assert_string_equal(e.text,
                        "unknown command \"container rnu\"; did you mean \"container run\"?");
    command_unknown(1, far, &e);
    assert_string_equal(e.text, "unknown command \"frobnicate\"; `rctr help` lists them");
}

static void words_of_any_length_are_answered(void **state)
{
    char word[5000];
    const char *argv[] = {word, word};
    struct err e;

    (void)state;
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = 0;
    assert_int_equal(command_unknown(2, argv, &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_and_its_alias_find_the_same_command),
        cmocka_unit_test(a_family_alone_is_no_command),
        cmocka_unit_test(spellings_come_one_by_one),
        cmocka_unit_test(an_unknown_command_names_the_nearest),
        cmocka_unit_test(words_of_any_length_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
