#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "core/runtime/caps.h"
#include "tests/unit/unit.h"

static struct strv words(const char *list)
{
    char copy[256], *rest = copy, *word;
    struct strv l = {0};

    snprintf(copy, sizeof copy, "%s", list);
    while ((word = strsep(&rest, " ")))
        if (*word)
            strv_add(&l, word, NULL);
    return l;
}

static int compute(const char *add, const char *drop, bool privileged, uint64_t *set, struct err *e)
{
    autostrv struct strv a = words(add), d = words(drop);

    return caps_compute(&a, &d, privileged, set, e);
}

static uint64_t set_of(const char *add, const char *drop, bool privileged)
{
    struct err e = {0};
    uint64_t set = 0;

    if (compute(add, drop, privileged, &set, &e) < 0)
        fail_msg("%s", e.text);
    return set;
}

static void every_number_has_its_name_and_back(void **state)
{
    unsigned number;

    (void)state;
    for (unsigned i = 0; i < CAPS_COUNT; i++) {
        assert_int_equal(caps_parse(caps_name(i), &number, NULL), 0);
        assert_int_equal(number, i);
        assert_int_equal(caps_parse(caps_name(i) + 4, &number, NULL), 0);
        assert_int_equal(number, i);
    }
    assert_null(caps_name(CAPS_COUNT));
    assert_string_equal(caps_name(CAP_CHECKPOINT_RESTORE), "CAP_CHECKPOINT_RESTORE");
    assert_int_equal(caps_parse("cap_net_Admin", &number, NULL), 0);
    assert_int_equal(number, CAP_NET_ADMIN);
}

static void the_default_set_is_podmans_eleven(void **state)
{
    autostrv struct strv names = {0};

    (void)state;
    assert_true(set_of("", "", false) == CAPS_DEFAULT);
    assert_int_equal(caps_names(CAPS_DEFAULT, &names, NULL), 0);
    assert_int_equal(names.n, 11);
    assert_string_equal(names.v[0], "CAP_CHOWN");
    assert_string_equal(names.v[10], "CAP_SETFCAP");
}

static void all_gives_way_to_single_names(void **state)
{
    uint64_t all = set_of("ALL", "", false);

    (void)state;
    assert_true(all == CAPS_BIT(caps_last() + 1) - 1);
    assert_true(set_of("", "all", false) == 0);
    assert_true(set_of("chown", "ALL", false) == CAPS_BIT(CAP_CHOWN));
    assert_true(set_of("all", "CAP_CHOWN", false) == (all & ~CAPS_BIT(CAP_CHOWN)));
    assert_true(set_of("", "", true) == all);
    assert_true(set_of("", "SYS_ADMIN", true) == (all & ~CAPS_BIT(CAP_SYS_ADMIN)));
    assert_true(set_of("NET_RAW", "KILL", false) ==
                ((CAPS_DEFAULT | CAPS_BIT(CAP_NET_RAW)) & ~CAPS_BIT(CAP_KILL)));
}

static void contradictions_and_unknown_names_are_refused(void **state)
{
    static const struct {
        const char *add, *drop, *text;
    } cases[] = {
        {"CHOWN", "cap_chown", "capability \"CAP_CHOWN\" cannot be dropped and added"},
        {"ALL", "ALL", "cannot add ALL capabilities and drop ALL capabilities: choose"},
        {"net_admni", "", "unknown capability 'net_admni': did you mean CAP_NET_ADMIN?"},
        {"", "cap_", "unknown capability 'cap_': see capabilities(7) for their names"},
        {"xyzzyxyzzy", "", "unknown capability 'xyzzyxyzzy': see capabilities(7) for their names"},
    };
    struct err e;
    uint64_t set;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(compute(cases[i].add, cases[i].drop, false, &set, &e), -EINVAL);
        assert_string_equal(e.text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_has_its_name_and_back),
        cmocka_unit_test(the_default_set_is_podmans_eleven),
        cmocka_unit_test(all_gives_way_to_single_names),
        cmocka_unit_test(contradictions_and_unknown_names_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
