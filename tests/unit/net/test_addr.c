#include <errno.h>
#include <string.h>

#include "net/addr.h"
#include "tests/unit/unit.h"

static void addresses_survive_a_round_trip(void **state)
{
    static const char *const good[] = {
        "0.0.0.0", "192.0.2.7", "255.255.255.255", "::", "2001:db8::7", "::1", "::ffff:192.0.2.1"};
    char text[ADDR_TEXT_MAX];
    struct addr a;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(addr_parse(good[i], &a, NULL), 0);
        assert_string_equal(addr_format(&a, text), good[i]);
    }
}

static void anything_else_is_not_an_address(void **state)
{
    static const char *const bad[] = {
        "",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "1.2.3.256",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4/24",
        "1.2.3.4\n",
        "0x1.2.3.4",
        "localhost",
        ":",
        ":::",
        "1::2::3",
        "12345::",
        "fe80::1%eth0",
        "[::1]",
        "::1.2.3",
        "1:2:3:4:5:6:7:8:9",
    };
    struct addr a = {.family = -1};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(addr_parse(bad[i], &a, &e), -EINVAL);
    assert_int_equal(a.family, -1); /* untouched */
    assert_int_equal(addr_parse("x", &a, &e), -EINVAL);
    assert_string_equal(e.text, "'x' is not an IP address; write it like 192.0.2.7 or 2001:db8::7");
}

static void subnets_survive_a_round_trip(void **state)
{
    static const char *const good[] = {"0.0.0.0/0", "10.0.2.0/24", "192.0.2.7/32",
                                       "::/0",      "fd00::/64",   "2001:db8::7/128"};
    char text[ADDR_TEXT_MAX];
    struct subnet s;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(addr_parse_subnet(good[i], &s, NULL), 0);
        assert_string_equal(addr_format_subnet(&s, text), good[i]);
    }
}

static void anything_else_is_not_a_subnet(void **state)
{
    static const char *const bad[] = {
        "",
        "/",
        "/24",
        "10.0.2.0",
        "10.0.2.0/",
        "10.0.2.0/33",
        "10.0.2/24",
        "10.0.2.0/024",
        "10.0.2.0/-1",
        "10.0.2.0/24 ",
        "fd00::/129",
        "fd00::/4294967360",
        "10.0.2.0/24/24",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd/64",
    };
    struct subnet s;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(addr_parse_subnet(bad[i], &s, &e), -EINVAL);
        assert_non_null(strstr(e.text, "is not a subnet; write it like 10.0.2.0/24 or fd00::/64"));
    }
}

static void an_address_inside_a_subnet_is_told_from_it(void **state)
{
    struct subnet s;
    struct err e;

    (void)state;
    assert_int_equal(addr_parse_subnet("10.0.2.100/24", &s, &e), -EINVAL);
    assert_string_equal(e.text,
                        "'10.0.2.100/24' is an address inside a subnet; the subnet is 10.0.2.0/24");
    assert_int_equal(addr_parse_subnet("fd00::1/63", &s, &e), -EINVAL);
    assert_string_equal(e.text,
                        "'fd00::1/63' is an address inside a subnet; the subnet is fd00::/63");
}

static void host_is(const char *subnet, uint64_t n, const char *due)
{
    char text[ADDR_TEXT_MAX];
    struct subnet s;
    struct addr a;
    int r;

    assert_int_equal(addr_parse_subnet(subnet, &s, NULL), 0);
    r = addr_host(&s, n, &a, NULL);
    if (!due) {
        assert_int_equal(r, -ERANGE);
        return;
    }
    assert_int_equal(r, 0);
    assert_string_equal(addr_format(&a, text), due);
    assert_true(addr_in_subnet(&s, &a));
}

static void hosts_are_counted_from_the_base(void **state)
{
    (void)state;
    host_is("10.0.2.0/24", 0, "10.0.2.0");
    host_is("10.0.2.0/24", 254, "10.0.2.254");
    host_is("10.0.2.0/24", 255, NULL); /* broadcast */
    host_is("10.0.2.0/24", 256, NULL);
    host_is("10.0.0.0/16", 258, "10.0.1.2");
    host_is("192.0.2.6/31", 1, "192.0.2.7");
    host_is("192.0.2.6/31", 2, NULL);
    host_is("192.0.2.6/32", 0, "192.0.2.6");
    host_is("192.0.2.6/32", 1, NULL);
    host_is("0.0.0.0/0", 0xfffffffe, "255.255.255.254");
    host_is("0.0.0.0/0", 0x100000000, NULL);
    host_is("fd00::/64", 0x100, "fd00::100");
    host_is("fd00::/64", UINT64_MAX, "fd00::ffff:ffff:ffff:ffff");
    host_is("fd00::/120", 255, "fd00::ff");
    host_is("fd00::/120", 256, NULL);
}

static void a_subnet_knows_its_own(void **state)
{
    struct subnet s;
    struct addr a;

    (void)state;
    assert_int_equal(addr_parse_subnet("10.0.2.0/23", &s, NULL), 0);
    assert_int_equal(addr_parse("10.0.3.255", &a, NULL), 0);
    assert_true(addr_in_subnet(&s, &a));
    assert_int_equal(addr_parse("10.0.4.0", &a, NULL), 0);
    assert_false(addr_in_subnet(&s, &a));
    assert_int_equal(addr_parse("::a00:200", &a, NULL), 0);
    assert_false(addr_in_subnet(&s, &a));
}

static void masks_have_as_many_bits_as_the_prefix(void **state)
{
    (void)state;
    assert_int_equal(ntohl(addr_mask4(0).s_addr), 0);
    assert_int_equal(ntohl(addr_mask4(24).s_addr), 0xffffff00);
    assert_int_equal(ntohl(addr_mask4(32).s_addr), 0xffffffff);
}

static void the_loopback_is_known_in_every_spelling(void **state)
{
    static const char *const loopbacks[] = {
        "127.0.0.1", "127.255.0.9", "0.0.0.0",          "0.1.2.3",       "::1",
        "::",        "::7f00:1",    "::ffff:127.0.0.1", "::ffff:0.0.0.0"};
    static const char *const others[] = {"128.0.0.1",        "126.0.0.1", "::ffff:192.0.2.1",
                                         "::fffe:127.0.0.1", "1::1",      "2001:db8::7f00:1"};
    struct addr a;

    (void)state;
    for (size_t i = 0; i < sizeof loopbacks / sizeof loopbacks[0]; i++) {
        assert_int_equal(addr_parse(loopbacks[i], &a, NULL), 0);
        assert_true(addr_is_loopback(&a));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(addr_parse(others[i], &a, NULL), 0);
        assert_false(addr_is_loopback(&a));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_survive_a_round_trip),
        cmocka_unit_test(anything_else_is_not_an_address),
        cmocka_unit_test(subnets_survive_a_round_trip),
        cmocka_unit_test(anything_else_is_not_a_subnet),
        cmocka_unit_test(an_address_inside_a_subnet_is_told_from_it),
        cmocka_unit_test(hosts_are_counted_from_the_base),
        cmocka_unit_test(a_subnet_knows_its_own),
        cmocka_unit_test(masks_have_as_many_bits_as_the_prefix),
        cmocka_unit_test(the_loopback_is_known_in_every_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
