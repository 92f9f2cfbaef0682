#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/userns.h"
#include "tests/unit/base/folder.h"

static struct idmap map;

/* The whole group runs with the user's own map, and again with a single user. */
static int own_map(void **state)
{
    (void)state;
    unsetenv("RCTR_SINGLE_UID");
    return idmap_load(&map, NULL);
}

static int single_map(void **state)
{
    (void)state;
    setenv("RCTR_SINGLE_UID", "1", 1);
    return idmap_load(&map, NULL);
}

static int give_back(void *arg, struct err *e)
{
    int r = *(int *)arg;

    return r < 0 ? err_set(e, -r, "it went wrong inside: %d", -r) : r;
}

static void results_and_errors_come_back(void **state)
{
    int good = 42, bad = -ENOTSUP;
    struct err e = {.text = "untouched"};
    unsigned before = folder_open_fds();

    (void)state;
    assert_int_equal(userns_run(&map, give_back, &good, &e), 42);
    assert_string_equal(e.text, "untouched");
    assert_int_equal(userns_run(&map, give_back, &bad, &e), -ENOTSUP);
    assert_string_equal(e.text, "it went wrong inside: 95");
    assert_int_equal(e.code, ENOTSUP);
    assert_int_equal(userns_run(&map, give_back, &bad, NULL), -ENOTSUP);
    assert_int_equal(folder_open_fds(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static int look_around(void *arg, struct err *e)
{
    (void)arg;
    if (getuid() != 0 || geteuid() != 0 || getgid() != 0)
        return err_set(e, EPERM, "not root inside");
    if (mount("tmpfs", "/tmp", "tmpfs", 0, "size=64k") < 0)
        return err_sys(e, "cannot mount");
    return mkdir("/tmp/only-inside", 0700) < 0 ? err_sys(e, "cannot write") : 0;
}

static void the_child_is_root_with_mounts_of_its_own(void **state)
{
    struct err e = {0};

    (void)state;
    if (userns_run(&map, look_around, NULL, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(access("/tmp/only-inside", F_OK), -1);
}

static int own_a_file(void *arg, struct err *e)
{
    (void)arg;
    if (fchownat(folder, "f", 7, 8, 0) < 0)
        return err_sys(e, "cannot give the file away");
    return 0;
}

static void files_of_the_range_can_be_given_and_removed(void **state)
{
    struct err e = {0};
    struct stat st;
    unsigned uid, gid;

    (void)state;
    folder_put("f", "x");
    if (map.single) {
        assert_int_equal(userns_run(&map, own_a_file, NULL, &e), -EINVAL);
        assert_string_equal(e.text, "cannot give the file away: Invalid argument");
        return;
    }
    if (userns_run(&map, own_a_file, NULL, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(fstatat(folder, "f", &st, 0), 0);
    assert_int_equal(idmap_outside(&map.uid, 7, &uid), 0);
    assert_int_equal(idmap_outside(&map.gid, 8, &gid), 0);
    assert_int_equal(st.st_uid, uid);
    assert_int_equal(st.st_gid, gid);
}

static int kill_self(void *arg, struct err *e)
{
    (void)arg, (void)e;
    kill(getpid(), SIGKILL); /* not caught by a sanitizer */
    pause();
    return 0;
}

static int leave(void *arg, struct err *e)
{
    (void)arg, (void)e;
    _exit(9);
}

static void a_child_that_ends_early_is_told(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(userns_run(&map, kill_self, NULL, &e), -EPIPE);
    assert_string_equal(e.text, "the child in the user namespace ended early (signal 9)");
    assert_int_equal(userns_run(&map, leave, NULL, &e), -EPIPE);
    assert_string_equal(e.text, "the child in the user namespace ended early (status 9)");
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static int run_program(void *arg, struct err *e)
{
    char sh[] = "sh", c[] = "-c", *const argv[] = {sh, c, arg, NULL};

    execv("/bin/sh", argv);
    return err_sys(e, "cannot run /bin/sh");
}

static void a_program_gives_its_status(void **state)
{
    struct err e = {0};
    int bad = -ENOENT;
    char exits[] = "exit 33", dies[] = "kill -9 $$";
    unsigned before = folder_open_fds();

    (void)state;
    assert_int_equal(userns_exec(&map, run_program, exits, &e), 33);
    assert_int_equal(userns_exec(&map, run_program, dies, &e), 128 + 9);
    assert_int_equal(userns_exec(&map, give_back, &bad, &e), -ENOENT);
    assert_string_equal(e.text, "it went wrong inside: 2");
    assert_int_equal(folder_open_fds(), before);
}

static void a_map_that_is_not_ours_is_refused(void **state)
{
    struct idmap foreign = {.uid = {{{0, 1, 1}}, 1}, .gid = {{{0, 1, 1}}, 1}, .direct = true};
    unsigned before = folder_open_fds();
    int zero = 0;
    struct err e;

    (void)state;
    if (geteuid() == 0)
        skip(); /* root may map whom it wants */
    assert_true(userns_run(&foreign, give_back, &zero, &e) < 0);
    assert_non_null(strstr(e.text, "user namespace: cannot write /proc/"));
    assert_int_equal(folder_open_fds(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void what_forbids_namespaces_is_explained(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(userns_explain(ENOSPC, &e), -ENOSPC);
    assert_non_null(strstr(e.text, "cure, as root: sysctl "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_and_errors_come_back),
        cmocka_unit_test(the_child_is_root_with_mounts_of_its_own),
        folder_test(files_of_the_range_can_be_given_and_removed),
        cmocka_unit_test(a_child_that_ends_early_is_told),
        cmocka_unit_test(a_program_gives_its_status),
        cmocka_unit_test(a_map_that_is_not_ours_is_refused),
        cmocka_unit_test(what_forbids_namespaces_is_explained),
    };
    int r = cmocka_run_group_tests_name("own map", tests, own_map, NULL);

    return r + cmocka_run_group_tests_name("single uid", tests, single_map, NULL);
}
