#include <errno.h>
#include <limits.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/runtime/cgroup_apply.h"
#include "core/runtime/cgroup_ask.h"
#include "core/runtime/cgroup_host.h"
#include "core/runtime/cgroup_instead.h"
#include "core/runtime/cgroup_json.h"
#include "tests/unit/cases.h"
#include "tests/unit/unit.h"

static struct err e;

static void ok(int r)
{
    if (r < 0)
        fail_msg("%s", e.text);
}

static void nothing_asked_needs_nothing(void **state)
{
    struct cgroup_ask_words w = {
        .memory = "", .pids = "-1", .cpu_quota = "-1", .memory_swap = "-1"};
    struct cgroup_ask a = {0};

    (void)state;
    ok(cgroup_ask_parse(&w, &a, &e));
    assert_null(cgroup_ask_first(&a));
    assert_int_equal(cgroup_ask_controllers(&a), 0);
    cgroup_ask_free(&a);
}

static void every_limit_is_read(void **state)
{
    const char *conf[] = {"memory.high=100", "memory.high=200", "pids.max=3"};
    struct cgroup_ask_words w = {.memory = "64m",
                                 .memory_swap = "1g",
                                 .reservation = "32m",
                                 .cpus = "1.25",
                                 .cpu_shares = "512",
                                 .cpuset_cpus = "0-1,3",
                                 .cpuset_mems = "0",
                                 .pids = "100",
                                 .blkio_weight = "300",
                                 .swappiness = "0",
                                 .oom_score_adj = "500",
                                 .parent = "app.slice",
                                 .cgroupns = "host",
                                 .cgroups = "split",
                                 .limits = "best-effort",
                                 .oom_kill_disable = true,
                                 .conf = {conf, 3}};
    struct cgroup_ask a = {0};

    (void)state;
    ok(cgroup_ask_parse(&w, &a, &e));
    assert_int_equal(a.memory, 64 << 20);
    assert_int_equal(a.memory_swap, 1 << 30);
    assert_int_equal(a.reservation, 32 << 20);
    assert_int_equal(a.cpu_quota_us, 125000);
    assert_int_equal(a.cpu_period_us, 100000);
    assert_int_equal(a.cpu_shares, 512);
    assert_string_equal(a.cpus, "0-1,3");
    assert_string_equal(a.mems, "0");
    assert_int_equal(a.pids, 100);
    assert_int_equal(a.blkio_weight, 300);
    assert_true(a.has_swappiness && a.swappiness == 0 && a.oom_kill_disable);
    assert_true(a.has_oom_score_adj && a.oom_score_adj == 500);
    assert_string_equal(a.parent, "app.slice");
    assert_true(a.host_ns && a.best_effort && a.mode == CGROUP_SPLIT);
    assert_int_equal(a.conf.n, 2); /* the last word for a file counts */
    assert_string_equal(a.conf.v[0], "memory.high=200");
    assert_string_equal(cgroup_ask_first(&a), "--memory");
    assert_int_equal(cgroup_ask_controllers(&a), (1 << CGROUP_CONTROLLERS) - 1);
    cgroup_ask_free(&a);
}

static void what_is_wrong_is_told_with_its_option(void **state)
{
    static const char *conf[] = {"memory.high"}, *own[] = {"cgroup.procs=1"},
                      *path[] = {"../memory.max=1"}, *other[] = {"hugetlb.2MB.max=1"};
    static const struct {
        struct cgroup_ask_words w;
        const char *text;
    } cases[] = {
        {{.memory = "many"}, "--memory: 'many' is not a size (such as 64m, 1g or 512k)"},
        {{.memory = "-5"}, "--memory: '-5' is not a size (such as 64m, 1g or 512k)"},
        {{.memory_swap = "1g"},
         "--memory-swap counts memory and swap together: it needs --memory "
         "too"},
        {{.memory = "2m", .memory_swap = "1m"},
         "--memory-swap (1048576) counts memory and swap together: it must not be less than "
         "--memory (2097152)"},
        {{.memory = "1m", .reservation = "2m"},
         "--memory-reservation (2097152) must not be more than --memory (1048576)"},
        {{.swappiness = "101"}, "--memory-swappiness: 101 is out of range (-1 to 100)"},
        {{.oom_score_adj = "1001"}, "--oom-score-adj: 1001 is out of range (-1000 to 1000)"},
        {{.cpus = "two"}, "--cpus: 'two' is not a number of processors (such as 1.5)"},
        {{.cpus = "."}, "--cpus: '.' is not a number of processors (such as 1.5)"},
        {{.cpus = "1.2.3"}, "--cpus: '1.2.3' is not a number of processors (such as 1.5)"},
        {{.cpus = "-1"}, "--cpus: '-1' is not a number of processors (such as 1.5)"},
        {{.cpus = "0.001"}, "--cpus: 0.001 is out of range (0.01 to 100000)"},
        {{.cpus = "1", .cpu_quota = "1000"}, "--cpus and --cpu-quota cannot be set together"},
        {{.cpus = "1", .cpu_period = "1000"}, "--cpus and --cpu-period cannot be set together"},
        {{.cpu_period = "10"}, "--cpu-period: 10 is out of range (1000 to 1000000)"},
        {{.cpu_shares = "1"}, "--cpu-shares: 1 is out of range (2 to 262144)"},
        {{.cpuset_cpus = "0-"}, "--cpuset-cpus: '0-' is not a list such as 0-2,7"},
        {{.cpuset_cpus = "3-1"}, "--cpuset-cpus: '3-1' is not a list such as 0-2,7"},
        {{.cpuset_mems = "0,,1"}, "--cpuset-mems: '0,,1' is not a list such as 0-2,7"},
        {{.pids = "-2"}, "--pids-limit: -2 is out of range (1 to 4194304)"},
        {{.pids = "ten"}, "--pids-limit: 'ten' is not a number"},
        {{.blkio_weight = "5"}, "--blkio-weight: 5 is out of range (10 to 1000)"},
        {{.cgroupns = "x"}, "--cgroupns x: rctr knows \"private\" and \"host\""},
        {{.cgroups = "x"}, "--cgroups x: rctr knows enabled, disabled, no-conmon and split"},
        {{.limits = "x"}, "--limits x: rctr knows \"strict\" and \"best-effort\""},
        {{.parent = "a/../../b"}, "--cgroup-parent: 'a/../../b' is not the path of a cgroup"},
        {{.parent = ".."}, "--cgroup-parent: '..' is not the path of a cgroup"},
        {{.memory = "1m", .cgroups = "disabled"},
         "--memory needs a cgroup: it does not go with --cgroups disabled"},
        {{.conf = {conf, 1}}, "--cgroup-conf: 'memory.high' must look like memory.high=1073741824"},
        {{.conf = {own, 1}}, "--cgroup-conf: cgroup.procs is not a limit"},
        {{.conf = {path, 1}},
         "--cgroup-conf: '../memory.max=1' must look like memory.high=1073741824"},
        {{.conf = {other, 1}},
         "--cgroup-conf: 'hugetlb.2MB.max=1' must look like memory.high=1073741824"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct cgroup_ask a = {0};

        assert_true(cgroup_ask_parse(&cases[i].w, &a, &e) < 0);
        assert_string_equal(e.text, cases[i].text);
        cgroup_ask_free(&a);
    }
}

static void a_later_word_goes_over_an_earlier_one(void **state)
{
    struct cgroup_ask_words first = {.memory = "64m", .cpuset_cpus = "0", .pids = "7"};
    struct cgroup_ask_words second = {.memory = "-1", .cpuset_cpus = "1"};
    struct cgroup_ask a = {0};

    (void)state;
    ok(cgroup_ask_parse(&first, &a, &e));
    ok(cgroup_ask_parse(&second, &a, &e));
    assert_int_equal(a.memory, -1);
    assert_string_equal(a.cpus, "1");
    assert_int_equal(a.pids, 7);
    cgroup_ask_free(&a);
}

static void lists_become_bits(void **state)
{
    unsigned char bits[2] = {0};

    (void)state;
    ok(cgroup_ask_list_bits("0-1,3,8-9", bits, sizeof bits, &e));
    assert_int_equal(bits[0], 0x0b);
    assert_int_equal(bits[1], 0x03);
    assert_int_equal(cgroup_ask_list_bits("16", bits, sizeof bits, &e), -ERANGE);
    assert_string_equal(e.text, "'16': there is no number 16");
}

/* The ends of both scales, and docker's defaults near v2's. */
static void shares_become_weights(void **state)
{
    (void)state;
    assert_int_equal(cgroup_apply_cpu_weight(2), 1);
    assert_int_equal(cgroup_apply_cpu_weight(1024), 39);
    assert_int_equal(cgroup_apply_cpu_weight(262144), 10000);
    assert_int_equal(cgroup_apply_io_weight(10), 1);
    assert_int_equal(cgroup_apply_io_weight(1000), 10000);
}

static void limits_stand_in_config_json_as_oci_wants_them(void **state)
{
    const char *conf[] = {"memory.high=100"};
    struct cgroup_ask_words w = {.memory = "64m",
                                 .memory_swap = "-1",
                                 .cpus = "0.5",
                                 .cpuset_cpus = "0",
                                 .pids = "10",
                                 .swappiness = "0",
                                 .oom_score_adj = "-3",
                                 .parent = "app.slice",
                                 .limits = "best-effort",
                                 .cgroups = "enabled",
                                 .conf = {conf, 1}};
    autojson json_t *doc = json_pack("{s:{}, s:{}, s:{}}", "process", "linux", "rctr"),
                    *again = json_pack("{s:{}, s:{}, s:{}}", "process", "linux", "rctr");
    struct cgroup_ask a = {0}, b = {0};
    autofree char *text = NULL;

    (void)state;
    ok(cgroup_ask_parse(&w, &a, &e));
    ok(cgroup_json_add(&a, doc, &e));
    text = jsonx_dump(doc, 0);
    assert_string_equal(
        text,
        "{\"linux\":{\"resources\":{\"cpu\":{\"cpus\":\"0\",\"period\":100000,\"quota\":50000},"
        "\"memory\":{\"limit\":67108864,\"swap\":-1,\"swappiness\":0},\"pids\":{\"limit\":10},"
        "\"unified\":{\"memory.high\":\"100\"}}},\"process\":{\"oomScoreAdj\":-3},"
        "\"rctr\":{\"cgroup\":{\"best_effort\":true,\"mode\":\"enabled\",\"parent\":"
        "\"app.slice\"}}}");
    ok(cgroup_json_parse(doc, &b, &e));
    ok(cgroup_json_add(&b, again, &e));
    assert_true(json_equal(doc, again));
    cgroup_ask_free(&a);
    cgroup_ask_free(&b);
}

static int read_case(const char *folder, struct cgroup_ask *ret)
{
    size_t n;
    char *text = cases_read(folder, "input", &n);
    json_t *doc = NULL;
    int r;

    assert_non_null(text);
    ok(jsonx_parse(text, n, &doc, &e));
    r = cgroup_json_parse(doc, ret, &e);
    json_decref(doc);
    free(text);
    return r;
}

static void one_good(const char *folder)
{
    struct cgroup_ask a = {0};

    ok(read_case(folder, &a));
    cgroup_ask_free(&a);
}

static void one_bad(const char *folder)
{
    struct cgroup_ask a = {0};

    assert_int_equal(read_case(folder, &a), -EINVAL);
    assert_true(strlen(e.text) > 10);
    cgroup_ask_free(&a);
}

static void config_json_of_another_shape_is_refused(void **state)
{
    (void)state;
    cases_each("cgroup_json", "good", one_good);
    cases_each("cgroup_json", "bad", one_bad);
}

static void what_stands_in_for_a_cgroup_is_said(void **state)
{
    struct cgroup_ask a = {.memory = 1 << 20, .cpu_quota_us = 50000, .cpu_shares = 5};
    autotext struct text t = {0};

    (void)state;
    ok(cgroup_instead_say(&a, &t, &e));
    assert_string_equal(t.s, "no cgroup for this container's limits: --memory limits each process "
                             "alone, --cpus chooses whole processors, --cpu-shares cannot be had "
                             "and is left out");
}

/* Whatever this host has, it can be looked at. */
static void this_host_is_understood(void **state)
{
    autocgroup_host struct cgroup_host h = {0};
    struct cgroup_ask none = {0};
    struct cgroup_site site = {0};

    (void)state;
    ok(cgroup_host_load(&h, &e));
    assert_true(h.version == 2 ? h.own && h.own[0] == '/' : true);
    ok(cgroup_host_find(&h, &none, &site, &e));
    assert_int_equal(site.way, CGROUP_WAY_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_needs_nothing),
        cmocka_unit_test(every_limit_is_read),
        cmocka_unit_test(what_is_wrong_is_told_with_its_option),
        cmocka_unit_test(a_later_word_goes_over_an_earlier_one),
        cmocka_unit_test(lists_become_bits),
        cmocka_unit_test(shares_become_weights),
        cmocka_unit_test(limits_stand_in_config_json_as_oci_wants_them),
        cmocka_unit_test(config_json_of_another_shape_is_refused),
        cmocka_unit_test(what_stands_in_for_a_cgroup_is_said),
        cmocka_unit_test(this_host_is_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
