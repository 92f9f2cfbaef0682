#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/proc.h"
#include "tests/unit/base/folder.h"

static pid_t sleeper(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        pause();
        _exit(0);
    }
    return pid;
}

static void end(pid_t pid)
{
    int status;

    kill(pid, SIGKILL);
    assert_int_equal(proc_wait(pid, &status, NULL), 0);
    assert_int_equal(proc_status(status), 128 + SIGKILL);
}

static void a_process_is_told_from_a_later_one(void **state)
{
    pid_t pid = sleeper();
    struct proc_id id, other;
    struct err e;
    int fd = -1;

    (void)state;
    assert_int_equal(proc_identify(pid, &id, NULL), 0);
    assert_int_equal(id.pid, pid);
    assert_int_equal(strlen(id.boot), 36);
    assert_true(id.start > 0);
    assert_true(proc_alive(&id));
    other = id;
    other.start++; /* the same number, another process */
    assert_false(proc_alive(&other));
    assert_int_equal(proc_open(&other, &fd, &e), -ESRCH);
    other = id;
    other.boot[0] ^= 1; /* before a reboot */
    assert_false(proc_alive(&other));
    assert_int_equal(proc_open(&id, &fd, NULL), 0);
    assert_int_equal(proc_signal(fd, pid, 0), 0);
    end(pid);
    assert_int_equal(proc_signal(fd, pid, 0), -ESRCH);
    close(fd);
    assert_false(proc_alive(&id));
    assert_int_equal(proc_open(&id, &fd, &e), -ESRCH);
    assert_non_null(strstr(e.text, "process "));
    assert_int_equal(proc_identify(pid, &id, &e), -ENOENT);
    assert_false(proc_alive(&(struct proc_id){0}));
}

/* Field 2 of /proc/PID/stat is whatever the program calls itself. */
static void a_name_with_brackets_and_spaces_confuses_nobody(void **state)
{
    struct proc_id before, after;
    char old[16];

    (void)state;
    assert_int_equal(proc_identify(getpid(), &before, NULL), 0);
    assert_int_equal(prctl(PR_GET_NAME, old), 0);
    assert_int_equal(prctl(PR_SET_NAME, "a) R 1 2 3 (b"), 0);
    assert_int_equal(proc_identify(getpid(), &after, NULL), 0);
    assert_int_equal(prctl(PR_SET_NAME, old), 0);
    assert_true(before.start == after.start);
}

static int run_helper(const char *script, struct err *e)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    struct proc_helper h;
    int r = proc_helper_start(argv, &h, e);

    return r < 0 ? r : proc_helper_finish(&h, e);
}

static void a_helper_says_why_it_failed(void **state)
{
    unsigned before = folder_open_fds();
    struct err e;

    (void)state;
    assert_int_equal(run_helper("exit 0", &e), 0);
    assert_int_equal(run_helper("echo not you >&2; echo; exit 3", &e), -EIO);
    assert_string_equal(e.text, "not you (status 3)");
    assert_int_equal(run_helper("kill -9 $$", &e), -EIO);
    assert_string_equal(e.text, "it failed without a word (status 137)");
    assert_int_equal(folder_open_fds(), before);
}

static void a_helper_that_does_not_exist_is_named(void **state)
{
    const char *const argv[] = {"/nonexistent/helper", NULL};
    unsigned before = folder_open_fds();
    struct proc_helper h;
    struct err e;

    (void)state;
    assert_int_equal(proc_helper_start(argv, &h, &e), -ENOENT);
    assert_string_equal(e.text, "cannot run /nonexistent/helper: No such file or directory");
    assert_int_equal(folder_open_fds(), before);
}

static void a_talkative_helper_is_heard_to_its_end(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(run_helper("i=0; while [ $i -lt 20000 ]; do echo $i warning; i=$((i+1)); done "
                                ">&2; exit 0",
                                &e),
                     0);
    assert_int_equal(run_helper("i=0; while [ $i -lt 20000 ]; do echo $i warning; i=$((i+1)); done "
                                ">&2; exit 4",
                                &e),
                     -EIO);
    assert_int_equal(strncmp(e.text, "0 warning 1 warning ", 20), 0);
}

static void a_helper_gets_a_bare_environment(void **state)
{
    struct err e;

    (void)state;
    setenv("LD_PRELOAD_OF_THE_TEST", "x", 1);
    assert_int_equal(run_helper("test -z \"$LD_PRELOAD_OF_THE_TEST\" && test \"$LC_ALL\" = C && "
                                "test \"$PATH\" = /usr/sbin:/usr/bin:/sbin:/bin && test ! -t 0 && "
                                "test -z \"$(cat)\"",
                                &e),
                     0);
    unsetenv("LD_PRELOAD_OF_THE_TEST");
}

static void statuses_are_as_a_shell_sees_them(void **state)
{
    struct err e;
    int status;

    (void)state;
    assert_int_equal(proc_status(W_EXITCODE(5, 0)), 5);
    assert_int_equal(proc_status(W_EXITCODE(0, SIGTERM)), 143);
    assert_int_equal(proc_wait(getpid(), &status, &e), -ECHILD);
    assert_non_null(strstr(e.text, "cannot wait for process "));
}

/* Its number may be anybody's. */
static void one_that_had_ended_is_not_signalled_by_its_number(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0) {
        pause();
        _exit(0);
    }
    assert_int_equal(proc_signal(-ESRCH, pid, SIGKILL), -ESRCH);
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    assert_int_equal(proc_signal(-ENOSYS, pid, SIGTERM), 0); /* no pidfds there */
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void there_is_a_processor(void **state)
{
    (void)state;
    assert_true(proc_cpus() >= 1);
    assert_int_equal(proc_cpus() <= sysconf(_SC_NPROCESSORS_CONF), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_is_told_from_a_later_one),
        cmocka_unit_test(a_name_with_brackets_and_spaces_confuses_nobody),
        cmocka_unit_test(a_helper_says_why_it_failed),
        cmocka_unit_test(a_helper_that_does_not_exist_is_named),
        cmocka_unit_test(a_talkative_helper_is_heard_to_its_end),
        cmocka_unit_test(a_helper_gets_a_bare_environment),
        cmocka_unit_test(statuses_are_as_a_shell_sees_them),
        cmocka_unit_test(one_that_had_ended_is_not_signalled_by_its_number),
        cmocka_unit_test(there_is_a_processor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
