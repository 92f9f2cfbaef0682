#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/engine/request.h"
#include "tests/unit/unit.h"

static const struct idmap base = {
    .uid = {{{0, 1000, 1}, {1, 100000, 65536}}, 2},
    .gid = {{{0, 1000, 1}, {1, 100000, 65536}}, 2},
};

static struct container_request q;
static struct spec s;
static struct origin origin;
static struct err e;

static int setup(void **state)
{
    (void)state;
    q = (struct container_request){0};
    s = (struct spec){0};
    memset(&e, 'x', sizeof e); /* nobody promises an empty one */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    spec_free(&s);
    definition_origin_free(&origin);
    return 0;
}

static void ok(int r)
{
    if (r < 0)
        fail_msg("%s", e.text);
}

static struct opt_list list(const char **v, size_t n)
{
    return (struct opt_list){.v = v, .n = n};
}
#define LIST(...) list((const char *[]){__VA_ARGS__}, ARRAY_SIZE(((const char *[]){__VA_ARGS__})))

static void namespaces_are_our_own_unless_said_otherwise(void **state)
{
    (void)state;
    ok(request_namespaces(&q, &base, &s, &e));
    assert_int_equal(s.net, SPEC_NET_SLIRP);
    assert_false(s.host_pid || s.host_ipc || s.host_uts);
    assert_true(idmap_equal(&s.map, &base));
    q.pid = q.ipc = q.uts = "host";
    q.net = "host";
    q.userns = "keep-id:uid=5,gid=6";
    ok(request_namespaces(&q, &base, &s, &e));
    assert_true(s.host_pid && s.host_ipc && s.host_uts);
    assert_int_equal(s.net, SPEC_NET_HOST);
    assert_int_equal(s.map.uid.v[0].inside, 5);
    assert_int_equal(s.map.gid.v[0].inside, 6);
}

static void options_of_slirp_are_read(void **state)
{
    (void)state;
    q.net = "slirp4netns:mtu=1500,cidr=10.1.2.0/24,enable_ipv6=true,allow_host_loopback=1";
    ok(request_namespaces(&q, &base, &s, &e));
    assert_int_equal(s.slirp.mtu, 1500);
    assert_int_equal(s.slirp.net4.prefix, 24);
    assert_true(s.slirp.ipv6 && s.slirp.allow_host_loopback);
}

static void wrong_namespaces_are_told(void **state)
{
    static const struct {
        const char *net, *userns, *pid, *words;
    } cases[] = {
        {.net = "bridge", .words = "--network bridge: this rctr has slirp, none and host"},
        {.net = "mynet", .words = "network mynet not found: this rctr has slirp, none and host"},
        {.net = "slirp:ipv6=1", .words = "--network slirp: 'ipv6' is not an option"},
        {.net = "slirp:mtu", .words = "--network slirp: 'mtu' is not an option"},
        {.net = "slirp:mtu=70000", .words = "--network slirp: mtu: '70000' is too large"},
        {.net = "slirp:enable_ipv6=si", .words = "--network slirp: 'si' is neither true nor false"},
        {.net = "slirp:allow_host_loopback=",
         .words = "--network slirp: '' is neither true nor false"},
        {.net = "slirp:cidr=10.0.0.0", .words = "--network slirp: "},
        {.net = "hosts", .words = "network hosts not found"},
        {.userns = "keep-idx", .words = "--userns keep-idx: rctr knows keep-id"},
        {.userns = "keep-id:uid=x", .words = "--userns keep-id:uid=x: 'x' is not a number"},
        {.userns = "keep-id:uid=4294967295",
         .words = "--userns keep-id:uid=4294967295: '4294967295' is too large"},
        {.userns = "keep-id:user=1",
         .words = "--userns keep-id:user=1: keep-id takes uid=N and gid=N, not 'user=1'"},
        {.userns = "keep-id:uid", .words = "--userns keep-id:uid: keep-id takes uid=N and gid=N"},
        {.userns = "auto", .words = "--userns auto: rctr knows keep-id"},
        {.pid = "container:x", .words = "--pid container:x: rctr knows \"private\" and \"host\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        q = (struct container_request){
            .net = cases[i].net, .userns = cases[i].userns, .pid = cases[i].pid};
        setup(NULL);
        q.net = cases[i].net;
        q.userns = cases[i].userns;
        q.pid = cases[i].pid;
        if (request_namespaces(&q, &base, &s, &e) >= 0)
            fail_msg("accepted, but: %s", cases[i].words);
        if (strncmp(e.text, cases[i].words, strlen(cases[i].words)) != 0)
            fail_msg("'%s' is not '%s'", e.text, cases[i].words);
    }
    setup(NULL);
    q.uts = "host";
    q.hostname = "box";
    assert_int_equal(request_namespaces(&q, &base, &s, &e), -EINVAL);
    assert_string_equal(e.text, "--hostname cannot be set together with --uts host");
}

/* The rules of ENTRYPOINT and CMD: Docker's Dockerfile reference, "Understand how CMD and
 * ENTRYPOINT interact", and what --entrypoint and operands replace. */
static void entrypoint_and_command_are_put_together(void **state)
{
    static const struct {
        const char *entry, *args, *want; /* entry NULL: not given */
    } cases[] = {
        {NULL, NULL, "entry -e cmd -c"},
        {NULL, "arg", "entry -e arg"},
        {"", "arg", "arg"},
        {"/bin/x", NULL, "/bin/x"},
        {"/bin/x", "arg", "/bin/x arg"},
        {"[\"a b\",\"c\"]", "arg", "a b c arg"},
    };
    struct image_config c = {.user = strdup("u"), .working_dir = strdup("/w")};

    (void)state;
    for (int i = 0; i < 2; i++) {
        ok(strv_add(&c.entrypoint, i ? "-e" : "entry", &e));
        ok(strv_add(&c.cmd, i ? "-c" : "cmd", &e));
    }
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        autotext struct text t = {0};

        setup(NULL);
        q.entrypoint = cases[i].entry;
        q.entrypoint_given = cases[i].entry != NULL;
        q.args = &cases[i].args;
        q.arg_count = cases[i].args ? 1 : 0;
        ok(request_program(&q, &c, &s, &origin, &e));
        for (size_t k = 0; k < s.args.n; k++)
            text_addf(&t, "%s%s", k ? " " : "", s.args.v[k]);
        assert_string_equal(t.s, cases[i].want);
        assert_string_equal(s.user, "u");
        assert_string_equal(s.cwd, "/w");
        spec_free(&s);
        definition_origin_free(&origin);
    }
    strv_free(&c.entrypoint);
    strv_free(&c.cmd);
    free(c.user);
    free(c.working_dir);
}

static void no_program_at_all_is_told(void **state)
{
    static const struct {
        const char *entry, *words;
    } cases[] = {
        {NULL, "no command or entrypoint provided, and no CMD or ENTRYPOINT from image"},
        {"", "no command or entrypoint provided, and no CMD or ENTRYPOINT from image"},
        {"[]", "no command or entrypoint provided, and no CMD or ENTRYPOINT from image"},
        {"[\"\"]", "no command or entrypoint provided, and no CMD or ENTRYPOINT from image"},
        {"[1]", "\"--entrypoint\" is not an array of strings"},
        {"[", "--entrypoint: not valid JSON: "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        setup(NULL);
        q.entrypoint = cases[i].entry;
        q.entrypoint_given = cases[i].entry != NULL;
        assert_int_equal(request_program(&q, NULL, &s, &origin, &e), -EINVAL);
        assert_int_equal(strncmp(e.text, cases[i].words, strlen(cases[i].words)), 0);
        spec_free(&s);
        definition_origin_free(&origin);
    }
}

static void keep_id_decides_who_runs_unless_a_user_is_given(void **state)
{
    const char *args[] = {"x"};

    (void)state;
    q.userns = "keep-id:uid=5,gid=6";
    q.args = args;
    q.arg_count = 1;
    ok(request_namespaces(&q, &base, &s, &e));
    ok(request_program(&q, NULL, &s, &origin, &e));
    assert_string_equal(s.user, "5:6");
    assert_string_equal(s.cwd, "/");
    spec_free(&s);
    definition_origin_free(&origin);
    q.user = "root";
    ok(request_program(&q, NULL, &s, &origin, &e));
    assert_string_equal(s.user, "root");
}

static void one_place_takes_one_mount(void **state)
{
    (void)state;
    q.volume = LIST("/etc:/a", "/usr:/b");
    q.tmpfs = LIST("/c");
    ok(request_files(&q, &s, &e));
    assert_int_equal(s.volume_count, 3);
    spec_free(&s);
    q.tmpfs = LIST("/b");
    assert_int_equal(request_files(&q, &s, &e), -EEXIST);
    assert_string_equal(e.text, "/b: duplicate mount destination");
    spec_free(&s);
    q.tmpfs = LIST("relative");
    assert_true(request_files(&q, &s, &e) < 0);
    assert_int_equal(strncmp(e.text, "--tmpfs: ", 9), 0);
}

static void security_is_strict_unless_it_is_loosened(void **state)
{
    (void)state;
    q.security_opt = LIST("seccomp=unconfined");
    ok(request_security(&q, NULL, &s, &e));
    assert_true(s.no_new_privs);
    assert_int_equal(s.seccomp.len, 0);
    assert_false(s.caps == 0);
    q.security_opt = LIST("no-new-privileges=false", "label=disable", "apparmor=unconfined");
    ok(request_security(&q, NULL, &s, &e));
    assert_false(s.no_new_privs);
    assert_true(s.seccomp.len > 0); /* the default filter */
    spec_free(&s);
    q.security_opt = LIST("no-new-privileges");
    q.privileged = true;
    ok(request_security(&q, NULL, &s, &e));
    assert_true(s.no_new_privs);
    assert_int_equal(s.seccomp.len, 0);
}

static void what_rctr_cannot_enforce_is_refused(void **state)
{
    static const struct {
        const char *option, *words;
    } cases[] = {
        {"apparmor=myprofile", "--security-opt apparmor=myprofile: rctr cannot apply AppArmor"},
        {"label=type:x", "--security-opt label=type:x: rctr cannot apply AppArmor"},
        {"no-new-privileges=maybe",
         "--security-opt no-new-privileges=maybe: 'maybe' is neither true nor false"},
        {"seccomp", "--security-opt seccomp: rctr knows seccomp=FILE|unconfined"},
        {"mask=/proc", "--security-opt mask=/proc: rctr knows"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        setup(NULL);
        q.security_opt = LIST(cases[i].option);
        assert_true(request_security(&q, NULL, &s, &e) < 0);
        if (strncmp(e.text, cases[i].words, strlen(cases[i].words)) != 0)
            fail_msg("%s", e.text);
        spec_free(&s);
        definition_origin_free(&origin);
    }
}

static void limits_are_read_and_named(void **state)
{
    (void)state;
    q.ulimit = LIST("core=0", "nofile=10:20");
    q.sysctl = LIST("net.ipv4.ip_forward=1");
    q.shm_size = "1m";
    ok(request_limits(&q, &s, &e));
    assert_int_equal(s.limits.n, 2);
    assert_string_equal(s.sysctls[0].path, "net/ipv4/ip_forward");
    assert_int_equal(s.shm_bytes, 1 << 20);
    spec_free(&s);
    s.net = SPEC_NET_HOST;
    assert_int_equal(request_limits(&q, &s, &e), -EINVAL);
    assert_int_equal(strncmp(e.text, "--sysctl: sysctl 'net.ipv4.ip_forward=1' is not allowed", 55),
                     0);
    spec_free(&s);
    q.ulimit = LIST("x=1");
    assert_int_equal(request_limits(&q, &s, &e), -EINVAL);
    assert_int_equal(strncmp(e.text, "--ulimit: ulimit 'x=1'", 22), 0);
    spec_free(&s);
    q.ulimit = q.sysctl = (struct opt_list){0};
    q.shm_size = "0";
    assert_int_equal(request_limits(&q, &s, &e), -EINVAL);
    assert_int_equal(strncmp(e.text, "--shm-size: shm size '0'", 24), 0);
}

static void labels_of_the_user_win(void **state)
{
    struct image_config c = {.labels = json_pack("{s:s, s:s}", "a", "image", "b", "image")};
    struct record r = {.labels = json_object(), .annotations = json_object()};

    (void)state;
    q.label = LIST("b=user", "c", "d==");
    q.annotation = LIST("x=y");
    ok(request_labels(&q, &c, &r, &e));
    assert_string_equal(json_string_value(json_object_get(r.labels, "a")), "image");
    assert_string_equal(json_string_value(json_object_get(r.labels, "b")), "user");
    assert_string_equal(json_string_value(json_object_get(r.labels, "c")), "");
    assert_string_equal(json_string_value(json_object_get(r.labels, "d")), "=");
    assert_string_equal(json_string_value(json_object_get(r.annotations, "x")), "y");
    q.label = LIST("=x");
    assert_int_equal(request_labels(&q, NULL, &r, &e), -EINVAL);
    assert_string_equal(e.text, "--label =x: the name before '=' is missing");
    q.label = LIST("k=\xff");
    assert_int_equal(request_labels(&q, NULL, &r, &e), -EINVAL);
    assert_string_equal(e.text, "--label: 'k' is not valid UTF-8");
    json_decref(r.labels);
    json_decref(r.annotations);
    json_decref(c.labels);
}

static void health_is_the_images_with_our_words_over_it(void **state)
{
    struct image_config config = {.health = {.interval_ns = 5000000000LL, .retries = 7}};
    struct policy p = {0};

    (void)state;
    ok(strv_add(&config.health.test, "CMD", &e));
    ok(strv_add(&config.health.test, "ask", &e));
    ok(request_health(&q, &config, &p, &e));
    assert_string_equal(p.health.test.v[1], "ask");
    assert_int_equal(p.health.interval_ns, 5000000000LL);
    assert_int_equal(p.health.timeout_ns, 30000000000LL);
    assert_int_equal(p.health.start_period_ns, 0);
    assert_int_equal(p.health.start_interval_ns, 5000000000LL);
    assert_int_equal(p.health.retries, 7);
    policy_free(&p);

    p = (struct policy){0};
    q.health = (struct health_request){
        .cmd = "ask me", .interval = "1m30s", .retries = "2", .on_failure = "stop"};
    ok(request_health(&q, &config, &p, &e));
    assert_int_equal(p.health.test.n, 2);
    assert_string_equal(p.health.test.v[0], "CMD-SHELL");
    assert_string_equal(p.health.test.v[1], "ask me");
    assert_int_equal(p.health.interval_ns, 90000000000LL);
    assert_int_equal(p.health.retries, 2);
    assert_int_equal(p.unhealthy, POLICY_UNHEALTHY_STOP);
    policy_free(&p);

    p = (struct policy){0};
    q.health = (struct health_request){.none = true};
    ok(request_health(&q, &config, &p, &e));
    assert_string_equal(p.health.test.v[0], "NONE");
    policy_free(&p);
    strv_free(&config.health.test);
}

int main(void)
{
#define request_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        request_test(namespaces_are_our_own_unless_said_otherwise),
        request_test(options_of_slirp_are_read),
        request_test(wrong_namespaces_are_told),
        request_test(entrypoint_and_command_are_put_together),
        request_test(no_program_at_all_is_told),
        request_test(keep_id_decides_who_runs_unless_a_user_is_given),
        request_test(one_place_takes_one_mount),
        request_test(security_is_strict_unless_it_is_loosened),
        request_test(what_rctr_cannot_enforce_is_refused),
        request_test(limits_are_read_and_named),
        request_test(labels_of_the_user_win),
        cmocka_unit_test_setup_teardown(health_is_the_images_with_our_words_over_it, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
