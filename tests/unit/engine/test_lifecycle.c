/* stop, remove, rename, wait and lifecycle, on containers whose monitor and first process are two
 * small processes of the test: the monitor writes the end as the real one does. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/engine/lifecycle.h"
#include "core/engine/remove.h"
#include "core/engine/rename.h"
#include "core/engine/stop.h"
#include "core/engine/wait.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"

static int teardown(void **state)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    return open_store_teardown(state);
}

static void make(const char *name, enum record_state state, struct record *ret)
{
    struct err e = {0};

    assert_int_equal(record_init(ret, &e), 0);
    if (record_new(&store, name, ret, &e) < 0)
        fail_msg("%s", e.text);
    ret->state = state;
    ret->stop_timeout_s = -1;
    assert_int_equal(record_save(&store, ret, &e), 0);
}

static void load(const char *name, struct record *ret)
{
    struct err e = {0};

    if (record_find(&store, name, ret, &e) < 0)
        fail_msg("%s", e.text);
}

static int set_end(void *arg, struct record *r, struct err *e)
{
    (void)e;
    r->state = RECORD_EXITED;
    r->exit_code = *(const int *)arg;
    r->monitor = r->init = (struct proc_id){0};
    return 0;
}

static void on_term(int signo)
{
    (void)signo;
    _exit(3);
}

/* As the real one: the end is in the record, or the container gone, before the monitor ends. */
static void be_monitor(const char *name, bool heeds, int ready)
{
    autorecord struct record r = {.dir_fd = -1};
    int status, code;
    pid_t init;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    init = fork();
    if (init == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGTERM, heeds ? on_term : SIG_IGN);
        (void)!write(ready, "", 1);
        for (;;)
            pause();
    }
    if (record_find(&store, name, &r, NULL) < 0 || proc_identify(getpid(), &r.monitor, NULL) < 0 ||
        proc_identify(init, &r.init, NULL) < 0)
        _exit(1);
    r.state = RECORD_RUNNING;
    r.started_ns = 1;
    if (record_save(&store, &r, NULL) < 0 || write(ready, "", 1) != 1 ||
        waitpid(init, &status, 0) != init)
        _exit(1);
    code = proc_status(status);
    if (record_update(&store, &r, set_end, &code, NULL) < 0 ||
        (r.rm && record_remove(&store, &r, NULL) < 0))
        _exit(1);
    _exit(0);
}

/* A running container; `heeds`: SIGTERM ends it with 3. */
static void run(const char *name, bool heeds, struct record *ret)
{
    int p[2];
    char byte;

    make(name, RECORD_CREATED, ret);
    assert_int_equal(pipe(p), 0);
    if (fork() == 0)
        be_monitor(name, heeds, p[1]);
    close(p[1]);
    assert_int_equal(read(p[0], &byte, 1), 1);
    assert_int_equal(read(p[0], &byte, 1), 1);
    close(p[0]);
    record_free(ret);
    load(name, ret);
    assert_int_equal(ret->state, RECORD_RUNNING);
}

/* ---- stop ---- */

static void several_are_stopped_each_in_its_way(void **state)
{
    autorecord struct record heeds = {.dir_fd = -1}, deaf = {.dir_fd = -1}, made = {.dir_fd = -1};
    struct stop_item v[] = {{.record = &heeds, .grace_s = 20},
                            {.record = &deaf, .grace_s = STOP_NOW},
                            {.record = &made, .grace_s = STOP_GRACE_OWN}};

    (void)state;
    run("heeds", true, &heeds);
    run("deaf", false, &deaf);
    make("made", RECORD_CREATED, &made);
    assert_int_equal(stop_all(&store, v, 3), 0);
    assert_int_equal(heeds.state, RECORD_EXITED);
    assert_int_equal(heeds.exit_code, 3);
    assert_true(heeds.stopped_by_user && v[0].ran && !v[0].forced);
    assert_int_equal(deaf.exit_code, 128 + SIGKILL);
    assert_false(v[2].ran);
    assert_int_equal(made.state, RECORD_CREATED);
    assert_false(made.stopped_by_user);
}

static void when_the_grace_is_over_it_is_killed(void **state)
{
    autorecord struct record r = {.dir_fd = -1};
    struct stop_item item = {.record = &r, .grace_s = 1};

    (void)state;
    run("deaf", false, &r);
    assert_int_equal(stop_all(&store, &item, 1), 0);
    assert_true(item.forced);
    assert_int_equal(r.exit_code, 128 + SIGKILL);
}

static void what_becomes_of_it_can_be_chosen(void **state)
{
    autorecord struct record goes = {.dir_fd = -1}, stays = {.dir_fd = -1};
    struct stop_item v[] = {
        {.record = &goes, .grace_s = STOP_NOW, .then = STOP_THEN_REMOVE},
        {.record = &stays, .grace_s = STOP_NOW, .then = STOP_THEN_KEEP},
    };
    struct err e = {0};

    (void)state;
    run("goes", false, &goes);
    run("stays", false, &stays);
    stays.rm = true;
    assert_int_equal(record_save(&store, &stays, &e), 0);
    assert_int_equal(stop_all(&store, v, 2), 0);
    assert_true(v[0].gone);
    assert_false(v[1].gone);
    assert_int_equal(record_find(&store, "goes", &goes, &e), -ENOENT);
    assert_int_equal(stays.state, RECORD_EXITED);
    assert_false(stays.rm);
}

static void a_signal_is_refused_to_one_that_does_not_run(void **state)
{
    autorecord struct record r = {.dir_fd = -1};
    struct err e = {0};

    (void)state;
    make("made", RECORD_CREATED, &r);
    assert_int_equal(stop_kill(&store, &r, SIGTERM, &e), -EBUSY);
    assert_non_null(strstr(e.text, "can only kill running containers."));
    assert_non_null(strstr(e.text, "is in state created: container state improper"));
}

static void only_a_signal_that_ends_it_counts_as_stopping(void **state)
{
    autorecord struct record r = {.dir_fd = -1};

    (void)state;
    run("heeds", true, &r);
    assert_int_equal(stop_kill(&store, &r, SIGCHLD, NULL), 0);
    assert_false(r.stopped_by_user);
    assert_int_equal(stop_kill(&store, &r, SIGTERM, NULL), 0);
    assert_true(r.stopped_by_user);
    assert_int_equal(stop_all(&store, &(struct stop_item){.record = &r, .grace_s = 9}, 1), 0);
    assert_int_equal(r.exit_code, 3);
}

/* ---- remove ---- */

static void one_that_runs_is_removed_by_force_only(void **state)
{
    autorecord struct record r = {.dir_fd = -1}, made = {.dir_fd = -1};
    struct remove_item v[] = {{.record = &r}, {.record = &made, .count_bytes = true}};
    struct remove_options o = {0};

    (void)state;
    run("runs", false, &r);
    make("made", RECORD_CREATED, &made);
    assert_int_equal(remove_all(&store, &o, v, 2), -EBUSY);
    assert_int_equal(v[0].why.status, 2);
    assert_non_null(strstr(v[0].why.text, "as it is running - running or paused containers cannot "
                                          "be removed without force: container state improper"));
    assert_int_equal(v[1].result, 0);
    assert_true(v[1].bytes > 0);
    o.force = true;
    assert_int_equal(remove_all(&store, &o, v, 1), 0);
    assert_int_equal(record_find(&store, "runs", &r, NULL), -ENOENT);
}

static void a_damaged_one_is_known_by_its_id_alone(void **state)
{
    autorecord struct record r = {.dir_fd = -1};
    char id[RECORD_ID_HEX + 1], begin[13];
    int dir = -1, fd;

    (void)state;
    make("good", RECORD_CREATED, &r);
    assert_int_equal(remove_find_damaged(&store, r.id, id), -ENOENT);
    assert_int_equal(record_folder(&store, &r, &dir, NULL), 0);
    fd = openat(dir, "record.json", O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, "{", 1), 1);
    close(fd);
    snprintf(begin, sizeof begin, "%.12s", r.id);
    assert_int_equal(remove_find_damaged(&store, begin, id), 0);
    assert_string_equal(id, r.id);
    assert_int_equal(remove_find_damaged(&store, "good", id), 0);
    assert_int_equal(remove_damaged(&store, id, NULL), 0);
    assert_int_equal(remove_find_damaged(&store, begin, id), -ENOENT);
    assert_int_equal(faccessat(store.fd, "names/good", F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

/* ---- rename ---- */

static void a_renamed_one_is_found_by_its_new_name_only(void **state)
{
    autorecord struct record a = {.dir_fd = -1}, b = {.dir_fd = -1}, stale = {.dir_fd = -1};
    struct err e = {0};

    (void)state;
    make("a", RECORD_CREATED, &a);
    make("b", RECORD_CREATED, &b);
    load("a", &stale);
    assert_int_equal(rename_container(&store, &a, "b", &e), -EEXIST);
    assert_non_null(strstr(e.text, "is already in use"));
    assert_int_equal(rename_container(&store, &a, "b/c", &e), -EINVAL);
    assert_int_equal(rename_container(&store, &a, "c", &e), 0);
    assert_string_equal(a.name, "c");
    assert_int_equal(faccessat(store.fd, "names/a", F_OK, AT_SYMLINK_NOFOLLOW), -1);
    assert_int_equal(rename_container(&store, &a, "c", &e), 0);
    assert_int_equal(rename_container(&store, &stale, "d", &e), -EBUSY);
    assert_non_null(strstr(e.text, "another command has just renamed it to \"c\""));
}

/* ---- wait ---- */

static void the_end_is_waited_for(void **state)
{
    autorecord struct record r = {.dir_fd = -1}, made = {.dir_fd = -1};
    struct wait_options o = {.interval_ms = 10};
    struct wait_watch *w = NULL;
    pid_t stopper;
    int code = -5;

    (void)state;
    run("heeds", true, &r);
    make("made", RECORD_CREATED, &made);
    assert_int_equal(wait_new(&store, &o, &w, NULL), 0);
    wait_add(w, &r);
    stopper = fork();
    if (stopper == 0) {
        usleep(50000);
        _exit(stop_kill(&store, &r, SIGTERM, NULL) < 0);
    }
    assert_int_equal(wait_for(w, &r, &code, NULL), 0);
    assert_int_equal(code, 3);
    assert_int_equal(waitpid(stopper, NULL, 0), stopper);
    assert_int_equal(wait_for(w, &made, &code, NULL), 0);
    assert_int_equal(code, 0);
    wait_free(w);
}

static void one_without_a_health_check_will_not_become_healthy(void **state)
{
    autorecord struct record r = {.dir_fd = -1};
    struct wait_options o = {.interval_ms = 10};
    struct wait_watch *w = NULL;
    struct err e = {0};
    int code;

    (void)state;
    assert_int_equal(wait_parse_condition("healthy", &o.conditions, &e), 0);
    assert_int_equal(wait_parse_condition("helthy", &o.conditions, &e), -EINVAL);
    assert_string_equal(e.text,
                        "unknown container state: helthy; did you mean healthy?: invalid argument");
    run("heeds", true, &r);
    assert_int_equal(wait_new(&store, &o, &w, NULL), 0);
    assert_int_equal(wait_for(w, &r, &code, &e), -EINVAL);
    assert_non_null(strstr(e.text, "has no health check"));
    wait_free(w);
    assert_int_equal(stop_all(&store, &(struct stop_item){.record = &r}, 1), 0);
}

/* ---- lifecycle ---- */

static void a_reboot_starts_what_its_policy_wants(void **state)
{
    static const struct {
        const char *restart;
        int exit_code;
        bool stopped, started;
        int count;
        bool wanted;
    } cases[] = {
        {NULL, -1, false, true, 0, false},
        {"no", -1, false, true, 0, false},
        {"always", 0, false, true, 0, true},
        {"always", 0, true, true, 0, true},
        {"always", -1, false, false, 0, false},
        {"unless-stopped", -1, false, true, 0, true},
        {"unless-stopped", 137, true, true, 0, false},
        {"on-failure", -1, false, true, 0, true},
        {"on-failure", 0, false, true, 0, false},
        {"on-failure", 1, true, true, 0, false},
        {"on-failure:2", 1, false, true, 1, true},
        {"on-failure:2", 1, false, true, 2, false},
        {"nonsense", 1, false, true, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32] = "";
        struct record r = {.state = RECORD_EXITED,
                           .restart = cases[i].restart ? text : NULL,
                           .exit_code = cases[i].exit_code,
                           .stopped_by_user = cases[i].stopped,
                           .restart_count = cases[i].count,
                           .started_ns = cases[i].started};

        snprintf(text, sizeof text, "%s", cases[i].restart ? cases[i].restart : "");
        if (lifecycle_is_wanted(&r) != cases[i].wanted)
            fail_msg("case %zu: %s", i, text);
        r.state = RECORD_RUNNING;
        assert_false(lifecycle_is_wanted(&r));
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_store_setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(several_are_stopped_each_in_its_way),
        T(when_the_grace_is_over_it_is_killed),
        T(what_becomes_of_it_can_be_chosen),
        T(a_signal_is_refused_to_one_that_does_not_run),
        T(only_a_signal_that_ends_it_counts_as_stopping),
        T(one_that_runs_is_removed_by_force_only),
        T(a_damaged_one_is_known_by_its_id_alone),
        T(a_renamed_one_is_found_by_its_new_name_only),
        T(the_end_is_waited_for),
        T(one_without_a_health_check_will_not_become_healthy),
        T(a_reboot_starts_what_its_policy_wants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
