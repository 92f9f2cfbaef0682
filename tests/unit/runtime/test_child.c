/* Containers are really started here, from a folder with a static busybox, and looked at from the
 * inside: what a hostile image tries between clone and exec, and what the program finds. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/path.h"
#include "core/base/proc.h"
#include "core/runtime/caps.h"
#include "core/runtime/env.h"
#include "core/runtime/parent.h"
#include "core/runtime/seccomp.h"
#include "tests/unit/busybox.h"
#include "tests/unit/unit.h"

/* A host folder with the image's root, and one that the image must not reach. */
struct box {
    char path[64], root[80], secret[80];
    int secret_fd; /* open while the container starts, as the store's folders are */
};

static void put(const char *folder, const char *name, const char *bytes, mode_t mode)
{
    char path[256];
    int fd;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
    close(fd);
}

static void copy_busybox(const char *folder)
{
    char command[512];

    snprintf(command, sizeof command, "cp %s %s/busybox", BUSYBOX, folder);
    assert_int_equal(system(command), 0);
}

static int make_box(void **state)
{
    static const char *const folders[] = {"root", "root/bin", "root/etc", "root/tmp", "secret"};
    struct box *b = calloc(1, sizeof *b);
    char path[256];

    snprintf(b->path, sizeof b->path, "/tmp/rctr-test-child.XXXXXX");
    assert_non_null(mkdtemp(b->path));
    assert_int_equal(chmod(b->path, 0755), 0);
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        snprintf(path, sizeof path, "%s/%s", b->path, folders[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    snprintf(b->root, sizeof b->root, "%s/root", b->path);
    snprintf(b->secret, sizeof b->secret, "%s/secret", b->path);
    snprintf(path, sizeof path, "%s/bin", b->root);
    copy_busybox(path);
    assert_int_equal(symlinkat("busybox", open(path, O_PATH | O_CLOEXEC), "sh"), 0);
    put(b->root, "etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n",
        0644);
    put(b->root, "etc/group", "root:x:0:\naudio:x:29:app\napp:x:1001:\n", 0644);
    b->secret_fd = open(b->secret, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(b->secret_fd >= 0);
    *state = b;
    return 0;
}

static int remove_box(void **state)
{
    struct box *b = *state;
    int r;

    close(b->secret_fd);
    r = path_remove_tree(AT_FDCWD, b->path, NULL);
    free(b);
    return r;
}

struct run {
    const char *cwd, *user, *program, *script, *volume, *etc_dir;
};

static void fill_spec(const struct run *q, struct spec *s)
{
    struct err e = {0};

    assert_int_equal(idmap_load(&s->map, &e), 0);
    s->cwd = strdup(q->cwd ? q->cwd : "/");
    s->user = strdup(q->user ? q->user : "");
    s->hostname = strdup("box");
    strv_add(&s->args, q->program ? q->program : "/bin/sh", NULL);
    if (q->script) {
        strv_add(&s->args, "-c", NULL);
        strv_add(&s->args, q->script, NULL);
    }
    strv_add(&s->env, "PATH=" ENV_PATH, NULL);
    if (q->volume) {
        s->volumes = calloc(1, sizeof *s->volumes);
        if (volume_opt_parse(q->volume, s->volumes, &e) < 0)
            fail_msg("%s", e.text);
        s->volume_count = 1;
    }
    s->etc_dir = q->etc_dir ? strdup(q->etc_dir) : NULL;
    s->caps = CAPS_DEFAULT;
    s->no_new_privs = true;
    s->shm_bytes = 1 << 20;
    s->net = SPEC_NET_NONE;
    assert_int_equal(seccomp_default(s->caps, &s->seccomp, &e), 0);
}

/* All that the program writes to standard output and error; negative errno when it never ran. */
static int run(const struct box *b, const struct run *q, struct text *out, struct err *e)
{
    struct rootfs r = {.driver = ROOTFS_FOLDER, .root_fd = -1, .upper_fd = -1, .work_fd = -1};
    const struct parent_hooks hooks = {0};
    struct parent_running running;
    struct spec s = {0};
    struct plan *p = NULL;
    int code, status = 0;

    r.path = strdup(b->root);
    fill_spec(q, &s);
    code = plan_make(&s, &r, &p, e);
    if (code == 0)
        code = parent_start(p, &hooks, &running, e);
    for (int i = 1; i < 3 && code == 0; i++) {
        char bytes[4096];
        ssize_t n;

        while ((n = read(running.stdio[i], bytes, sizeof bytes)) > 0)
            text_add_n(out, bytes, (size_t)n);
    }
    if (code == 0) {
        assert_int_equal(proc_wait(running.pid, &status, NULL), 0);
        parent_close(&running);
        code = proc_status(status);
    }
    text_check(out, NULL);
    plan_free(p);
    spec_free(&s);
    free(r.path);
    return code;
}

static void runs(const struct box *b, const struct run *q, const char *want)
{
    autotext struct text out = {0};
    struct err e = {0};
    int r = run(b, q, &out, &e);

    if (r < 0)
        fail_msg("%s", e.text);
    assert_string_equal(out.s, want);
    assert_int_equal(r, 0);
}

static void is_refused(const struct box *b, const struct run *q, const char *want)
{
    autotext struct text out = {0};
    struct err e = {0};

    assert_true(run(b, q, &out, &e) < 0);
    assert_string_equal(e.text, want);
}

static void link_in(const struct box *b, const char *to, const char *at)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", b->root, at);
    (void)unlink(path);
    assert_int_equal(symlink(to, path), 0);
}

static void secret_is_untouched(const struct box *b)
{
    struct stat st;

    assert_int_equal(fstat(b->secret_fd, &st), 0);
    assert_int_equal(st.st_nlink, 2); /* no folder was made in it */
    assert_int_equal(faccessat(b->secret_fd, "x", F_OK, 0), -1);
}

static void a_workdir_through_an_open_descriptor_reaches_nothing(void **state)
{
    const struct box *b = *state;
    char link[64];
    struct run q = {.cwd = "/w/x/y", .script = "true"};

    snprintf(link, sizeof link, "/proc/self/fd/%d", b->secret_fd);
    link_in(b, link, "w");
    is_refused(b, &q, "cannot enter the working directory \"/w/x/y\": No such file or directory");
    q.cwd = "/w";
    is_refused(b, &q, "cannot enter the working directory \"/w\": No such file or directory");
    secret_is_untouched(b);
}

static void a_program_through_an_open_descriptor_is_not_found(void **state)
{
    const struct box *b = *state;
    char program[64];
    struct run q = {.program = program};
    autotext struct text out = {0};
    struct err e = {0};

    copy_busybox(b->secret);
    snprintf(program, sizeof program, "/proc/self/fd/%d/../secret/busybox", b->secret_fd);
    assert_int_equal(run(b, &q, &out, &e), -ENOENT);
    assert_int_equal(e.status, 127);
    assert_non_null(strstr(e.text, "executable file not found"));
}

static void root_has_the_default_capabilities_and_a_filter(void **state)
{
    struct run q = {.script = "busybox grep -E '^(Cap|NoNewPrivs|Seccomp:)' "
                              "/proc/self/status | busybox tr -s '\\t ' ' '"};

    runs(*state, &q,
         "CapInh: 0000000000000000\nCapPrm: 00000000800405fb\n"
         "CapEff: 00000000800405fb\nCapBnd: 00000000800405fb\nCapAmb: 0000000000000000\n"
         "NoNewPrivs: 1\nSeccomp: 2\n");
}

static void another_user_has_none_and_exactly_the_images_groups(void **state)
{
    struct run q = {.user = "app",
                    .script = "busybox id; echo $HOME; busybox grep -E '^Cap(Inh|Prm|Eff|Amb)' "
                              "/proc/self/status | busybox tr -s '\\t ' ' '"};
    struct idmap map;

    assert_int_equal(idmap_load(&map, NULL), 0);
    if (map.single) {
        print_message("skipped: %s\n", map.why);
        skip();
    }
    runs(*state, &q,
         "uid=1000(app) gid=1001(app) groups=29(audio),1001(app)\n/home/app\nCapInh: "
         "0000000000000000\n"
         "CapPrm: 0000000000000000\nCapEff: 0000000000000000\nCapAmb: 0000000000000000\n");
}

static void only_the_standard_streams_are_open(void **state)
{
    struct run q = {.script = "busybox ls /proc/1/fd; true"};

    runs(*state, &q, "0\n1\n2\n");
}

static void links_for_proc_sys_and_dev_are_refused(void **state)
{
    static const char *const names[] = {"proc", "dev", "sys"};
    const struct box *b = *state;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct run q = {.script = "true"};
        char want[160], path[256];

        link_in(b, "/tmp", names[i]);
        snprintf(want, sizeof want,
                 "the image has a symbolic link where /%s belongs: it is not used as a mount point",
                 names[i]);
        is_refused(b, &q, want);
        snprintf(path, sizeof path, "%s/%s", b->root, names[i]);
        assert_int_equal(unlink(path), 0);
    }
}

static void a_volume_through_a_link_into_proc_is_refused(void **state)
{
    const struct box *b = *state;
    char volume[160];
    struct run q = {.script = "true", .volume = volume};

    snprintf(volume, sizeof volume, "%s:/vol", b->secret);
    link_in(b, "/proc/sys", "vol");
    is_refused(b, &q,
               "the image has a symbolic link at /vol that leads into /proc: nothing is mounted "
               "there");
    link_in(b, "/proc", "vol");
    is_refused(b, &q,
               "the image has a symbolic link at /vol that leads into /proc: nothing is mounted "
               "there");
}

static void files_of_etc_follow_links_inside_the_root_only(void **state)
{
    static const char *const links[] = {"../run/systemd/resolve/stub-resolv.conf", "/run/x",
                                        "../../../../../../../../tmp/a/b"};
    const struct box *b = *state;
    struct run q = {.script = "busybox cat /etc/resolv.conf", .etc_dir = b->path};
    char want[256];

    put(b->path, "hosts", "h\n", 0644);
    put(b->path, "hostname", "n\n", 0644);
    put(b->path, "resolv.conf", "nameserver 10.0.2.3\n", 0644);
    for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
        link_in(b, links[i], "etc/resolv.conf");
        runs(b, &q, "nameserver 10.0.2.3\n");
    }
    assert_int_equal(access("/tmp/a/b", F_OK), -1);
    link_in(b, "resolv.conf", "etc/resolv.conf");
    snprintf(want, sizeof want,
             "cannot mount %s/resolv.conf on /etc/resolv.conf: Too many levels of symbolic links",
             b->path);
    is_refused(b, &q, want);
}

static void a_volume_on_passwd_decides_who_the_user_is(void **state)
{
    const struct box *b = *state;
    char volume[160];
    struct run q = {.user = "app", .script = "busybox id -u", .volume = volume};
    struct idmap map;

    assert_int_equal(idmap_load(&map, NULL), 0);
    if (map.single) {
        print_message("skipped: %s\n", map.why);
        skip();
    }
    put(b->path, "passwd", "app:x:2000:2000::/:\n", 0644);
    snprintf(volume, sizeof volume, "%s/passwd:/etc/passwd", b->path);
    for (int i = 0; i < 20; i++) /* it was a race once */
        runs(b, &q, "2000\n");
}

static void a_fifo_as_passwd_holds_nobody(void **state)
{
    const struct box *b = *state;
    struct run q = {.user = "app", .script = "true"};
    char path[256];

    snprintf(path, sizeof path, "%s/etc/passwd", b->root);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0644), 0);
    is_refused(b, &q, "the image's /etc/passwd is not a regular file");
}

int main(void)
{
#define BOX_TEST(f) cmocka_unit_test_setup_teardown(f, make_box, remove_box)
    const struct CMUnitTest tests[] = {
        BOX_TEST(a_workdir_through_an_open_descriptor_reaches_nothing),
        BOX_TEST(a_program_through_an_open_descriptor_is_not_found),
        BOX_TEST(root_has_the_default_capabilities_and_a_filter),
        BOX_TEST(another_user_has_none_and_exactly_the_images_groups),
        BOX_TEST(only_the_standard_streams_are_open),
        BOX_TEST(links_for_proc_sys_and_dev_are_refused),
        BOX_TEST(a_volume_through_a_link_into_proc_is_refused),
        BOX_TEST(files_of_etc_follow_links_inside_the_root_only),
        BOX_TEST(a_volume_on_passwd_decides_who_the_user_is),
        BOX_TEST(a_fifo_as_passwd_holds_nobody),
    };

    if (!busybox_can_run())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
