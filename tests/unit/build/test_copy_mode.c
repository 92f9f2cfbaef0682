#include <errno.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/build/copy_mode.h"
#include "tests/unit/unit.h"

static void modes_are_what_chmod_makes_of_them(void **state)
{
    static const struct {
        const char *text;
        mode_t before, after;
    } rows[] = {
        {"0644", S_IFREG | 0755, S_IFREG | 0644},
        {"4755", S_IFREG | 0600, S_IFREG | 04755},
        {"07777", S_IFREG, S_IFREG | 07777},
        {"0", S_IFDIR | 01777, S_IFDIR},
        {"u+x", S_IFREG | 0644, S_IFREG | 0744},
        {"+x", S_IFREG | 0644, S_IFREG | 0755},
        {"a-w", S_IFREG | 0666, S_IFREG | 0444},
        {"go-rwx", S_IFREG | 0777, S_IFREG | 0700},
        {"u=rw,go=r", S_IFREG | 0777, S_IFREG | 0644},
        {"u=rwX,go=", S_IFREG | 0644, S_IFREG | 0600},
        {"u=rwX,go=", S_IFDIR | 0755, S_IFDIR | 0700},
        {"a+X", S_IFREG | 0644, S_IFREG | 0644},
        {"a+X", S_IFREG | 0744, S_IFREG | 0755},
        {"a+X", S_IFDIR | 0644, S_IFDIR | 0755},
        {"u+s", S_IFREG | 0755, S_IFREG | 04755},
        {"g+s", S_IFREG | 0755, S_IFREG | 02755},
        {"o+s", S_IFREG | 0755, S_IFREG | 0755},
        {"+t", S_IFDIR | 0755, S_IFDIR | 01755},
        {"u-s,g-s", S_IFREG | 06755, S_IFREG | 0755},
        {"g=u", S_IFREG | 0640, S_IFREG | 0660},
        {"o=g-w", S_IFREG | 0664, S_IFREG | 0664},
        {"u+r-w", S_IFREG | 0200, S_IFREG | 0400},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        mode_t got = 0;
        struct err e = {0};

        if (copy_mode_apply(rows[i].text, rows[i].before, &got, &e) < 0)
            fail_msg("%s: %s", rows[i].text, e.text);
        if (got != rows[i].after)
            fail_msg("%s of %o: wanted %o, got %o", rows[i].text, rows[i].before, rows[i].after,
                     got);
    }
}

static void what_is_no_mode_is_refused_in_words(void **state)
{
    static const char *const bad[] = {"", "8", "77777", "u", "x", "u+q", "u+x,", "+x g-w", "-1"};
    mode_t got;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct err e = {0};

        assert_int_equal(copy_mode_apply(bad[i], 0644, &got, &e), -EINVAL);
        assert_non_null(strstr(e.text, "is not a mode: octal digits (0755), or as chmod has it"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_are_what_chmod_makes_of_them),
        cmocka_unit_test(what_is_no_mode_is_refused_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
