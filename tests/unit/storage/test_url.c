#include <errno.h>
#include <string.h>

#include "storage/registry/url.h"
#include "tests/unit/unit.h"

static void addresses_are_read_and_written_again(void **state)
{
    static const char *const rows[][2] = {
        {"https://a.example", "https://a.example/"},
        {"HTTPS://A.Example/P?q=1#part", "https://a.example/P?q=1"},
        {"http://a.example:80/x", "http://a.example/x"},
        {"https://a.example:8443?x", "https://a.example:8443/?x"},
        {"http://[::1]:5000/v2/", "http://[::1]:5000/v2/"},
        {"https://user:secret@a.example/x", "https://a.example/x"},
        {"https://trusted.example@evil.example/x", "https://evil.example/x"},
    };
    char buf[URL_MAX];
    struct url u;
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(url_parse(rows[i][0], &u, &e), 0);
        assert_string_equal(url_format(&u, buf, sizeof buf), rows[i][1]);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const rows[][2] = {
        {"", "neither http nor https"},
        {"ftp://a", "neither http nor https"},
        {"file:///etc/passwd", "neither http nor https"},
        {"https:///path", "no host"},
        {"https://[::1/x", "no host"},
        {"https://a b/", "control character"},
        {"https://a/\r\nX: y", "control character"},
        {"https://a\\@b/", "backslash"},
        {"https://a:0/", "port"},
        {"https://a:99999/", "port"},
        {"https://a:80x/", "port"},
        {"https://a%2eb/", "host is not well formed"},
    };
    struct url u;
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(url_parse(rows[i][0], &u, &e), -EINVAL);
        if (!strstr(e.text, rows[i][1]))
            fail_msg("'%s' is not in '%s'", rows[i][1], e.text);
    }
}

static void locations_are_resolved(void **state)
{
    static const char *const rows[][2] = {
        {"https://b.example/y", "https://b.example/y"},
        {"//c.example/z", "https://c.example/z"},
        {"/root?x", "https://a.example:8443/root?x"},
        {"leaf", "https://a.example:8443/v2/x/leaf"},
        {"http://d.example/", "http://d.example/"},
    };
    struct url base, u;
    char buf[URL_MAX];

    (void)state;
    assert_int_equal(url_parse("https://a.example:8443/v2/x/y?q=/1/2", &base, NULL), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(url_resolve(&base, rows[i][0], &u, NULL), 0);
        assert_string_equal(url_format(&u, buf, sizeof buf), rows[i][1]);
    }
    assert_int_equal(url_resolve(&base, "javascript:alert(1)", &u, NULL), -EINVAL);
}

static void an_origin_is_scheme_host_and_port(void **state)
{
    struct url a, b;

    (void)state;
    url_parse("https://a.example/1", &a, NULL);
    url_parse("https://A.example:443/2", &b, NULL);
    assert_true(url_same_origin(&a, &b));
    url_parse("http://a.example/1", &b, NULL);
    assert_false(url_same_origin(&a, &b));
    url_parse("https://a.example:444/1", &b, NULL);
    assert_false(url_same_origin(&a, &b));
    url_parse("https://a.example.evil.example/1", &b, NULL);
    assert_false(url_same_origin(&a, &b));
}

static void loopback_is_an_address_not_a_prefix(void **state)
{
    struct url u;

    (void)state;
    url_parse("http://127.3.2.1/", &u, NULL);
    assert_true(url_loopback(&u));
    url_parse("http://[::1]/", &u, NULL);
    assert_true(url_loopback(&u));
    url_parse("http://127.0.0.1.evil.example/", &u, NULL);
    assert_false(url_loopback(&u));
    url_parse("http://2130706433/", &u, NULL); /* curl would go to 127.0.0.1: no harm in refusing */
    assert_false(url_loopback(&u));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written_again),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(locations_are_resolved),
        cmocka_unit_test(an_origin_is_scheme_host_and_port),
        cmocka_unit_test(loopback_is_an_address_not_a_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
