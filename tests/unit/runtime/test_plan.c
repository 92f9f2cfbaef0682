/* The plan is data: what is mounted where, and what the child will be told. */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include "core/base/auto.h"
#include "core/base/jsonx.h"
#include "core/runtime/caps.h"
#include "core/runtime/env.h"
#include "core/runtime/plan.h"
#include "tests/unit/base/folder.h"

static char root[] = "/", cwd[] = "/w", user[] = "1:2", hostname[] = "box";
static struct rootfs rootfs = {
    .driver = ROOTFS_FOLDER, .root_fd = -1, .upper_fd = -1, .work_fd = -1, .path = root};
static struct spec s;

static int setup(void **state)
{
    (void)state;
    s = (struct spec){
        .cwd = cwd,
        .user = user,
        .hostname = hostname,
        .net = SPEC_NET_NONE,
        .shm_bytes = 4096,
        .caps = CAPS_DEFAULT,
        .map = {.uid = {{{0, 1000, 1}, {1, 100000, 65536}}, 2},
                .gid = {{{0, 1000, 1}, {1, 100000, 65536}}, 2}},
    };
    return strv_add(&s.args, "prog", NULL);
}

static int teardown(void **state)
{
    (void)state;
    strv_free(&s.args);
    strv_free(&s.env);
    return 0;
}

static struct plan *make(void)
{
    struct plan *p = NULL;
    struct err e = {0};

    if (plan_make(&s, &rootfs, &p, &e) < 0)
        fail_msg("%s", e.text);
    return p;
}

/* The n-th act (from 0) with this target, or NULL. */
static const struct child_act *find(const struct mounts *m, const char *target, unsigned n)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->v[i].target, target) == 0 && n-- == 0)
            return &m->v[i];
    return NULL;
}

static void the_default_mounts_are_there_in_order(void **state)
{
    static const struct {
        const char *target;
        enum child_act_kind kind;
        const char *what; /* type or source */
    } want[] = {
        {"/proc", ACT_FS, "proc"},
        {"/dev", ACT_FS, "tmpfs"},
        {"/dev/null", ACT_BIND, "/dev/null"},
        {"/dev/zero", ACT_BIND, "/dev/zero"},
        {"/dev/full", ACT_BIND, "/dev/full"},
        {"/dev/random", ACT_BIND, "/dev/random"},
        {"/dev/urandom", ACT_BIND, "/dev/urandom"},
        {"/dev/tty", ACT_BIND, "/dev/tty"},
        {"/dev/ptmx", ACT_LINK, "pts/ptmx"},
        {"/dev/fd", ACT_LINK, "/proc/self/fd"},
        {"/dev/stdin", ACT_LINK, "/proc/self/fd/0"},
        {"/dev/stdout", ACT_LINK, "/proc/self/fd/1"},
        {"/dev/stderr", ACT_LINK, "/proc/self/fd/2"},
        {"/sys", ACT_FS, "sysfs"},
        {"/proc/kcore", ACT_MASK, NULL},
        {"/proc/sys", ACT_READONLY, NULL},
    };
    struct mounts m = {0};
    size_t at = 0;

    (void)state;
    assert_int_equal(mounts_list(&s, &m, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        const struct child_act *a = find(&m, want[i].target, 0);

        assert_non_null(a);
        assert_int_equal(a->kind, want[i].kind);
        if (want[i].what)
            assert_string_equal(a->type ? a->type : a->source, want[i].what);
        assert_true((size_t)(a - m.v) >= at);
        at = (size_t)(a - m.v);
    }
    for (size_t i = 0; i < m.n; i++) /* no file system of ours through a link of the image */
        if (m.v[i].kind == ACT_FS)
            assert_true(m.v[i].flags & ACT_F_NO_LINK);
    assert_true(find(&m, "/sys", 0)->mount_flags & MS_RDONLY);
    assert_string_equal(find(&m, "/dev/pts", 1)->data, "newinstance,ptmxmode=0666,mode=0620,gid=5");
    assert_string_equal(find(&m, "/dev/shm", 1)->data, "mode=1777,size=4096");
    mounts_free(&m);
}

static void a_shared_namespace_shows_the_hosts_files(void **state)
{
    struct mounts m = {0};

    (void)state;
    s.host_pid = s.host_ipc = s.privileged = true;
    s.net = SPEC_NET_HOST;
    s.map.gid.n = 1;
    assert_int_equal(mounts_list(&s, &m, NULL), 0);
    assert_int_equal(find(&m, "/proc", 0)->kind, ACT_BIND);
    assert_int_equal(find(&m, "/sys", 0)->kind, ACT_BIND);
    assert_false(find(&m, "/sys", 0)->flags & ACT_F_READONLY);
    assert_string_equal(find(&m, "/dev/shm", 1)->source, "/dev/shm");
    assert_string_equal(find(&m, "/dev/pts", 1)->data, "newinstance,ptmxmode=0666,mode=0620");
    assert_null(find(&m, "/proc/kcore", 0)); /* privileged: nothing is hidden */
    assert_null(find(&m, "/proc/sys", 0));
    mounts_free(&m);
}

static void volumes_come_after_the_defaults(void **state)
{
    char etc[] = "/etc", data[] = "/data", passwd[] = "/etc/passwd", tmp[] = "/t", dir[] = "/etc";
    struct volume_opt v[] = {
        {.source = etc,
         .destination = data,
         .flags = MS_RDONLY,
         .recursive = true,
         .propagation = MS_SLAVE | MS_REC},
        {.source = passwd, .destination = passwd},
        {.kind = VOLUME_OPT_TMPFS, .destination = tmp, .size_bytes = 10, .mode = 0700},
    };
    struct mounts m = {0};
    struct plan *p;

    (void)state;
    s.volumes = v;
    s.volume_count = 3;
    s.etc_dir = dir;
    assert_int_equal(mounts_list(&s, &m, NULL), 0);
    assert_string_equal(find(&m, "/etc/hosts", 0)->source, "/etc/hosts");
    assert_true(find(&m, "/data", 0) > find(&m, "/etc/resolv.conf", 0));
    assert_true(find(&m, "/data", 0)->flags == ACT_F_RECURSIVE);
    assert_true(find(&m, "/data", 0)->mount_flags == MS_RDONLY);
    assert_true(find(&m, "/data", 0)->propagation == MS_SLAVE);
    assert_true(find(&m, "/etc/passwd", 0)->flags == ACT_F_FILE);
    assert_string_equal(find(&m, "/t", 0)->data, "mode=700,size=10");
    assert_true(find(&m, "/proc/kcore", 0) > find(&m, "/t", 0)); /* masks cover volumes too */
    mounts_free(&m);
    p = make();
    assert_true(p->child.root_propagation == MS_SLAVE);
    plan_free(p);
}

static void what_cannot_be_mounted_is_told_beforehand(void **state)
{
    char none[] = "/nonexistent", at[] = "/x", file[] = "/etc/passwd";
    struct volume_opt v = {.source = none, .destination = at};
    struct volume_opt_device d = {.host = none, .container = at};
    struct mounts m = {0};
    struct err e;

    (void)state;
    s.volumes = &v;
    s.volume_count = 1;
    assert_int_equal(mounts_list(&s, &m, &e), -ENOENT);
    assert_string_equal(e.text, "cannot mount /nonexistent: No such file or directory");
    s.volume_count = 0;
    s.devices = &d;
    s.device_count = 1;
    assert_int_equal(mounts_list(&s, &m, &e), -ENOENT);
    assert_string_equal(e.text, "--device /nonexistent: No such file or directory");
    d.host = file;
    assert_int_equal(mounts_list(&s, &m, &e), -ENODEV);
    assert_string_equal(e.text, "--device /etc/passwd: it is not a device");
    assert_null(m.v);
}

static void programs_are_looked_for_in_path(void **state)
{
    static const struct {
        const char *program, *path, *want;
    } cases[] = {
        {"prog", "PATH=/a:/b", "/a/prog /b/prog"},
        {"/x/prog", "PATH=/a:/b", "/x/prog"},
        {"./prog", "PATH=/a", "./prog"},
        {"prog", "PATH=/a:", "/a/prog"},
        {"prog", "PATH=", "prog"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        autotext struct text t = {0};
        struct plan *p;

        strv_free(&s.args);
        assert_int_equal(strv_add(&s.args, cases[i].program, NULL), 0);
        assert_int_equal(strv_set_env(&s.env, cases[i].path, NULL), 0);
        p = make();
        for (size_t k = 0; k < p->paths.n; k++)
            text_addf(&t, "%s%s", k ? " " : "", p->paths.v[k]);
        assert_string_equal(t.s, cases[i].want);
        plan_free(p);
    }
}

static void without_path_the_usual_one_counts(void **state)
{
    struct plan *p = make();

    (void)state;
    assert_string_equal(p->paths.v[0], "/usr/local/sbin/prog");
    assert_int_equal(p->paths.n, 6);
    plan_free(p);
}

static void home_is_left_open_unless_it_is_given(void **state)
{
    struct plan *p = make();

    (void)state;
    assert_int_equal(p->child.env_home, 0);
    assert_string_equal(p->child.envp[0], "HOME=/");
    plan_free(p);
    assert_int_equal(strv_add(&s.env, "HOME=/mine", NULL), 0);
    p = make();
    assert_int_equal(p->child.env_home, -1);
    plan_free(p);
}

static void namespaces_follow_the_spec(void **state)
{
    struct plan *p = make();

    (void)state;
    assert_true(p->clone_flags == (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                                   CLONE_NEWUTS | CLONE_NEWNET));
    assert_ptr_equal(p->child.tap, &p->tap);
    assert_true(p->tap.loopback_only);
    assert_int_equal(p->tap.ping_gid_max, 65536);
    assert_true(p->child.has_root && p->child.set_groups);
    plan_free(p);
    s.host_pid = s.host_ipc = s.host_uts = true;
    s.net = SPEC_NET_HOST;
    s.map.single = true;
    s.map.uid.v[0].inside = 5;
    s.map.uid.n = 1;
    p = make();
    assert_true(p->clone_flags == (CLONE_NEWUSER | CLONE_NEWNS));
    assert_null(p->child.tap);
    assert_false(p->child.has_root);
    assert_int_equal(p->child.set_groups, geteuid() == 0);
    plan_free(p);
}

static void a_layered_root_is_named_by_descriptors_for_old_kernels(void **state)
{
    char up[] = "/u", work[] = "/wk", one[] = "/l1", two[] = "/l2", *lowers[] = {one, two};
    struct rootfs r = {.driver = ROOTFS_OVERLAY,
                       .upper = up,
                       .work = work,
                       .lowers = lowers,
                       .lower_count = 2,
                       .is_volatile = true};
    struct plan *p = NULL;
    char want[256];

    (void)state;
    s.read_only = true;
    assert_int_equal(plan_make(&s, &r, &p, NULL), 0);
    assert_int_equal(p->child.root.kind, CHILD_ROOT_OVERLAY);
    snprintf(want, sizeof want,
             "userxattr,lowerdir=/proc/self/fd/%d:/proc/self/fd/%d,upperdir=/proc/self/fd/%d,"
             "workdir=/proc/self/fd/%d,volatile",
             CHILD_FD_LOWER, CHILD_FD_LOWER + 1, CHILD_FD_UPPER, CHILD_FD_WORK);
    assert_string_equal(p->child.root.options, want);
    assert_true(p->child.root.read_only);
    plan_free(p);
}

static void working_folders_below_proc_are_refused(void **state)
{
    static char bad[][24] = {"/proc", "/proc/self/fd/3", "/proc/1/cwd"};
    struct plan *p = NULL;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        s.cwd = bad[i];
        assert_int_equal(plan_make(&s, &rootfs, &p, &e), -EINVAL);
        assert_non_null(strstr(e.text, "is below /proc: choose another with --workdir"));
    }
    assert_null(p);
    plan_free(NULL);
}

static void a_plan_can_be_read_by_people(void **state)
{
    struct plan *p = make();
    struct err e = {0};
    autofree char *text = plan_print(p, &e);
    autojson json_t *j = NULL;

    (void)state;
    assert_int_equal(jsonx_parse(text, strlen(text), &j, &e), 0);
    assert_string_equal(json_string_value(json_object_get(j, "network")), "none");
    assert_string_equal(json_string_value(json_object_get(j, "cwd")), "/w");
    assert_int_equal(json_array_size(json_object_get(j, "mounts")), p->child.act_count);
    assert_int_equal(json_array_size(json_object_get(j, "namespaces")), 7);
    assert_int_equal(json_array_size(json_object_get(j, "uidMap")), 2);
    plan_free(p);
}

int main(void)
{
#define plan_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        plan_test(the_default_mounts_are_there_in_order),
        plan_test(a_shared_namespace_shows_the_hosts_files),
        plan_test(volumes_come_after_the_defaults),
        plan_test(what_cannot_be_mounted_is_told_beforehand),
        plan_test(programs_are_looked_for_in_path),
        plan_test(without_path_the_usual_one_counts),
        plan_test(home_is_left_open_unless_it_is_given),
        plan_test(namespaces_follow_the_spec),
        plan_test(a_layered_root_is_named_by_descriptors_for_old_kernels),
        plan_test(working_folders_below_proc_are_refused),
        plan_test(a_plan_can_be_read_by_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
