/* Real containers of one static program, started and failed in every way the child reports. */
#include <errno.h>
#include <sched.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/proc.h"
#include "core/runtime/caps.h"
#include "core/runtime/env.h"
#include "core/runtime/parent.h"
#include "tests/unit/runtime/small_root.h"

/* Start it, end its input, gather its output; the status, or what went wrong. Releases spec. */
static int run(const struct parent_hooks *hooks, struct text *out, struct err *e)
{
    static const struct parent_hooks none;
    struct rootfs r = {.driver = ROOTFS_FOLDER, .root_fd = -1, .upper_fd = -1, .work_fd = -1};
    struct parent_running now;
    struct plan *p = NULL;
    int code, status = 0;

    r.path = root;
    code = plan_make(&spec, &r, &p, e);
    if (code == 0)
        code = parent_start(p, hooks ? hooks : &none, &now, e);
    if (code == 0) {
        close(take_fd(&now.stdio[0]));
        for (int i = 1; i < 3; i++) {
            char bytes[4096];
            ssize_t n;

            while ((n = read(now.stdio[i], bytes, sizeof bytes)) > 0)
                text_add_n(out, bytes, (size_t)n);
        }
        assert_int_equal(proc_wait(now.pid, &status, NULL), 0);
        parent_close(&now);
        code = proc_status(status);
    }
    assert_int_equal(text_check(out, NULL), 0);
    plan_free(p);
    spec_free(&spec);
    return code;
}

static void nothing_is_left(unsigned fds)
{
    assert_int_equal(folder_open_fds(), fds);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void a_program_runs_and_gives_its_status(void **state)
{
    static const struct {
        const char *script, *says;
        int status;
    } cases[] = {
        {"echo out; echo err >&2", "out\nerr\n", 0},
        {"exit 126", "", 126},
        {"exit 3", "", 3},
        {"kill -9 $$; echo alive", "alive\n", 0}, /* the kernel shields PID 1 from itself */
        {"hostname; pwd; id -u; echo $$ $HOME; cat", "box\n/\n0\n1 /\n", 0},
    };
    unsigned fds = folder_open_fds();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        autotext struct text out = {0};
        struct err e = {0};
        int r;

        set_up("sh", cases[i].script);
        r = run(NULL, &out, &e);
        if (r < 0)
            fail_msg("%s", e.text);
        assert_string_equal(out.s, cases[i].says);
        assert_int_equal(r, cases[i].status);
        nothing_is_left(fds);
    }
}

static void what_cannot_be_run_is_explained(void **state)
{
    static const struct {
        const char *program;
        int status;
        const char *words;
    } cases[] = {
        {"none", 127,
         "exec: \"none\": executable file not found in $PATH: No such file or directory"},
        {"/bin/none", 127,
         "exec: \"/bin/none\": executable file not found in the image: No such file or directory"},
        {"/bin/sh/x", 127,
         "exec: \"/bin/sh/x\": executable file not found in the image: No such file or directory"},
        {"noint", 127,
         "exec: \"noint\": the program is there, but its interpreter (the file after #!, or an ELF "
         "program's loader) is not in the image"},
        {"/bin/noint", 127,
         "exec: \"/bin/noint\": the program is there, but its interpreter (the file after #!, or "
         "an ELF program's loader) is not in the image"},
        {"badint", 126, "exec: \"badint\": Permission denied"},
        {"closed", 126, "exec: \"closed\": Permission denied"},
        {"/bin/closed", 126, "exec: \"/bin/closed\": Permission denied"},
        {"/bin/folder", 126, "exec: \"/bin/folder\": Permission denied"},
        {"data", 126,
         "exec: \"data\": exec format error: it is neither a program of this machine's kind nor a "
         "script that begins with #!"},
    };
    unsigned fds = folder_open_fds();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        autotext struct text out = {0};
        struct err e = {0};

        set_up(cases[i].program, NULL);
        assert_true(run(NULL, &out, &e) < 0);
        assert_string_equal(e.text, cases[i].words);
        assert_int_equal(e.status, cases[i].status);
        nothing_is_left(fds);
    }
}

static void an_image_with_links_or_files_for_folders_is_refused(void **state)
{
    static const struct {
        const char *name, *link, *words;
    } cases[] = {
        {"proc", "/etc",
         "the image has a symbolic link where /proc belongs: it is not used as a "
         "mount point"},
        {"sys", "bin",
         "the image has a symbolic link where /sys belongs: it is not used as a mount "
         "point"},
        {"dev", "../..",
         "the image has a symbolic link where /dev belongs: it is not used as a "
         "mount point"},
        {"proc", NULL, "the image has a file where the folder /proc belongs"},
        {"dev", NULL, "the image has a file where the folder /dev belongs"},
    };
    unsigned fds = folder_open_fds();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        autotext struct text out = {0};
        struct err e = {0};
        char name[32];

        snprintf(name, sizeof name, "root/%s", cases[i].name);
        assert_int_equal(path_remove_tree(folder, name, NULL), 0);
        if (cases[i].link)
            assert_int_equal(symlinkat(cases[i].link, folder, name), 0);
        else
            folder_put(name, "");
        set_up("sh", "echo no");
        assert_true(run(NULL, &out, &e) < 0);
        assert_string_equal(e.text, cases[i].words);
        nothing_is_left(fds);
        assert_int_equal(unlinkat(folder, name, 0), 0);
    }
}

static void working_folders_are_entered_made_or_refused(void **state)
{
    static const struct {
        const char *cwd, *words; /* of the failure, or what pwd says */
        bool good;
    } cases[] = {
        {"/made/on/the/way", "/made/on/the/way\n", true},
        {"/bin", "/bin\n", true},
        {"/etc/passwd", "cannot enter the working directory \"/etc/passwd\": Not a directory",
         false},
        {"/loop", "cannot enter the working directory \"/loop\": Too many levels of symbolic links",
         false},
        {"relative", "the working directory \"relative\" is not absolute", false},
        {"/proc/self/fd/3",
         "the working directory \"/proc/self/fd/3\" is below /proc: choose another with --workdir",
         false},
    };
    unsigned fds = folder_open_fds();

    (void)state;
    folder_put("root/etc/passwd", "root:x:0:0::/:/bin/sh\n");
    assert_int_equal(symlinkat("loop", folder, "root/loop"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        autotext struct text out = {0};
        struct err e = {0};
        int r;

        set_up("sh", "pwd");
        free(spec.cwd);
        spec.cwd = strdup(cases[i].cwd);
        r = run(NULL, &out, &e);
        assert_string_equal(cases[i].good ? out.s : e.text, cases[i].words);
        assert_int_equal(r >= 0, cases[i].good);
        nothing_is_left(fds);
    }
}

/* CVE-2024-21626: a link of the image to a descriptor that is open outside. */
static void a_link_into_proc_is_no_way_out(void **state)
{
    unsigned fds = folder_open_fds();
    char to[40];

    (void)state;
    snprintf(to, sizeof to, "/proc/self/fd/%d", folder);
    assert_int_equal(symlinkat(to, folder, "root/out"), 0);
    for (int below = 0; below < 2; below++) {
        autotext struct text out = {0};
        struct err e = {0};

        set_up("sh", "pwd");
        free(spec.cwd);
        spec.cwd = strdup(below ? "/out/root" : "/out");
        if (run(NULL, &out, &e) >= 0)
            fail_msg("it ran in %s", out.s);
        assert_non_null(strstr(e.text, "cannot enter the working directory \"/out"));
        nothing_is_left(fds);
    }
}

static int refuse(void *arg, pid_t init, struct err *e)
{
    (void)arg;
    assert_true(init > 0);
    return err_set(e, ENOSYS, "the caller has no library");
}

static void a_caller_that_fails_meanwhile_leaves_nothing(void **state)
{
    const struct parent_hooks hooks = {.meanwhile = refuse};
    autotext struct text out = {0};
    unsigned fds = folder_open_fds();
    struct err e;

    (void)state;
    set_up("sh", "echo no");
    assert_int_equal(run(&hooks, &out, &e), -ENOSYS);
    assert_string_equal(e.text, "the caller has no library");
    nothing_is_left(fds);
}

static void users_that_cannot_be_are_explained(void **state)
{
    autotext struct text out = {0};
    unsigned fds = folder_open_fds();
    struct err e = {0};

    (void)state;
    setenv("RCTR_SINGLE_UID", "1", 1);
    set_up("sh", "id -u");
    unsetenv("RCTR_SINGLE_UID");
    free(spec.user);
    spec.user = strdup("33");
    assert_true(run(NULL, &out, &e) < 0);
    if (geteuid() != 0) /* root may set groups on a map of its own */
        assert_string_equal(e.text,
                            "user \"33\" does not exist in a container with a single user id "
                            "(RCTR_SINGLE_UID=1 asks for it). Give a range of ids, or use --user 0 "
                            "or --userns keep-id");
    nothing_is_left(fds);
}

static void two_hundred_starts_leave_nothing(void **state)
{
    unsigned fds = folder_open_fds();

    (void)state;
    for (int i = 0; i < 200; i++) {
        autotext struct text out = {0};
        struct err e = {0};
        int r;

        set_up("busybox", NULL);
        assert_int_equal(strv_add(&spec.args, i % 2 ? "true" : "false", NULL), 0);
        r = run(NULL, &out, &e);
        if (r < 0)
            fail_msg("start %d: %s", i, e.text);
        assert_int_equal(r, i % 2 ? 0 : 1);
    }
    nothing_is_left(fds);
}

int main(void)
{
#define root_test(f) cmocka_unit_test_setup_teardown(f, make_root, folder_teardown)
    const struct CMUnitTest tests[] = {
        root_test(a_program_runs_and_gives_its_status),
        root_test(what_cannot_be_run_is_explained),
        root_test(an_image_with_links_or_files_for_folders_is_refused),
        root_test(working_folders_are_entered_made_or_refused),
        root_test(a_link_into_proc_is_no_way_out),
        root_test(a_caller_that_fails_meanwhile_leaves_nothing),
        root_test(users_that_cannot_be_are_explained),
        root_test(two_hundred_starts_leave_nothing),
    };

    if (!busybox_can_run())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
