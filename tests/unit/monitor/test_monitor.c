/* A monitor with a real container, and clients that behave and that do not. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/proc.h"
#include "core/monitor/monitor.h"
#include "core/monitor/wire.h"
#include "tests/unit/base/folder.h"
#include "tests/unit/busybox.h"

static struct store store;
static struct record record;
static struct spec spec;
static char root[80];

static int setup(void **state)
{
    autofd int from = open(BUSYBOX, O_RDONLY | O_CLOEXEC), to = -1;
    char buf[65536], state_path[96];
    ssize_t n;

    if (folder_setup(state) < 0 || mkdirat(folder, "root", 0755) < 0)
        return -1;
    snprintf(root, sizeof root, "%s/root", folder_path);
    to = openat(folder, "root/sh", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    while (to >= 0 && (n = read(from, buf, sizeof buf)) > 0)
        if (write(to, buf, (size_t)n) != n)
            return -1;
    snprintf(state_path, sizeof state_path, "%s/state", folder_path);
    setenv("RCTR_STATE", state_path, 1);
    return store_open(&store, NULL) < 0 || record_init(&record, NULL) < 0 ||
                   record_new(&store, "c", &record, NULL) < 0
               ? -1
               : 0;
}

static int teardown(void **state)
{
    record_free(&record);
    store_close(&store);
    spec_free(&spec);
    return folder_teardown(state);
}

/* Start "/sh -c script" beside a monitor; the client's socket. */
static struct policy policy;
static bool hold;

static int start(const char *program, const char *script)
{
    static struct rootfs r;
    static struct monitor_job job;
    struct err e = {0};
    int client = -1;

    r = (struct rootfs){
        .driver = ROOTFS_FOLDER, .root_fd = -1, .upper_fd = -1, .work_fd = -1, .path = root};
    spec = (struct spec){
        .no_new_privs = true, .shm_bytes = 4096, .net = SPEC_NET_NONE, .stdin_open = true};
    assert_int_equal(idmap_load(&spec.map, &e), 0);
    spec.cwd = strdup("/");
    spec.user = strdup("0");
    assert_int_equal(strv_add(&spec.args, program, NULL), 0);
    assert_int_equal(strv_add(&spec.args, "-c", NULL), 0);
    assert_int_equal(strv_add(&spec.args, script, NULL), 0);
    job = (struct monitor_job){.store = &store,
                               .record = &record,
                               .spec = &spec,
                               .policy = &policy,
                               .rootfs = &r,
                               .hold = hold};
    if (monitor_start(&job, &client, &e) < 0)
        fail_msg("%s", e.text);
    return client;
}

static ssize_t next(int sock, enum wire_kind *kind, char buf[WIRE_DATA_MAX])
{
    struct pollfd p = {.fd = sock, .events = POLLIN};

    assert_int_equal(poll(&p, 1, 30000), 1);
    return wire_recv(sock, kind, buf, WIRE_DATA_MAX);
}

static void runs(int sock)
{
    static char buf[WIRE_DATA_MAX];
    enum wire_kind kind = 0;

    if (next(sock, &kind, buf) < 0 || kind != WIRE_RUNNING)
        fail_msg("%.500s", kind == WIRE_FAILED ? buf + offsetof(struct err, text) : "no word");
}

/* All output until the end; the exit status. */
static int hear(int sock, struct text *out)
{
    static char buf[WIRE_DATA_MAX];
    enum wire_kind kind = 0;
    struct wire_exit x;
    ssize_t n;

    while ((n = next(sock, &kind, buf)) >= 0 && kind != WIRE_EXIT)
        if (kind == WIRE_STDOUT)
            text_add_n(out, buf, (size_t)n);
    assert_int_equal(n, sizeof x);
    memcpy(&x, buf, sizeof x);
    assert_string_equal(x.why.text, "");
    assert_int_equal(text_check(out, NULL), 0);
    return x.status;
}

/* The monitor is our child; when it is gone, the record tells how the container ended. */
static void ended_with(int status)
{
    struct record now = {.dir_fd = -1};

    assert_true(waitpid(-1, NULL, 0) > 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(record_load(&store, record.id, &now, NULL), 0);
    assert_int_equal(now.state, RECORD_EXITED);
    if (now.exit_code != status)
        fail_msg("it ended with %d: %s", now.exit_code, now.error ? now.error : "no reason");
    record_free(&now);
}

static void output_and_status_come_back(void **state)
{
    int sock = start("/sh", "echo hello; exit 3");
    autotext struct text out = {0};

    (void)state;
    runs(sock);
    assert_int_equal(hear(sock, &out), 3);
    assert_string_equal(out.s, "hello\n");
    close(sock);
    ended_with(3);
}

static void input_is_answered_and_arrives_whole(void **state)
{
    int sock = start("/sh", "while read x; do echo got $x; done; exit 5");
    autotext struct text out = {0};
    static char buf[WIRE_DATA_MAX];
    enum wire_kind kind = 0;

    (void)state;
    runs(sock);
    assert_int_equal(wire_send(sock, WIRE_STDIN, "one\ntw", 6, 1), 0);
    assert_true(next(sock, &kind, buf) >= 0);
    assert_int_equal(kind, WIRE_TAKEN);
    assert_int_equal(wire_send(sock, WIRE_STDIN, "o\n", 2, 1), 0);
    assert_int_equal(wire_send(sock, WIRE_STDIN_END, NULL, 0, 1), 0);
    assert_int_equal(hear(sock, &out), 5);
    assert_string_equal(out.s, "got one\ngot two\n");
    close(sock);
    ended_with(5);
}

static void a_client_that_vanishes_does_not_end_the_container(void **state)
{
    int sock = start("/sh", "i=0; while [ $i -lt 20000 ]; do echo some more output of line $i; "
                            "i=$((i+1)); done; exit 7");

    (void)state;
    runs(sock);
    close(sock);
    ended_with(7);
}

static void a_client_that_does_not_read_makes_the_container_wait(void **state)
{
    int sock = start("/sh", "i=0; while [ $i -lt 30000 ]; do echo some more output of line $i; "
                            "i=$((i+1)); done; exit 8");
    autotext struct text out = {0};

    (void)state;
    runs(sock);
    usleep(100000); /* only gives it the time to fill what can be filled */
    assert_int_equal(hear(sock, &out), 8);
    assert_non_null(strstr(out.s, "some more output of line 29999\n"));
    close(sock);
    ended_with(8);
}

static void a_client_that_breaks_the_window_is_let_go(void **state)
{
    static char big[WIRE_DATA_MAX];
    int sock = start("/sh", "sleep 0.3; exit 9");
    enum wire_kind kind = 0;
    ssize_t n;

    (void)state;
    runs(sock);
    for (int i = 0; i < 2 * WIRE_WINDOW + 4; i++)
        if (wire_send(sock, WIRE_STDIN, big, sizeof big, 1) < 0)
            break;
    while ((n = next(sock, &kind, big)) >= 0)
        assert_int_not_equal(kind, WIRE_EXIT);
    assert_int_equal(n, -EPIPE);
    close(sock);
    ended_with(9);
}

static void signals_reach_the_program(void **state)
{
    int sock = start("/sh", "trap 'exit 44' TERM; echo ready; while :; do sleep 0.05; done");
    autotext struct text out = {0};
    static char buf[WIRE_DATA_MAX];
    enum wire_kind kind = 0;
    int signo = SIGTERM;

    (void)state;
    runs(sock);
    assert_int_equal(next(sock, &kind, buf), 6);
    assert_int_equal(wire_send(sock, WIRE_SIGNAL, &signo, sizeof signo, 1), 0);
    assert_int_equal(hear(sock, &out), 44);
    close(sock);
    ended_with(44);
}

static void a_container_that_never_ran_leaves_no_record(void **state)
{
    int sock = start("/none", "");
    static char buf[WIRE_DATA_MAX];
    struct record now = {.dir_fd = -1};
    enum wire_kind kind = 0;
    struct err e;

    (void)state;
    assert_int_equal(next(sock, &kind, buf), sizeof e);
    assert_int_equal(kind, WIRE_FAILED);
    memcpy(&e, buf, sizeof e);
    assert_string_equal(e.text, "exec: \"/none\": executable file not found in the image: No such "
                                "file or directory");
    assert_int_equal(e.status, 127);
    close(sock);
    assert_true(waitpid(-1, NULL, 0) > 0);
    assert_int_equal(record_load(&store, record.id, &now, NULL), -ENOENT);
}

/* A policy that the record names, too: it has the last word. A restart reads the limits anew. */
static void set_policy(enum policy_restart restart, int max, const char *text)
{
    int dir = -1;

    policy = (struct policy){.restart = restart, .restart_max = max};
    record.restart = strdup(text);
    assert_int_equal(record_save(&store, &record, NULL), 0);
    assert_int_equal(record_folder(&store, &record, &dir, NULL), 0);
    assert_int_equal(file_replace(dir, "config.json", "{}", 2, 0600, false, NULL), 0);
}

static int read_count(void)
{
    struct record now = {.dir_fd = -1};
    int n = record_load(&store, record.id, &now, NULL) == 0 ? now.restart_count : -1;

    record_free(&now);
    return n;
}

static void a_policy_starts_it_again_and_the_client_hears_of_the_first_end(void **state)
{
    autotext struct text out = {0};
    int sock;

    (void)state;
    set_policy(POLICY_RESTART_ON_FAILURE, 2, "on-failure:2");
    sock = start("/sh", "echo life; exit 6");
    policy = (struct policy){0};
    runs(sock);
    assert_int_equal(hear(sock, &out), 6);
    assert_string_equal(out.s, "life\n");
    close(sock);
    ended_with(6);
    assert_int_equal(read_count(), 2);
}

static int ask_for_end(void *arg, struct record *r, struct err *e)
{
    (void)arg;
    (void)e;
    r->stopped_by_user = true;
    return 0;
}

static void a_stop_ends_the_pause_before_a_restart(void **state)
{
    struct record now = {.dir_fd = -1};
    int sock;

    (void)state;
    set_policy(POLICY_RESTART_ALWAYS, 0, "always");
    sock = start("/sh", "exit 5");
    policy = (struct policy){0};
    runs(sock);
    close(sock);
    while (read_count() < 3) /* the pause is 400 ms then */
        usleep(1000);
    assert_int_equal(record_load(&store, record.id, &now, NULL), 0);
    assert_int_equal(record_update(&store, &now, ask_for_end, NULL, NULL), 0);
    if (now.monitor.pid > 0)
        kill(now.monitor.pid, SIGUSR1);
    record_free(&now);
    ended_with(5);
    assert_true(read_count() <= 4);
}

static void a_held_one_begins_when_it_is_told(void **state)
{
    static char buf[WIRE_DATA_MAX];
    enum wire_kind kind = 0;
    autotext struct text out = {0};
    struct record now = {.dir_fd = -1};
    int sock;

    (void)state;
    hold = true;
    sock = start("/sh", "echo begun; exit 4");
    hold = false;
    assert_true(next(sock, &kind, buf) >= 0);
    assert_int_equal(kind, WIRE_HELD);
    assert_int_equal(record_load(&store, record.id, &now, NULL), 0);
    assert_int_equal(now.state, RECORD_INITIALIZED);
    record_free(&now);
    assert_int_equal(wire_send(sock, WIRE_GO, NULL, 0, 1), 0);
    runs(sock);
    assert_int_equal(hear(sock, &out), 4);
    assert_string_equal(out.s, "begun\n");
    close(sock);
    ended_with(4);
}

static void a_held_one_that_is_killed_was_never_started(void **state)
{
    static char buf[WIRE_DATA_MAX];
    enum wire_kind kind = 0;
    struct record now = {.dir_fd = -1};
    struct err e;
    int sock, pid;

    (void)state;
    hold = true;
    sock = start("/sh", "echo begun");
    hold = false;
    assert_int_equal(next(sock, &kind, buf), sizeof pid);
    memcpy(&pid, buf, sizeof pid);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(next(sock, &kind, buf), sizeof e);
    assert_int_equal(kind, WIRE_FAILED);
    memcpy(&e, buf, sizeof e);
    assert_string_equal(e.text, "the container was stopped before its program began");
    close(sock);
    assert_true(waitpid(-1, NULL, 0) > 0);
    assert_int_equal(record_load(&store, record.id, &now, NULL), 0);
    assert_int_equal(now.state, RECORD_CREATED);
    record_free(&now);
}

int main(void)
{
#define monitor_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        monitor_test(output_and_status_come_back),
        monitor_test(input_is_answered_and_arrives_whole),
        monitor_test(a_client_that_vanishes_does_not_end_the_container),
        monitor_test(a_client_that_does_not_read_makes_the_container_wait),
        monitor_test(a_client_that_breaks_the_window_is_let_go),
        monitor_test(signals_reach_the_program),
        monitor_test(a_container_that_never_ran_leaves_no_record),
        monitor_test(a_policy_starts_it_again_and_the_client_hears_of_the_first_end),
        monitor_test(a_stop_ends_the_pause_before_a_restart),
        monitor_test(a_held_one_begins_when_it_is_told),
        monitor_test(a_held_one_that_is_killed_was_never_started),
    };

    if (!busybox_can_run())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
