/* One more program in a real container, and in every way in which it cannot be. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/runtime/enter.h"
#include "core/runtime/family.h"
#include "core/runtime/join.h"
#include "core/runtime/parent.h"
#include "tests/unit/runtime/small_root.h"

static struct parent_running box;
static struct proc_id box_id;

static void start_box(bool init)
{
    static const struct parent_hooks none;
    struct rootfs r = {.driver = ROOTFS_FOLDER, .root_fd = -1, .upper_fd = -1, .work_fd = -1};
    struct plan *p = NULL;
    struct err e;

    r.path = root;
    set_up("sh", "while :; do busybox sleep 1000; done");
    spec.init = init;
    assert_int_equal(plan_make(&spec, &r, &p, &e), 0);
    if (parent_start(p, &none, &box, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(proc_identify(box.pid, &box_id, &e), 0);
    plan_free(p);
    spec_free(&spec);
}

static void end_box(void)
{
    assert_int_equal(kill(box.pid, SIGKILL), 0);
    assert_int_equal(proc_wait(box.pid, &(int){0}, NULL), 0);
    parent_close(&box);
}

static struct enter_job job(void)
{
    return (struct enter_job){.spec = &spec, .init = &box_id, .stdio = {-1, -1, -1}};
}

/* Enter `program -c script`, gather its output: the status, or what went wrong. */
static int enter(const char *program, const char *script, const char *cwd, const char *user,
                 struct text *out, struct err *e)
{
    struct enter_job j = job();
    struct enter_running now;
    int p[2], r, status = 0;
    char bytes[4096];
    ssize_t n;

    set_up(program, script);
    if (cwd) {
        free(spec.cwd);
        spec.cwd = strdup(cwd);
    }
    if (user) {
        free(spec.user);
        spec.user = strdup(user);
    }
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    j.stdio[1] = j.stdio[2] = p[1];
    r = enter_start(&j, &now, e);
    close(p[1]);
    while (r == 0 && (n = read(p[0], bytes, sizeof bytes)) > 0)
        text_add_n(out, bytes, (size_t)n);
    close(p[0]);
    spec_free(&spec);
    if (r < 0)
        return r;
    assert_int_equal(proc_wait(now.pid, &status, NULL), 0);
    enter_close(&now);
    return proc_status(status);
}

static void says(const char *script, const char *words, int status)
{
    autotext struct text out = {0};
    struct err e = {0};
    int r = enter("sh", script, NULL, NULL, &out, &e);

    if (r < 0)
        fail_msg("%s", e.text);
    assert_int_equal(text_check(&out, NULL), 0);
    assert_string_equal(out.s, words);
    assert_int_equal(r, status);
}

static void fails(const char *program, const char *cwd, const char *user, const char *words,
                  int status)
{
    autotext struct text out = {0};
    struct err e = {0};

    assert_true(enter(program, NULL, cwd, user, &out, &e) < 0);
    if (!strstr(e.text, words))
        fail_msg("'%s' is not in: %s", words, e.text);
    assert_int_equal(e.status, status);
}

/* Processes with these words in their command line. */
static unsigned count_processes(const char *words)
{
    DIR *d = opendir("/proc");
    const struct dirent *ent;
    unsigned count = 0;

    while ((ent = readdir(d))) {
        char path[300], line[256] = "";
        int fd;

        snprintf(path, sizeof path, "/proc/%s/cmdline", ent->d_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        for (ssize_t i = 0, n = read(fd, line, sizeof line - 1); i + 1 < n; i++)
            line[i] = line[i] ? line[i] : ' ';
        close(fd);
        count += strstr(line, words) != NULL;
    }
    closedir(d);
    return count;
}

static void a_program_is_in_all_namespaces_of_the_container(void **state)
{
    unsigned fds;

    (void)state;
    start_box(false);
    fds = folder_open_fds();
    says("echo out; echo err >&2; exit 3", "out\nerr\n", 3);
    says("busybox hostname; pwd; busybox id -u; echo $HOME", "box\n/\n0\n/\n", 0);
    says("kill -9 $$", "", 137);
    says("for n in cgroup ipc mnt net pid user uts; do [ $(busybox readlink /proc/1/ns/$n) = "
         "$(busybox readlink /proc/self/ns/$n) ] || echo $n; done",
         "", 0);
    says("busybox ls /proc/self/fd | busybox wc -l", "4\n", 0); /* and the folder that ls reads */
    assert_int_equal(folder_open_fds(), fds);
    end_box();
}

static void so_it_is_where_the_kernel_joins_one_by_one(void **state)
{
    unsigned fds;

    (void)state;
    start_box(false);
    fds = folder_open_fds();
    join_forbid_pidfd(true);
    says("busybox hostname; echo $(busybox ls /proc | busybox grep -cx 1)", "box\n1\n", 0);
    join_forbid_pidfd(false);
    assert_int_equal(folder_open_fds(), fds);
    end_box();
}

static void a_container_with_our_own_init_lets_us_in(void **state)
{
    (void)state;
    start_box(true);
    says("busybox hostname", "box\n", 0);
    end_box();
}

static void what_cannot_be_run_is_explained(void **state)
{
    unsigned fds;

    (void)state;
    start_box(false);
    fds = folder_open_fds();
    fails("nosuch", NULL, NULL, "executable file not found in $PATH", 127);
    fails("/bin/folder", NULL, NULL, "Permission denied", 126);
    fails("/bin/data", NULL, NULL, "exec format error", 126);
    fails("sh", "/nosuch", NULL, "cannot enter the working directory \"/nosuch\"", 127);
    fails("sh", "/bin/data", NULL, "Not a directory", 127);
    fails("sh", "/proc/self/fd", NULL, "below /proc", 0);
    fails("sh", "/./proc", NULL, "below /proc", 126);
    fails("sh", NULL, "nosuch", "unable to find user nosuch", 0);
    assert_int_equal(folder_open_fds(), fds);
    end_box();
    fails("sh", NULL, NULL, "ended", 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void a_detached_one_is_the_containers_child(void **state)
{
    struct enter_job j = job();
    struct enter_running now;
    struct err e;

    (void)state;
    start_box(false);
    j.detach = true;
    set_up("sh", "echo $PPID >/tmp/parent; busybox sleep 54321");
    if (enter_start(&j, &now, &e) < 0)
        fail_msg("%s", e.text);
    spec_free(&spec);
    assert_int_equal(now.pid, 0);
    says("i=0; while [ ! -s /tmp/parent -a $i -lt 50 ]; do busybox sleep 0.1; i=$((i + 1)); done; "
         "busybox cat /tmp/parent",
         "1\n", 0);
    assert_int_equal(unlinkat(folder, "root/tmp/parent", 0), 0);
    end_box();
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing that we would have to wait for */
}

/* At moments when it is still being born, too. */
static void a_supervised_family_is_killed_to_the_last(void **state)
{
    struct enter_job j = job();
    char script[200], words[40];
    struct err e;

    (void)state;
    start_box(false);
    j.supervise = true;
    snprintf(words, sizeof words, "sleep 9%d", (int)getpid());
    snprintf(script, sizeof script,
             "busybox setsid sh -c 'busybox %s & busybox setsid busybox %s &'; busybox %s", words,
             words, words);
    for (int i = 0; i < 12; i++) {
        struct enter_running now;

        set_up("sh", script);
        if (enter_start(&j, &now, &e) < 0)
            fail_msg("%s", e.text);
        spec_free(&spec);
        usleep(i < 11 ? (unsigned)i * 500 : 300000);
        if (i == 11)
            assert_true(count_processes(words) >= 3);
        enter_kill(&now);
        assert_int_equal(proc_wait(now.pid, &(int){0}, NULL), 0);
        enter_close(&now);
        assert_int_equal(count_processes(words), 0);
    }
    end_box();
}

/* As when somebody in the container kills it first: its number may be anybody's. */
static void of_a_family_without_root_nobody_is_touched(void **state)
{
    pid_t other = fork(), ended;
    int pidfd, status;

    (void)state;
    if (other == 0) {
        if (fork() == 0)
            pause();
        (void)waitpid(-1, &status, 0); /* of a child that was killed, at once */
        _exit(1);
    }
    ended = fork();
    if (ended == 0)
        _exit(0);
    pidfd = proc_pidfd(ended);
    assert_int_equal(waitpid(ended, &status, 0), ended);
    if (pidfd >= 0)
        family_kill(other, pidfd);
    family_kill(other, -ESRCH);
    usleep(20000);
    assert_int_equal(waitpid(other, &status, WNOHANG | WUNTRACED), 0);
    family_kill(other, proc_pidfd(other));
    assert_int_equal(waitpid(other, &status, 0), other);
    close(pidfd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_is_in_all_namespaces_of_the_container),
        cmocka_unit_test(so_it_is_where_the_kernel_joins_one_by_one),
        cmocka_unit_test(a_container_with_our_own_init_lets_us_in),
        cmocka_unit_test(what_cannot_be_run_is_explained),
        cmocka_unit_test(a_detached_one_is_the_containers_child),
        cmocka_unit_test(a_supervised_family_is_killed_to_the_last),
        cmocka_unit_test(of_a_family_without_root_nobody_is_touched),
    };

    if (!busybox_can_run())
        return 77;
    return cmocka_run_group_tests(tests, make_root, folder_teardown);
}
