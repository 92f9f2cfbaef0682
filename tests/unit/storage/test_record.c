#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/record.h"
#include "storage/record_name.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"

static void make(const char *name, struct record *ret)
{
    struct err e = {0};

    assert_int_equal(record_init(ret, &e), 0);
    if (record_new(&store, name, ret, &e) < 0)
        fail_msg("%s", e.text);
}

static size_t count(void)
{
    autostrv struct strv ids = {0};

    assert_int_equal(record_ids(&store, &ids, NULL), 0);
    return ids.n;
}

static void what_was_saved_is_loaded(void **state)
{
    autorecord struct record a = {.dir_fd = -1}, b = {.dir_fd = -1};
    struct err e = {0};

    (void)state;
    make("web-1", &a);
    a.image = strdup("docker.io/library/alpine:latest");
    assert_int_equal(strv_add(&a.command, "sh", NULL), 0);
    assert_int_equal(strv_add(&a.command, "bytes \xff\xfe", NULL), 0);
    assert_int_equal(json_object_set_new(a.labels, "k=1", json_string("v")), 0);
    memset(a.image_id.hex, 'a', DIGEST_HEX);
    a.state = RECORD_EXITED;
    a.exit_code = 3;
    a.monitor = a.creator;
    a.finished_ns = 1700000000123456789;
    a.rm = true;
    a.stop_signal = strdup("SIGQUIT");
    assert_int_equal(record_save(&store, &a, &e), 0);
    assert_int_equal(record_load(&store, a.id, &b, &e), 0);
    assert_string_equal(b.name, "web-1");
    assert_string_equal(b.image, a.image);
    assert_string_equal(b.command.v[0], "sh");
    assert_string_equal(b.command.v[1], "bytes ??");
    assert_string_equal(json_string_value(json_object_get(b.labels, "k=1")), "v");
    assert_string_equal(b.image_id.hex, a.image_id.hex);
    assert_int_equal(b.state, RECORD_EXITED);
    assert_int_equal(b.exit_code, 3);
    assert_int_equal(b.monitor.pid, getpid());
    assert_true(proc_alive(&b.monitor));
    assert_true(b.finished_ns == a.finished_ns);
    assert_true(b.rm);
    assert_string_equal(b.stop_signal, "SIGQUIT");
}

static void two_containers_cannot_own_one_name(void **state)
{
    autorecord struct record a = {.dir_fd = -1}, b = {.dir_fd = -1};
    struct err e = {0};

    (void)state;
    make("web", &a);
    assert_int_equal(record_init(&b, NULL), 0);
    assert_int_equal(record_new(&store, "web", &b, &e), -EEXIST);
    assert_non_null(strstr(e.text, "the container name \"web\" is already in use by "));
    assert_non_null(strstr(e.text, a.id));
    assert_int_equal(count(), 1);
}

static void names_keep_their_grammar(void **state)
{
    static const char *const bad[] = {"", "-x", ".x", "_x", "a/b", "a b", "..", "ä", "a\n"};
    static const char *const good[] = {"a", "A.b_c-9", "0"};
    char long_name[RECORD_NAME_MAX + 2];
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(record_check_name(bad[i], &e), -EINVAL);
        assert_non_null(strstr(e.text, "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*"));
    }
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(record_check_name(good[i], &e), 0);
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    assert_int_equal(record_check_name(long_name, &e), -ENAMETOOLONG);
}

static void a_container_without_a_name_gets_one(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        autorecord struct record r = {.dir_fd = -1}, found = {.dir_fd = -1};

        make(NULL, &r);
        assert_non_null(strchr(r.name, '_'));
        assert_int_equal(record_find(&store, r.name, &found, NULL), 0);
        assert_string_equal(found.id, r.id);
        assert_string_equal(found.name, r.name);
    }
}

/* As after a rename that was killed between two steps. */
static void a_name_that_the_record_does_not_have_leads_nowhere(void **state)
{
    autorecord struct record a = {.dir_fd = -1}, b = {.dir_fd = -1};
    struct err e = {0};

    (void)state;
    make("one", &a);
    assert_int_equal(record_name_claim(&store, "two-names", a.id, &e), 0);
    assert_int_equal(record_find(&store, "two-names", &b, &e), -ENOENT);
    assert_non_null(strstr(e.text, "no such container"));
    assert_int_equal(record_find(&store, "one", &b, &e), 0);
}

static int set_label(struct record *r, size_t n)
{
    char *text = malloc(n + 1);
    int set;

    assert_non_null(text);
    memset(text, 'x', n);
    text[n] = 0;
    set = json_object_set_new(r->labels, "l", json_string(text));
    free(text);
    return set;
}

static void a_record_that_could_not_be_read_again_is_not_written(void **state)
{
    autorecord struct record a = {.dir_fd = -1}, b = {.dir_fd = -1};
    struct err e = {0};

    (void)state;
    make("large", &a);
    a.state = RECORD_CREATED;
    assert_int_equal(set_label(&a, RECORD_MAX - 2000), 0);
    assert_int_equal(record_save(&store, &a, &e), -E2BIG); /* there is no room for its life */
    assert_non_null(strstr(e.text, "labels"));
    assert_int_equal(set_label(&a, RECORD_MAX - 70000), 0);
    assert_int_equal(record_save(&store, &a, &e), 0);
    a.state = RECORD_EXITED;
    assert_int_equal(set_label(&a, RECORD_MAX - 2000), 0);
    assert_int_equal(record_save(&store, &a, &e), 0);
    assert_int_equal(record_load(&store, a.id, &b, &e), 0);
    assert_int_equal(set_label(&a, RECORD_MAX), 0);
    assert_int_equal(record_save(&store, &a, &e), -E2BIG);
}

static void it_is_found_by_name_id_and_beginning(void **state)
{
    autorecord struct record a = {.dir_fd = -1}, b = {.dir_fd = -1};
    char word[16];
    struct err e = {0};

    (void)state;
    make("web", &a);
    for (int i = 0; i < 40; i++) {
        autorecord struct record other = {.dir_fd = -1};

        make(NULL, &other);
    }
    assert_int_equal(record_find(&store, "web", &b, &e), 0);
    record_free(&b);
    assert_int_equal(record_find(&store, a.id, &b, &e), 0);
    record_free(&b);
    snprintf(word, sizeof word, "%.12s", a.id);
    assert_int_equal(record_find(&store, word, &b, &e), 0);
    assert_string_equal(b.id, a.id);
    record_free(&b);
    assert_int_equal(record_find(&store, "nobody", &b, &e), -ENOENT);
    assert_non_null(strstr(e.text, "no such container"));
    assert_int_equal(record_find(&store, "../web", &b, &e), -ENOENT);
    for (int c = 0; c < 16; c++) { /* with 41 containers one first digit is shared */
        snprintf(word, sizeof word, "%x", (unsigned)c);
        if (record_find(&store, word, &b, &e) == -ENOTUNIQ) {
            assert_non_null(strstr(e.text, "give more of it"));
            return;
        }
        record_free(&b);
    }
    fail_msg("no beginning was ambiguous");
}

static void what_was_removed_leaves_name_and_space(void **state)
{
    autorecord struct record a = {.dir_fd = -1}, b = {.dir_fd = -1};
    char path[128];

    (void)state;
    make("web", &a);
    assert_int_equal(mkdirat(a.dir_fd, "work", 0700), 0);
    assert_int_equal(mkdirat(a.dir_fd, "work/work", 0), 0);
    assert_int_equal(record_remove(&store, &a, NULL), 0);
    assert_int_equal(record_remove(&store, &a, NULL), 0);
    assert_int_equal(count(), 0);
    snprintf(path, sizeof path, "rmdir %s/tmp", store_dir_path);
    assert_int_equal(system(path), 0);
    make("web", &b);
}

static void what_was_set_aside_is_forgotten_at_once_and_buried_later(void **state)
{
    autorecord struct record a = {.dir_fd = -1}, b = {.dir_fd = -1};
    char gone[NAME_MAX], path[128];
    struct err e = {0};

    (void)state;
    make("web", &a);
    assert_int_equal(mkdirat(a.dir_fd, "work", 0700), 0);
    assert_int_equal(record_set_aside(&store, &a, gone, NULL), 0);
    assert_true(gone[0]);
    assert_int_equal(count(), 0);
    make("web", &b); /* the name is free */
    assert_int_equal(store_bury(&store, gone, NULL), 0);
    assert_int_equal(store_bury(&store, gone, NULL), 0); /* a cleaner was faster */
    snprintf(path, sizeof path, "rmdir %s/tmp", store_dir_path);
    assert_int_equal(system(path), 0);
    assert_int_equal(record_set_aside(&store, &a, gone, &e), 0);
    assert_string_equal(e.text, ""); /* somebody was faster: that is no failure */
    assert_string_equal(gone, "");
}

static void a_name_whose_container_is_gone_is_taken_over(void **state)
{
    autorecord struct record a = {.dir_fd = -1}, b = {.dir_fd = -1};
    char path[128];

    (void)state;
    make("web", &a);
    snprintf(path, sizeof path, "containers/%s", a.id);
    assert_int_equal(store_remove_tree(store.fd, path, NULL), 0);
    make("web", &b);
    assert_string_not_equal(a.id, b.id);
}

/* A process that is certainly dead. */
static struct proc_id dead_process(void)
{
    struct proc_id id;
    pid_t pid = fork();

    if (pid == 0)
        for (;;)
            pause();
    assert_int_equal(proc_identify(pid, &id, NULL), 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return id;
}

static void set(struct record *r, enum record_state s, struct proc_id creator,
                struct proc_id monitor)
{
    r->state = s;
    r->creator = creator;
    r->monitor = monitor;
    assert_int_equal(record_save(&store, r, NULL), 0);
}

static void sweeping_puts_right_what_dead_processes_left(void **state)
{
    struct proc_id dead = dead_process(), self;
    struct record r[6];
    autorecord struct record now = {.dir_fd = -1};

    (void)state;
    assert_int_equal(proc_identify(getpid(), &self, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(r); i++)
        make(NULL, &r[i]);
    r[3].rm = r[5].rm = true;
    set(&r[0], RECORD_CREATING, dead, (struct proc_id){0});
    set(&r[1], RECORD_CREATED, dead, (struct proc_id){0});
    set(&r[2], RECORD_RUNNING, dead, dead);
    set(&r[3], RECORD_RUNNING, dead, dead);
    set(&r[4], RECORD_RUNNING, dead, self);
    set(&r[5], RECORD_EXITED, dead, dead);
    assert_int_equal(record_sweep(&store, NULL), 0);
    assert_int_equal(record_load(&store, r[0].id, &now, NULL), -ENOENT);
    assert_int_equal(record_load(&store, r[3].id, &now, NULL), -ENOENT);
    assert_int_equal(record_load(&store, r[5].id, &now, NULL), -ENOENT);
    assert_int_equal(record_load(&store, r[1].id, &now, NULL), 0);
    assert_int_equal(now.state, RECORD_CREATED);
    record_free(&now);
    assert_int_equal(record_load(&store, r[2].id, &now, NULL), 0);
    assert_int_equal(now.state, RECORD_EXITED);
    assert_int_equal(now.exit_code, -1);
    record_free(&now);
    assert_int_equal(record_load(&store, r[4].id, &now, NULL), 0);
    assert_int_equal(now.state, RECORD_RUNNING);
    for (size_t i = 0; i < ARRAY_SIZE(r); i++)
        record_free(&r[i]);
}

static int count_up(void *arg, struct record *r, struct err *e)
{
    (void)arg, (void)e;
    r->restart_count++;
    return 0;
}

static int refuse(void *arg, struct record *r, struct err *e)
{
    (void)arg;
    r->restart_count = 1000;
    return err_set(e, EBUSY, "not now");
}

static void updates_at_the_same_time_do_not_lose_each_other(void **state)
{
    enum { PROCESSES = 4, ROUNDS = 25 };
    autorecord struct record r = {.dir_fd = -1};

    (void)state;
    make("counted", &r);
    set(&r, RECORD_CREATED, (struct proc_id){0}, (struct proc_id){0});
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            autorecord struct record mine = {.dir_fd = -1};
            int bad = record_load(&store, r.id, &mine, NULL) < 0;

            for (int k = 0; k < ROUNDS; k++)
                bad |= record_update(&store, &mine, count_up, NULL, NULL) < 0;
            _exit(bad);
        }
    for (int i = 0; i < PROCESSES; i++) {
        int status = 1;

        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(record_update(&store, &r, NULL, NULL, NULL), 0);
    assert_int_equal(r.restart_count, PROCESSES * ROUNDS);
    assert_string_equal(r.name, "counted");
}

static void an_update_that_refuses_changes_nothing(void **state)
{
    autorecord struct record r = {.dir_fd = -1};
    struct err e;

    (void)state;
    make(NULL, &r);
    assert_int_equal(record_update(&store, &r, refuse, NULL, &e), -EBUSY);
    assert_string_equal(e.text, "not now");
    assert_int_equal(record_update(&store, &r, NULL, NULL, &e), 0);
    assert_int_equal(r.restart_count, 0);
    assert_int_equal(record_remove(&store, &r, &e), 0);
    assert_int_equal(record_update(&store, &r, count_up, NULL, &e), -ENOENT);
    assert_non_null(strstr(e.text, "no such container"));
}

static void settling_tells_the_truth_about_one_container(void **state)
{
    struct proc_id dead = dead_process();
    autorecord struct record lost = {.dir_fd = -1}, starting = {.dir_fd = -1},
                             gone = {.dir_fd = -1};
    struct err e;

    (void)state;
    make(NULL, &lost);
    make(NULL, &starting);
    make(NULL, &gone);
    gone.rm = true;
    set(&lost, RECORD_PAUSED, dead, dead);
    set(&starting, RECORD_STARTING, dead, (struct proc_id){0});
    set(&gone, RECORD_RESTARTING, dead, dead);
    assert_int_equal(record_settle(&store, &lost, &e), 0);
    assert_int_equal(lost.state, RECORD_EXITED);
    assert_int_equal(lost.exit_code, -1);
    assert_int_equal(record_settle(&store, &starting, &e), 0);
    assert_int_equal(starting.state, RECORD_CREATED);
    assert_int_equal(record_settle(&store, &gone, &e), -ENOENT);
}

static void sweeping_kills_the_first_process_of_a_container_without_monitor(void **state)
{
    autorecord struct record r = {.dir_fd = -1};
    pid_t pid = fork();
    int status = 0;

    (void)state;
    if (pid == 0)
        for (;;)
            pause();
    make(NULL, &r);
    assert_int_equal(proc_identify(pid, &r.init, NULL), 0);
    set(&r, RECORD_RUNNING, dead_process(), dead_process());
    assert_int_equal(record_sweep(&store, NULL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_monitor_that_nobody_has_waited_for_is_dead(void **state)
{
    autorecord struct record r = {.dir_fd = -1}, now = {.dir_fd = -1};
    struct proc_id monitor;
    siginfo_t info;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        for (;;)
            pause();
    assert_int_equal(proc_identify(pid, &monitor, NULL), 0);
    assert_true(proc_alive(&monitor));
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(proc_alive(&monitor));
    make(NULL, &r);
    set(&r, RECORD_RUNNING, monitor, monitor);
    assert_int_equal(record_sweep(&store, NULL), 0);
    assert_int_equal(record_load(&store, r.id, &now, NULL), 0);
    assert_int_equal(now.state, RECORD_EXITED);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void one_that_is_worked_on_is_left_alone_by_the_sweep(void **state)
{
    autorecord struct record r = {.dir_fd = -1}, now = {.dir_fd = -1};
    autofd int lock = -1;

    (void)state;
    make(NULL, &r);
    set(&r, RECORD_CREATING, dead_process(), (struct proc_id){0});
    assert_int_equal(record_lock(&store, &r, LOCK_EX, &lock, NULL), 0);
    assert_int_equal(record_sweep(&store, NULL), 0);
    assert_int_equal(record_load(&store, r.id, &now, NULL), 0);
}

static void a_name_that_was_lost_leads_to_its_container_again(void **state)
{
    autorecord struct record r = {.dir_fd = -1}, found = {.dir_fd = -1};

    (void)state;
    make("kept", &r);
    set(&r, RECORD_EXITED, (struct proc_id){0}, (struct proc_id){0});
    assert_int_equal(unlinkat(store.fd, "names/kept", 0), 0);
    assert_int_equal(record_sweep(&store, NULL), 0);
    assert_int_equal(record_find(&store, "kept", &found, NULL), 0);
    assert_string_equal(found.id, r.id);
}

static void a_folder_without_a_record_is_swept_unless_one_is_being_made(void **state)
{
    char path[80] = "containers/";
    autofd int containers = -1, folder = -1;

    (void)state;
    memset(path + strlen(path), 'b', RECORD_ID_HEX);
    assert_int_equal(store_folder(&store, path, &folder, NULL), 0);
    assert_int_equal(store_folder(&store, "containers", &containers, NULL), 0);
    assert_int_equal(flock(containers, LOCK_SH), 0);
    assert_int_equal(record_sweep(&store, NULL), 0);
    assert_int_equal(count(), 1);
    assert_int_equal(flock(containers, LOCK_UN), 0);
    assert_int_equal(record_sweep(&store, NULL), 0);
    assert_int_equal(count(), 0);
}

/* Many children make and remove containers and are killed at any moment. */
static void kill_at_any_moment_leaves_nothing_that_a_sweep_does_not_clear(void **state)
{
    autorecord struct record r = {.dir_fd = -1};

    (void)state;
    for (int i = 0; i < 60; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            for (;;) {
                struct record mine;

                if (record_init(&mine, NULL) < 0 || record_new(&store, "same", &mine, NULL) < 0 ||
                    record_save(&store, &mine, NULL) < 0 || record_remove(&store, &mine, NULL) < 0)
                    _exit(0);
                record_free(&mine);
            }
        }
        usleep((unsigned)(i * 37));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(record_sweep(&store, NULL), 0);
        assert_int_equal(count(), 0);
    }
    make("same", &r);
    assert_int_equal(store_clear_tmp(&store, NULL, NULL), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_store_setup, open_store_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_saved_is_loaded),
        T(two_containers_cannot_own_one_name),
        T(names_keep_their_grammar),
        T(a_container_without_a_name_gets_one),
        T(a_name_that_the_record_does_not_have_leads_nowhere),
        T(a_record_that_could_not_be_read_again_is_not_written),
        T(it_is_found_by_name_id_and_beginning),
        T(what_was_removed_leaves_name_and_space),
        T(what_was_set_aside_is_forgotten_at_once_and_buried_later),
        T(a_name_whose_container_is_gone_is_taken_over),
        T(sweeping_puts_right_what_dead_processes_left),
        T(updates_at_the_same_time_do_not_lose_each_other),
        T(an_update_that_refuses_changes_nothing),
        T(settling_tells_the_truth_about_one_container),
        T(sweeping_kills_the_first_process_of_a_container_without_monitor),
        T(a_monitor_that_nobody_has_waited_for_is_dead),
        T(one_that_is_worked_on_is_left_alone_by_the_sweep),
        T(a_name_that_was_lost_leads_to_its_container_again),
        T(a_folder_without_a_record_is_swept_unless_one_is_being_made),
        T(kill_at_any_moment_leaves_nothing_that_a_sweep_does_not_clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
