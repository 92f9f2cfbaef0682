#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "storage/config.h"
#include "tests/unit/unit.h"

static int parse(const char *text, struct config *ret, struct err *e)
{
    return config_parse("config.yaml", text, strlen(text), ret, e);
}

static void the_state_template_is_read(void **state)
{
    struct config c = {0};

    (void)state;
    assert_int_equal(parse("# where\nstate: /scratch/$USER/rctr\n", &c, NULL), 0);
    assert_string_equal(c.state, "/scratch/$USER/rctr");
    config_free(&c);
    assert_int_equal(parse("# nothing but a comment\n", &c, NULL), 0);
    assert_null(c.state);
    assert_int_equal(config_load("/nonexistent/config.yaml", &c, NULL), 0);
    assert_null(c.state);
}

static void mistakes_are_named_with_their_line(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"\nstat: /x\n", "config.yaml:2: unknown key \"stat\"; did you mean \"state\"?"},
        {"colour: blue\n", "unknown key \"colour\""},
        {"state: [a]\n", "\"state\" wants a text"},
        {"state:\n", "\"state\" wants a text"},
        {"state: /a\nstate: /b\n", "config.yaml:2: \"state\" is given twice"},
        {"- state\n", "expected \"key: value\" lines"},
        {"state: \"/a\n", "config.yaml:"},
        {"just words\n", "expected \"key: value\" lines"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct config c = {0};
        struct err e = {0};

        assert_int_equal(parse(bad[i].text, &c, &e), -EINVAL);
        if (!strstr(e.text, bad[i].words))
            fail_msg("'%s' is told as: %s", bad[i].text, e.text);
    }
}

static void templates_are_expanded(void **state)
{
    autofree char *path = NULL, *home = NULL;
    char want[64];
    struct err e = {0};

    (void)state;
    setenv("HOME", "/home/of/me", 1);
    snprintf(want, sizeof want, "/s/%u/$/x", (unsigned)geteuid());
    assert_int_equal(config_expand("/s/$UID/$$/x", &path, &e), 0);
    assert_string_equal(path, want);
    assert_int_equal(config_expand("${HOME}_rctr", &home, &e), 0);
    assert_string_equal(home, "/home/of/me_rctr");
    assert_int_equal(config_expand("/x/$SECRET", &home, &e), -EINVAL);
    assert_non_null(strstr(e.text, "unknown variable '$SECRET'"));
    assert_int_equal(config_expand("relative", &home, &e), -EINVAL);
    assert_non_null(strstr(e.text, "not an absolute path"));
    assert_int_equal(config_expand("/x/${HOME", &home, &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_template_is_read),
        cmocka_unit_test(mistakes_are_named_with_their_line),
        cmocka_unit_test(templates_are_expanded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
