/* A function inside of containers: stopped ones of each driver, and a running one. */
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/walk.h"
#include "core/runtime/caps.h"
#include "core/runtime/inside.h"
#include "core/runtime/parent.h"
#include "tests/unit/base/folder.h"
#include "tests/unit/busybox.h"

static struct idmap map;
static struct rootfs fs;
static char paths[4][96];
static char *lowers[1];
static int lower_fds[1];
static char new[] = "new", mnt[] = "/mnt";
static char fuse_program[] = "/usr/bin/fuse-overlayfs";

/* lower/below, upper/above: one container of the driver. False where the host cannot. */
static bool make(enum rootfs_driver driver)
{
    static const char *const names[] = {"lower", "upper", "work", "volume"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_int_equal(mkdirat(folder, names[i], 0755), 0);
        snprintf(paths[i], sizeof paths[i], "%s/%s", folder_path, names[i]);
    }
    folder_put("lower/below", "b");
    folder_put("upper/above", "a");
    folder_put("volume/data", "d");
    lowers[0] = paths[0];
    lower_fds[0] = openat(folder, "lower", O_PATH | O_CLOEXEC);
    fs = (struct rootfs){.driver = driver, .root_fd = -1, .upper_fd = -1, .work_fd = -1};
    assert_int_equal(idmap_load(&map, NULL), 0);
    if (driver == ROOTFS_FOLDER) {
        fs.path = paths[1];
        return true;
    }
    fs.lowers = lowers;
    fs.lower_fds = lower_fds;
    fs.lower_count = 1;
    fs.upper = paths[1];
    fs.work = paths[2];
    fs.upper_fd = openat(folder, "upper", O_PATH | O_CLOEXEC);
    fs.work_fd = openat(folder, "work", O_PATH | O_CLOEXEC);
    fs.fuse_program = fuse_program;
    return driver != ROOTFS_FUSE ||
           (access(fuse_program, X_OK) == 0 && access("/dev/fuse", R_OK | W_OK) == 0);
}

static void end(void)
{
    close(lower_fds[0]);
    if (fs.upper_fd >= 0)
        close(fs.upper_fd);
    if (fs.work_fd >= 0)
        close(fs.work_fd);
}

static int there(int root, const char *name)
{
    struct stat st;

    return fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* above 1, below 2, in the volume 4, as root 8 */
static int look(int root, void *arg, struct err *e)
{
    (void)arg, (void)e;
    return (there(root, "above") ? 1 : 0) | (there(root, "below") ? 2 : 0) |
           (there(root, "mnt/data") ? 4 : 0) | (getuid() == 0 ? 8 : 0);
}

static int put_file(int root, void *arg, struct err *e)
{
    autofd int fd = openat(root, arg, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

    if (fd < 0 || write(fd, "x", 1) != 1)
        return err_sys(e, "cannot write '%s'", (char *)arg);
    return 0;
}

static void each_driver_shows_and_changes_a_stopped_root(void **state)
{
    const enum rootfs_driver drivers[] = {ROOTFS_OVERLAY, ROOTFS_FUSE, ROOTFS_FOLDER};
    struct volume_opt volume = {.kind = VOLUME_OPT_BIND, .destination = mnt};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
        struct inside_job job = {.rootfs = &fs, .map = &map};
        int want = drivers[i] == ROOTFS_FOLDER ? 9 : 11, r;
        struct stat st;
        struct err e = {0};

        assert_int_equal(folder_setup(NULL), 0);
        if (!make(drivers[i])) {
            print_message("no %s here\n", rootfs_driver_name(drivers[i]));
        } else {
            r = inside_run(&job, look, NULL, &e);
            if (r == -EINVAL && drivers[i] == ROOTFS_OVERLAY) { /* not on this file system */
                print_message("no overlay here: %s\n", e.text);
            } else {
                if (r < 0)
                    fail_msg("%s: %s", rootfs_driver_name(drivers[i]), e.text);
                assert_int_equal(r, want);
                job.read_only = true;
                assert_int_equal(inside_run(&job, look, NULL, &e), want);
                if (drivers[i] != ROOTFS_FOLDER)
                    assert_true(inside_run(&job, put_file, new, &e) < 0);
                job.read_only = false;
                assert_int_equal(inside_run(&job, put_file, new, &e), 0);
                assert_int_equal(fstatat(folder, "upper/new", &st, 0), 0);
                assert_int_equal(st.st_mode & 0777, 0666);
                volume.source = paths[3];
                job.volumes = &volume;
                job.volume_count = 1;
                assert_int_equal(inside_run(&job, look, NULL, &e), want + 4);
                job.root_only = true;
                assert_int_equal(inside_run(&job, look, NULL, &e), want);
            }
        }
        end();
        assert_int_equal(folder_teardown(NULL), 0);
    }
}

static int fail_it(int root, void *arg, struct err *e)
{
    (void)root, (void)arg;
    return err_set(e, EDOM, "it was not to be");
}

static int die(int root, void *arg, struct err *e)
{
    (void)root, (void)arg, (void)e;
    _exit(7);
}

static void failures_and_deaths_come_back(void **state)
{
    struct inside_job job = {.rootfs = &fs, .map = &map};
    struct proc_id gone = {.pid = 1 << 22, .boot = "none"};
    struct err e = {0};
    unsigned fds = folder_open_fds();

    (void)state;
    make(ROOTFS_FOLDER);
    assert_int_equal(inside_run(&job, fail_it, NULL, &e), -EDOM);
    assert_string_equal(e.text, "it was not to be");
    assert_int_equal(inside_run(&job, die, NULL, &e), -EPIPE);
    assert_non_null(strstr(e.text, "ended early (status 7)"));
    job.init = &gone;
    assert_int_equal(inside_run(&job, look, NULL, &e), -ESRCH);
    end();
    assert_int_equal(folder_open_fds(), fds);
}

/* ---- running ---- */

static void copy_busybox(void)
{
    autofd int from = open(BUSYBOX, O_RDONLY | O_CLOEXEC), to = -1;
    char buf[65536];
    ssize_t n;

    assert_int_equal(mkdirat(folder, "upper/bin", 0755), 0);
    to = openat(folder, "upper/bin/busybox", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    while ((n = read(from, buf, sizeof buf)) > 0)
        assert_int_equal(write(to, buf, (size_t)n), n);
}

static void start_sleep(struct spec *spec, bool init, struct parent_running *run)
{
    static const struct parent_hooks none;
    struct plan *p = NULL;
    struct err e = {0};

    *spec = (struct spec){.caps = CAPS_DEFAULT,
                          .no_new_privs = true,
                          .init = init,
                          .shm_bytes = 1 << 20,
                          .net = SPEC_NET_NONE,
                          .map = map};
    spec->cwd = strdup("/");
    spec->user = strdup("");
    spec->hostname = strdup("box");
    assert_int_equal(strv_add(&spec->args, "/bin/busybox", NULL), 0);
    assert_int_equal(strv_add(&spec->args, "sleep", NULL), 0);
    assert_int_equal(strv_add(&spec->args, "100", NULL), 0);
    if (plan_make(spec, &fs, &p, &e) < 0 || parent_start(p, &none, run, &e) < 0)
        fail_msg("%s", e.text);
    plan_free(p);
}

/* above 1, /proc 2, root's owner 8; nothing of the host leads out 16 */
static int look_running(int root, void *arg, struct err *e)
{
    autofd int out = walk_open(root, "../../etc/hostname", O_RDONLY, 0, WALK_IN_ROOT);

    (void)arg, (void)e;
    return (there(root, "above") ? 1 : 0) | (there(root, "proc/uptime") ? 2 : 0) |
           (getuid() == 0 ? 8 : 0) | (out < 0 ? 16 : 0);
}

static void a_running_container_is_joined(void **state)
{
    struct parent_running run;
    struct proc_id init;
    struct inside_job job = {.init = &init};
    struct spec spec;
    struct err e = {0};

    (void)state;
    make(ROOTFS_FOLDER);
    copy_busybox();
    for (int with_init = 0; with_init < 2; with_init++) {
        start_sleep(&spec, with_init, &run);
        assert_int_equal(proc_identify(run.pid, &init, NULL), 0);
        job.root_only = false;
        if (inside_run(&job, look_running, NULL, &e) != 27)
            fail_msg("init %d: %s", with_init, e.text);
        job.root_only = true;
        if (inside_run(&job, look_running, NULL, &e) != 25)
            fail_msg("init %d: %s", with_init, e.text);
        assert_int_equal(inside_run(&job, put_file, new, &e), 0);
        assert_true(there(folder, "upper/new"));
        kill(run.pid, SIGKILL);
        assert_int_equal(proc_wait(run.pid, &(int){0}, NULL), 0);
        parent_close(&run);
        spec_free(&spec);
        assert_int_equal(inside_run(&job, look_running, NULL, &e), -ESRCH);
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_driver_shows_and_changes_a_stopped_root),
        folder_test(failures_and_deaths_come_back),
        folder_test(a_running_container_is_joined),
    };

    if (!busybox_can_run())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
