/* Hosts that this one is not, as files; what can be tried is tried here. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/path.h"
#include "core/base/text.h"
#include "core/engine/doctor.h"
#include "tests/unit/unit.h"

static char root[64];

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/rctr-doctor.XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int drop_root(void **state)
{
    (void)state;
    return path_remove_tree(AT_FDCWD, root, NULL);
}

/* root/path with these words, and the folders to it. */
static void put(const char *path, const char *words)
{
    autofree char *whole = text_format("%s%s", root, path);
    autofd int at = open(root, O_PATH | O_CLOEXEC), folder = -1, fd = -1;
    autofree char *above = strndup(path, (size_t)(strrchr(path, '/') - path));

    assert_int_equal(path_mkdirs(at, above, 0755, &folder, NULL), 0);
    fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, words, strlen(words)), strlen(words));
}

static const struct doctor_finding *find(const struct doctor_findings *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->v[i].name, name) == 0)
            return &f->v[i];
    fail_msg("no finding %s", name);
    return NULL;
}

static void a_host_that_forbids_user_namespaces(void **state)
{
    static const struct {
        const char *file, *value, *cure;
        enum doctor_status status;
    } cases[] = {
        {"/proc/sys/kernel/unprivileged_userns_clone", "0\n", "kernel.unprivileged_userns_clone=1",
         DOCTOR_FAILING},
        {"/proc/sys/user/max_user_namespaces", "0\n", "user.max_user_namespaces=15000",
         DOCTOR_FAILING},
        {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n", "profile rctr /",
         DOCTOR_WARNING},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct doctor_findings f = {0};
        const struct doctor_finding *v;

        put(cases[i].file, cases[i].value);
        doctor_switches(root, &f);
        v = find(&f, "userns-switch");
        assert_int_equal(v->status, cases[i].status);
        assert_non_null(strstr(v->cure, cases[i].cure));
        assert_int_equal(f.n, 1);
        doctor_free(&f);
        put(cases[i].file, i == 2 ? "0\n" : "1\n");
        doctor_switches(root, &f);
        assert_int_equal(find(&f, "userns-switch")->status, DOCTOR_OK);
        doctor_free(&f);
    }
}

static void ranges_of_ids(void **state)
{
    static const struct {
        const char *subuid, *words;
        enum doctor_status status;
    } cases[] = {
        {"eve:100000:65536\n", "65536 ids in /etc/subuid", DOCTOR_OK},
        {"1000:100000:65536\n", "65536 ids in /etc/subuid", DOCTOR_OK},
        {"# eve\n\neve:1:40000\neve:50000:30000\n", "70000 ids", DOCTOR_OK},
        {"eve:100000:1000\n", "only 1000 ids in /etc/subuid", DOCTOR_WARNING},
        {"adam:100000:65536\n", "no range for eve in /etc/subuid", DOCTOR_WARNING},
        {"eve:ten:65536\neve:1:0\n", "no range for eve", DOCTOR_WARNING},
        {"adam:150000:65536\neve:100000:65536\n",
         "the range 100000-165535 overlaps with one of adam", DOCTOR_WARNING},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct doctor_findings f = {0};
        const struct doctor_finding *v;

        put("/etc/subuid", cases[i].subuid);
        doctor_ids(root, "eve", 1000, &f);
        v = find(&f, "subuid");
        assert_int_equal(v->status, cases[i].status);
        assert_non_null(strstr(v->text, cases[i].words));
        assert_int_equal(find(&f, "subgid")->status, DOCTOR_WARNING); /* there is no such file */
        doctor_free(&f);
    }
}

static void ping_and_low_ports(void **state)
{
    struct doctor_findings f = {0};

    (void)state;
    put("/proc/sys/net/ipv4/ping_group_range", "1\t0\n");
    put("/proc/sys/net/ipv4/ip_unprivileged_port_start", "1024\n");
    doctor_network(root, 1000, &f);
    assert_int_equal(find(&f, "ping")->status, DOCTOR_INFO);
    assert_int_equal(find(&f, "ports")->status, DOCTOR_INFO);
    assert_non_null(strstr(find(&f, "ports")->text, "ports below 1024"));
    doctor_free(&f);
    put("/proc/sys/net/ipv4/ping_group_range", "0\t2147483647\n");
    put("/proc/sys/net/ipv4/ip_unprivileged_port_start", "80\n");
    doctor_network(root, 1000, &f);
    assert_int_equal(find(&f, "ping")->status, DOCTOR_OK);
    assert_int_equal(find(&f, "ports")->status, DOCTOR_OK);
    doctor_free(&f);
}

static void lingering_matters_where_there_is_systemd(void **state)
{
    struct doctor_findings f = {0};

    (void)state;
    doctor_linger(root, "eve", &f);
    assert_int_equal(f.n, 0);
    put("/run/systemd/system/x", "");
    doctor_linger(root, "eve", &f);
    assert_int_equal(find(&f, "linger")->status, DOCTOR_INFO);
    assert_string_equal(find(&f, "linger")->cure, "loginctl enable-linger");
    doctor_free(&f);
    put("/var/lib/systemd/linger/eve", "");
    doctor_linger(root, "eve", &f);
    assert_int_equal(find(&f, "linger")->status, DOCTOR_OK);
    doctor_free(&f);
}

static void network_file_systems_have_names(void **state)
{
    (void)state;
    assert_string_equal(doctor_network_fs(0x6969), "NFS");
    assert_string_equal(doctor_network_fs((long)(int)0xff534d42), "CIFS"); /* a signed f_type */
    assert_string_equal(doctor_network_fs(0x0bd00bd0), "Lustre");
    assert_null(doctor_network_fs(0xef53)); /* ext4 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_host_that_forbids_user_namespaces, make_root, drop_root),
        cmocka_unit_test_setup_teardown(ranges_of_ids, make_root, drop_root),
        cmocka_unit_test_setup_teardown(ping_and_low_ports, make_root, drop_root),
        cmocka_unit_test_setup_teardown(lingering_matters_where_there_is_systemd, make_root,
                                        drop_root),
        cmocka_unit_test(network_file_systems_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
