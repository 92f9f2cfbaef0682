#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "core/base/auto.h"
#include "core/base/jsonx.h"
#include "core/runtime/caps.h"
#include "core/runtime/spec_json.h"
#include "tests/unit/unit.h"

static struct err e;

static void ok(int r)
{
    if (r < 0)
        fail_msg("%s", e.text);
}

/* One of everything. */
static void fill(struct spec *s)
{
    *s = (struct spec){.caps = CAPS_DEFAULT,
                       .no_new_privs = true,
                       .read_only = true,
                       .init = true,
                       .tty = true,
                       .stdin_open = true,
                       .shm_bytes = 1 << 20,
                       .host_ipc = true,
                       .net = SPEC_NET_SLIRP};
    ok(strv_add(&s->args, "sh", &e));
    ok(strv_add(&s->args, "a\xff\x01z", &e)); /* no UTF-8 */
    ok(strv_add(&s->env, "NAME=é", &e));
    ok(strv_add(&s->group_add, "audio", &e));
    s->cwd = strdup("/a b");
    s->user = strdup("www-data:users");
    s->hostname = strdup("box");
    slirp_config_default(&s->slirp);
    s->slirp.mtu = 1500;
    s->slirp.allow_host_loopback = true;
    s->volumes = calloc(3, sizeof *s->volumes);
    s->devices = calloc(1, sizeof *s->devices);
    ok(volume_opt_parse("/usr:/data:ro,rslave", &s->volumes[s->volume_count++], &e));
    ok(volume_opt_parse_tmpfs("/t:size=64k,mode=700", &s->volumes[s->volume_count++], &e));
    ok(volume_opt_parse("data:/v:nocopy,noexec", &s->volumes[s->volume_count], &e));
    s->volumes[s->volume_count].anonymous = true;
    s->volumes[s->volume_count++].source = strdup("/state/volumes/data/data");
    ok(volume_opt_parse_device("/dev/null:/dev/zilch", &s->devices[s->device_count++], &e));
    ok(limits_add_ulimit("nofile=10:20", &s->limits, &e));
    ok(limits_add_ulimit("core=-1", &s->limits, &e));
    s->sysctls = calloc(1, sizeof *s->sysctls);
    ok(limits_parse_sysctl("net.ipv4.ip_forward=1", &(struct limits_own){.net = true},
                           &s->sysctls[s->sysctl_count++], &e));
    s->map = (struct idmap){.uid = {{{0, 1000, 1}, {1, 100000, 65536}}, 2},
                            .gid = {{{0, 1000, 1}, {1, 200000, 65536}}, 2}};
}

static void what_was_written_is_read(void **state)
{
    struct spec a, b = {0};
    autojson json_t *j = NULL, *again = NULL;

    (void)state;
    fill(&a);
    ok(spec_json_format(&a, &j, &e));
    ok(spec_json_parse(j, -1, &b, &e));
    ok(spec_json_format(&b, &again, &e));
    assert_true(json_equal(j, again));
    assert_string_equal(b.args.v[1], "a\xff\x01z");
    assert_string_equal(b.user, "www-data:users");
    assert_int_equal(b.volumes[0].flags & MS_RDONLY, MS_RDONLY);
    assert_int_equal(b.volumes[0].propagation, MS_SLAVE | MS_REC);
    assert_int_equal(b.volumes[1].size_bytes, 65536);
    assert_int_equal(b.volumes[1].mode, 0700);
    assert_int_equal(b.volumes[2].kind, VOLUME_OPT_VOLUME);
    assert_string_equal(b.volumes[2].volume, "data");
    assert_string_equal(b.volumes[2].source, "/state/volumes/data/data");
    assert_true(b.volumes[2].anonymous && b.volumes[2].nocopy && b.volumes[2].recursive);
    assert_int_equal(b.limits.n, 2);
    assert_int_equal(b.limits.v[0].hard, 20);
    assert_true(b.limits.v[1].soft == RLIM_INFINITY);
    assert_int_equal(b.caps, CAPS_DEFAULT);
    assert_true(idmap_equal(&a.map, &b.map));
    assert_int_equal(b.slirp.mtu, 1500);
    assert_true(b.host_ipc && !b.host_pid && b.slirp.allow_host_loopback);
    assert_true(b.seccomp.len > 0); /* built again */
    spec_free(&a);
    spec_free(&b);
}

static void it_is_what_other_runtimes_read(void **state)
{
    struct spec a;
    autojson json_t *j = NULL;
    autofree char *text = NULL;

    (void)state;
    fill(&a);
    ok(spec_json_format(&a, &j, &e));
    text = jsonx_dump(json_object_get(json_object_get(j, "process"), "rlimits"), 0);
    assert_string_equal(text, "[{\"hard\":20,\"soft\":10,\"type\":\"RLIMIT_NOFILE\"},"
                              "{\"hard\":-1,\"soft\":-1,\"type\":\"RLIMIT_CORE\"}]");
    assert_string_equal(json_string_value(json_object_get(j, "ociVersion")), "1.0.2");
    spec_free(&a);
}

static void damaged_documents_are_refused_with_the_place(void **state)
{
    static const struct {
        const char *path, *key, *words;
    } cases[] = {
        {NULL, "process", "\"process\" is missing"},
        {"process", "args", "\"args\" or \"cwd\" is missing"},
        {NULL, "linux", "linux: it is missing"},
        {NULL, "rctr", "rctr: it is missing"},
        {"rctr", "network", "\"network\" is missing"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct spec a, b = {0};
        autojson json_t *j = NULL;

        fill(&a);
        ok(spec_json_format(&a, &j, &e));
        json_object_del(cases[i].path ? json_object_get(j, cases[i].path) : j, cases[i].key);
        assert_int_equal(spec_json_parse(j, -1, &b, &e), -EINVAL);
        if (!strstr(e.text, cases[i].words))
            fail_msg("%s", e.text);
        spec_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(it_is_what_other_runtimes_read),
        cmocka_unit_test(damaged_documents_are_refused_with_the_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
