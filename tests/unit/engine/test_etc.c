#include <errno.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/engine/etc.h"
#include "tests/unit/base/folder.h"

static void expect(const char *name, const char *want)
{
    autotext struct text t = {0};
    struct stat st;

    assert_int_equal(file_read(folder, name, 1 << 20, &t, NULL), 0);
    if (!strstr(t.s, want))
        fail_msg("%s lacks '%s': %s", name, want, t.s);
    assert_int_equal(fstatat(folder, name, &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0644); /* whoever runs inside may read it */
}

static void a_container_finds_its_name_and_its_resolver(void **state)
{
    static const char *add[] = {"db:10.1.1.1"}, *dns[] = {"9.9.9.9"}, *search[] = {"example.org"};
    struct container_request q = {.add_host = {add, 1}, .dns = {dns, 1}, .dns_search = {search, 1}};
    char hostname[] = "box";
    struct spec s = {.net = SPEC_NET_SLIRP, .hostname = hostname};
    struct err e = {0};

    (void)state;
    slirp_config_default(&s.slirp);
    umask(077);
    if (etc_write(&q, &s, "name", folder, &e) < 0)
        fail_msg("%s", e.text);
    umask(022);
    expect("hosts", "127.0.0.1");
    expect("hosts", "10.0.2.100\tbox name");
    expect("hosts", "10.1.1.1\tdb");
    expect("resolv.conf", "nameserver 9.9.9.9\n");
    expect("resolv.conf", "search example.org\n");
    expect("hostname", "box\n");
}

static void without_a_name_of_its_own_there_is_no_hostname_file(void **state)
{
    struct container_request q = {0};
    struct spec s = {.net = SPEC_NET_HOST};
    struct err e = {0};

    (void)state;
    if (etc_write(&q, &s, "name", folder, &e) < 0)
        fail_msg("%s", e.text);
    expect("hosts", "");
    assert_int_equal(faccessat(folder, "hostname", F_OK, 0), -1);
}

static void a_link_in_the_place_of_a_file_is_not_followed(void **state)
{
    struct container_request q = {0};
    struct spec s = {.net = SPEC_NET_NONE};
    struct err e = {0};

    (void)state;
    folder_put("victim", "untouched");
    assert_int_equal(symlinkat("victim", folder, "hosts"), 0);
    assert_int_equal(etc_write(&q, &s, "name", folder, &e), -ELOOP);
    assert_string_equal(e.text,
                        "cannot create the container's hosts: Too many levels of symbolic links");
    {
        autotext struct text t = {0};

        assert_int_equal(file_read(folder, "victim", 100, &t, NULL), 0);
        assert_string_equal(t.s, "untouched");
    }
}

static void wrong_words_and_networks_are_told(void **state)
{
    static const char *add[] = {"db"};
    struct container_request q = {.add_host = {add, 1}};
    struct spec s = {.net = SPEC_NET_NONE};
    struct err e = {0};

    (void)state;
    assert_int_equal(etc_write(&q, &s, "name", folder, &e), -EINVAL);
    assert_non_null(strstr(e.text, "db"));
    s.net = SPEC_NET_SLIRP;
    slirp_config_default(&s.slirp);
    s.slirp.mtu = 100;
    assert_int_equal(etc_write(&q, &s, "name", folder, &e), -EINVAL);
    assert_string_equal(e.text, "the MTU 100 of the slirp network is not between 1280 and 65520");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(a_container_finds_its_name_and_its_resolver),
        folder_test(without_a_name_of_its_own_there_is_no_hostname_file),
        folder_test(a_link_in_the_place_of_a_file_is_not_followed),
        folder_test(wrong_words_and_networks_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
