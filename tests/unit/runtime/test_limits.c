#include <errno.h>
#include <signal.h>
#include <string.h>

#include "core/runtime/limits.h"
#include "tests/unit/unit.h"

static void ulimits_are_read(void **state)
{
    struct limits l = {0};

    (void)state;
    assert_int_equal(limits_add_ulimit("nofile=1024:2048", &l, NULL), 0);
    assert_int_equal(limits_add_ulimit("CORE=0", &l, NULL), 0);
    assert_int_equal(limits_add_ulimit("nproc=100:-1", &l, NULL), 0);
    assert_int_equal(limits_add_ulimit("memlock=unlimited", &l, NULL), 0);
    assert_int_equal(limits_add_ulimit("RLIMIT_NOFILE=5", &l, NULL), 0);
    assert_int_equal(l.n, 4);
    assert_int_equal(l.v[0].resource, RLIMIT_NOFILE); /* the last one given counts */
    assert_int_equal(l.v[0].soft, 5);
    assert_int_equal(l.v[0].hard, 5);
    assert_int_equal(l.v[2].soft, 100);
    assert_true(l.v[2].hard == RLIM_INFINITY);
    assert_true(l.v[3].soft == RLIM_INFINITY);
    assert_false(l.host);
    assert_int_equal(limits_add_ulimit("host", &l, NULL), 0);
    assert_true(l.host);
}

static void bad_ulimits_are_refused_in_words(void **state)
{
    static const struct {
        const char *input, *text;
    } cases[] = {
        {"nofile", "ulimit 'nofile' must look like NAME=SOFT[:HARD]"},
        {"nofiles=1", "ulimit 'nofiles=1': unknown ulimit 'nofiles': did you mean nofile?"},
        {"nofile=2:1", "ulimit 'nofile=2:1': the soft limit must be less than or equal to the "
                       "hard limit"},
        {"nofile=-1:1", "ulimit 'nofile=-1:1': the soft limit must be less than or equal to the "
                        "hard limit"},
        {"nofile=", "ulimit 'nofile=': a number is missing"},
        {"nofile=1:", "ulimit 'nofile=1:': a number is missing"},
        {"nofile=-2", "ulimit 'nofile=-2': '-2' is not a number"},
        {"nofile=1:2:3", "ulimit 'nofile=1:2:3': '2:3' is not a number"},
    };
    struct limits l = {0};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(limits_add_ulimit(cases[i].input, &l, &e), -EINVAL);
        assert_string_equal(e.text, cases[i].text);
    }
    assert_int_equal(l.n, 0);
}

static void a_limit_above_the_sessions_hard_limit_names_the_cure(void **state)
{
    struct limits l = {.n = 1, .v = {{RLIMIT_NOFILE, 0, 0}}};
    struct rlimit now;
    struct err e = {0};

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    l.v[0].hard = now.rlim_max;
    assert_int_equal(limits_check(&l, &e), 0);
    l.v[0].hard = now.rlim_max + 1;
    assert_int_equal(limits_check(&l, &e), -EPERM);
    assert_non_null(strstr(e.text, "ulimit nofile cannot be set to "));
    assert_non_null(strstr(e.text, "/etc/security/limits.conf"));
}

static void sysctls_of_own_namespaces_become_paths(void **state)
{
    static const struct {
        const char *input, *path, *value;
    } cases[] = {
        {"net.ipv4.ip_forward=1", "net/ipv4/ip_forward", "1"},
        {"net/ipv4/conf/eth0.1/forwarding=0", "net/ipv4/conf/eth0.1/forwarding", "0"},
        {"net.ipv4.conf.eth0/1.forwarding=0", "net/ipv4/conf/eth0.1/forwarding", "0"},
        {"net.ipv4.ping_group_range=0 1000", "net/ipv4/ping_group_range", "0 1000"},
        {"kernel.shmmax=5", "kernel/shmmax", "5"},
        {"kernel.shm_rmid_forced=1", "kernel/shm_rmid_forced", "1"},
        {"kernel.msgmax=a=b", "kernel/msgmax", "a=b"},
        {"kernel.sem=1 2 3 4", "kernel/sem", "1 2 3 4"},
        {"fs.mqueue.msg_max=9", "fs/mqueue/msg_max", "9"},
        {"kernel.domainname=x", "kernel/domainname", "x"},
    };
    struct limits_own own = {true, true, true};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct limits_sysctl s = {0};
        struct err e = {0};

        if (limits_parse_sysctl(cases[i].input, &own, &s, &e) < 0)
            fail_msg("%s", e.text);
        assert_string_equal(s.path, cases[i].path);
        assert_string_equal(s.value, cases[i].value);
        limits_sysctl_free(&s);
    }
}

static void sysctls_of_the_host_are_refused(void **state)
{
    static const char *const cases[] = {
        "kernel.core_pattern=|/x",
        "vm.swappiness=1",
        "net=1",
        "net.=1",
        "net..ipv4=1",
        "net/../kernel/core_pattern=x",
        "net/./x=1",
        "/net/ipv4/x=1",
        "kernel.shm/../core_pattern=x",
        "kernel/shm/x=1",
        "net.ipv4.ip_forward",
        "=1",
        "net.x=a\nb",
        "kernel.semx=1",
        "fs.mqueue=1",
        "net.ipv4. x=1",
    };
    struct limits_own own = {true, true, true}, none = {0};
    struct limits_sysctl s = {0};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (limits_parse_sysctl(cases[i], &own, &s, &e) != -EINVAL)
            fail_msg("%s was accepted", cases[i]);
    assert_int_equal(limits_parse_sysctl("net.ipv4.ip_forward=1", &none, &s, &e), -EINVAL);
    assert_string_equal(e.text, "sysctl 'net.ipv4.ip_forward=1' is not allowed: the container "
                                "shares the network namespace it would change");
    assert_int_equal(limits_parse_sysctl("vm.swappiness=1", &own, &s, &e), -EINVAL);
    assert_non_null(strstr(e.text, "it belongs to no namespace"));
}

static void signals_have_names_and_numbers(void **state)
{
    static const struct {
        const char *text;
        int signo;
    } cases[] = {{"TERM", 15},  {"SIGTERM", 15},    {"sigterm", 15}, {"9", 9},
                 {"RTMIN", 34}, {"SIGRTMIN+3", 37}, {"RTMAX", 64},   {"rtmax-1", 63},
                 {"SIGIOT", 6}, {"64", 64},         {"37", 37}};
    static const char *const bad[] = {"",        "0",       "65",       "-1",         "RTMIN+31",
                                      "RTMAX+1", "RTMIN-1", "RTMAX-31", "SIGSIGTERM", "15 "};
    int signo;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(limits_parse_signal(cases[i].text, &signo, &e), 0);
        assert_int_equal(signo, cases[i].signo);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (limits_parse_signal(bad[i], &signo, &e) != -EINVAL)
            fail_msg("'%s' was accepted", bad[i]);
    assert_int_equal(limits_parse_signal("TREM", &signo, &e), -EINVAL);
    assert_string_equal(e.text, "invalid signal 'TREM': did you mean SIGTERM?");
    for (int i = 1; i <= 64; i++)
        if (limits_signal_name(i)) {
            assert_int_equal(limits_parse_signal(limits_signal_name(i), &signo, &e), 0);
            assert_int_equal(signo, i);
        } else {
            assert_true(i == 32 || i == 33);
        }
    assert_null(limits_signal_name(0));
    assert_null(limits_signal_name(65));
}

static void shm_sizes_are_read(void **state)
{
    unsigned long long bytes;
    struct err e;

    (void)state;
    assert_int_equal(limits_parse_shm_size("64m", &bytes, &e), 0);
    assert_int_equal(bytes, 64 << 20);
    assert_int_equal(limits_parse_shm_size("0", &bytes, &e), -EINVAL);
    assert_string_equal(e.text, "shm size '0': 0 would mean no limit at all");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ulimits_are_read),
        cmocka_unit_test(bad_ulimits_are_refused_in_words),
        cmocka_unit_test(a_limit_above_the_sessions_hard_limit_names_the_cure),
        cmocka_unit_test(sysctls_of_own_namespaces_become_paths),
        cmocka_unit_test(sysctls_of_the_host_are_refused),
        cmocka_unit_test(signals_have_names_and_numbers),
        cmocka_unit_test(shm_sizes_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
