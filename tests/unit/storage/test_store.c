#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "tests/unit/storage/store_dir.h"
#include "tests/unit/unit.h"

static size_t entries(const char *folder)
{
    char command[256], out[32] = "";
    FILE *p;

    snprintf(command, sizeof command, "ls -A '%s/%s' | wc -l", store_dir_path, folder);
    p = popen(command, "r");
    assert_non_null(fgets(out, sizeof out, p));
    pclose(p);
    return strtoul(out, NULL, 10);
}

static void write_file(const char *name, const char *text)
{
    autofd int dir = open(store_dir_path, O_RDONLY | O_DIRECTORY);

    assert_int_equal(file_replace(dir, name, text, strlen(text), 0600, false, NULL), 0);
}

static void a_missing_folder_is_made_with_its_parents_for_the_owner_alone(void **state)
{
    char path[128];
    struct store s = STORE_CLOSED;
    struct stat st;

    (void)state;
    snprintf(path, sizeof path, "%s/a/b/c", store_dir_path);
    setenv("RCTR_STATE", path, 1);
    assert_int_equal(store_open(&s, NULL), 0);
    assert_string_equal(s.path, path);
    store_close(&s);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    snprintf(path, sizeof path, "%s/a", store_dir_path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void a_relative_path_is_made_absolute(void **state)
{
    struct store s = STORE_CLOSED;
    autofree char *cwd = getcwd(NULL, 0);

    (void)state;
    assert_int_equal(chdir(store_dir_path), 0);
    setenv("RCTR_STATE", "here", 1);
    assert_int_equal(store_open(&s, NULL), 0);
    assert_int_equal(s.path[0], '/');
    store_close(&s);
    assert_int_equal(chdir(cwd), 0);
}

static void a_newer_version_is_refused(void **state)
{
    struct store s = STORE_CLOSED;
    struct err e = {0};

    (void)state;
    write_file("version", "2\n");
    assert_int_equal(store_open(&s, &e), -EPROTO);
    assert_non_null(strstr(e.text, "has version 2, this rctr knows 1"));
    write_file("version", "one\n");
    assert_int_equal(store_open(&s, &e), -EINVAL);
    assert_non_null(strstr(e.text, "'one' is not a number"));
}

static void a_folder_with_other_things_in_it_is_not_taken(void **state)
{
    struct store s = STORE_CLOSED;
    struct err e = {0};

    (void)state;
    write_file("letter.txt", "dear");
    assert_int_equal(store_open(&s, &e), -EINVAL);
    assert_non_null(strstr(e.text, "is not a state folder of rctr"));
    assert_non_null(strstr(e.text, "letter.txt"));
}

static void the_folder_where_rctr_was_installed_is_taken(void **state)
{
    struct store s = STORE_CLOSED;
    char path[sizeof store_dir_path + 16];

    (void)state;
    snprintf(path, sizeof path, "%s/images", store_dir_path);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(store_open(&s, NULL), 0);
    store_close(&s);
}

static void a_folder_others_can_write_to_is_refused(void **state)
{
    struct store s = STORE_CLOSED;
    struct err e = {0};

    (void)state;
    assert_int_equal(chmod(store_dir_path, 0777), 0);
    assert_int_equal(store_open(&s, &e), -EPERM);
    assert_non_null(strstr(e.text, "other users can write to"));
}

static void another_users_folder_is_refused(void **state)
{
    struct store s = STORE_CLOSED;
    struct err e = {0};
    const char *path = geteuid() == 0 ? store_dir_path : "/";

    (void)state;
    if (geteuid() == 0)
        assert_int_equal(chown(store_dir_path, 4242, 4242), 0);
    assert_int_equal(store_open_at(path, &s, &e), -EPERM);
    assert_non_null(strstr(e.text, "belongs to user"));
}

static void the_temporary_folder_goes_with_its_store(void **state)
{
    struct store s = STORE_CLOSED;
    int fd = -1;

    (void)state;
    assert_int_equal(store_open(&s, NULL), 0);
    assert_int_equal(store_tmp(&s, &fd, NULL), 0);
    assert_int_equal(entries("tmp"), 2);
    store_close(&s);
    assert_int_equal(entries("tmp"), 0);
}

static void one_process_may_open_the_store_twice(void **state)
{
    struct store a = STORE_CLOSED, b = STORE_CLOSED;
    int fd = -1;

    (void)state;
    assert_int_equal(store_open(&a, NULL), 0);
    assert_int_equal(store_open(&b, NULL), 0);
    assert_int_equal(store_tmp(&a, &fd, NULL), 0);
    assert_int_equal(store_tmp(&b, &fd, NULL), 0);
    assert_string_not_equal(a.tmp_name, b.tmp_name);
    store_close(&a);
    assert_int_equal(entries("tmp"), 2);
    store_close(&b);
}

/* A child makes its temporary folder with a file in it, tells, and waits to be killed. */
static pid_t busy_child(int *ret_ready)
{
    int p[2];
    pid_t pid;

    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        struct store s = STORE_CLOSED;
        int fd = -1;

        if (store_open(&s, NULL) < 0 || store_tmp(&s, &fd, NULL) < 0 ||
            openat(fd, "half", O_CREAT | O_WRONLY, 0600) < 0 || write(p[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(p[1]);
    *ret_ready = p[0];
    return pid;
}

static void what_a_dead_process_left_is_cleared_and_a_live_ones_work_is_kept(void **state)
{
    struct store s = STORE_CLOSED;
    int ready[2], fd = -1;
    pid_t dead = busy_child(&ready[0]), alive = busy_child(&ready[1]);
    char c;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read(ready[i], &c, 1), 1);
        close(ready[i]);
    }
    kill(dead, SIGKILL);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    assert_int_equal(store_open(&s, NULL), 0);
    assert_int_equal(store_tmp(&s, &fd, NULL), 0);
    assert_int_equal(entries("tmp"), 4); /* ours and the live one's, each with its lock */
    kill(alive, SIGKILL);
    assert_int_equal(waitpid(alive, NULL, 0), alive);
    assert_int_equal(store_clear_tmp(&s, NULL, NULL), 0);
    assert_int_equal(entries("tmp"), 2);
    store_close(&s);
}

static void a_discarded_tree_is_gone_and_leaves_nothing(void **state)
{
    struct store s = STORE_CLOSED;
    autofd int fd = -1;
    struct err e = {0};

    (void)state;
    assert_int_equal(store_open(&s, NULL), 0);
    assert_int_equal(store_folder(&s, "layers/abc/tree/deep", &fd, NULL), 0);
    assert_int_equal(fchmod(fd, 0), 0);
    assert_int_equal(store_discard(&s, s.fd, "layers/abc", &e), 0);
    assert_int_equal(entries("layers"), 0);
    assert_int_equal(entries("tmp"), 0);
    assert_int_equal(store_discard(&s, s.fd, "layers/abc", &e), -ENOENT);
    store_close(&s);
}

static void sockets_go_to_the_runtime_folder_or_into_the_store(void **state)
{
    struct store s = STORE_CLOSED;
    char run[80];
    autofree char *a = NULL, *b = NULL;

    (void)state;
    assert_int_equal(store_open(&s, NULL), 0);
    snprintf(run, sizeof run, "%s/xdg", store_dir_path);
    assert_int_equal(mkdir(run, 0700), 0);
    setenv("XDG_RUNTIME_DIR", run, 1);
    a = store_runtime_dir(&s, NULL);
    assert_non_null(strstr(a, "/xdg/rctr"));
    setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
    b = store_runtime_dir(&s, NULL);
    assert_non_null(strstr(b, "/run/"));
    assert_int_equal(access(b, W_OK), 0);
    store_close(&s);
}

static void the_exclusive_lock_waits_for_the_shared_one(void **state)
{
    struct store a = STORE_CLOSED, b = STORE_CLOSED;
    int lock = -1;

    (void)state;
    assert_int_equal(store_open(&a, NULL), 0);
    assert_int_equal(store_open(&b, NULL), 0);
    assert_int_equal(store_lock_shared(&a, NULL), 0);
    assert_int_equal(store_lock_shared(&b, NULL), 0);
    assert_int_equal(file_lock(a.fd, "lock", 2 | 4 /* LOCK_EX | LOCK_NB */, &lock, NULL),
                     -EWOULDBLOCK);
    store_close(&b);
    assert_int_equal(store_lock_exclusive(&a, NULL), 0);
    store_close(&a);
}

#define T(f) cmocka_unit_test_setup_teardown(f, store_dir_setup, store_dir_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_missing_folder_is_made_with_its_parents_for_the_owner_alone),
        T(a_relative_path_is_made_absolute),
        T(a_newer_version_is_refused),
        T(a_folder_with_other_things_in_it_is_not_taken),
        T(the_folder_where_rctr_was_installed_is_taken),
        T(a_folder_others_can_write_to_is_refused),
        T(another_users_folder_is_refused),
        T(the_temporary_folder_goes_with_its_store),
        T(one_process_may_open_the_store_twice),
        T(what_a_dead_process_left_is_cleared_and_a_live_ones_work_is_kept),
        T(a_discarded_tree_is_gone_and_leaves_nothing),
        T(sockets_go_to_the_runtime_folder_or_into_the_store),
        T(the_exclusive_lock_waits_for_the_shared_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
