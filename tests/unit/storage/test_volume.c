#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/volume_use.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"

static int try_make(const char *name, struct err *e)
{
    autovolume struct volume v = {0};

    assert_int_equal(volume_init(&v, NULL), 0);
    snprintf(v.name, sizeof v.name, "%s", name);
    v.needs_copy_up = true;
    return volume_create(&store, &v, true, e);
}

static void make(const char *name)
{
    struct err e = {0};

    if (try_make(name, &e) < 0)
        fail_msg("%s", e.text);
}

static void make_anonymous(const char *name, const char *container, bool rm, bool used)
{
    autovolume struct volume v = {0};

    assert_int_equal(volume_init(&v, NULL), 0);
    snprintf(v.name, sizeof v.name, "%s", name);
    snprintf(v.container, sizeof v.container, "%s", container);
    v.anonymous = true;
    v.rm = rm;
    v.needs_copy_up = !used;
    assert_int_equal(volume_create(&store, &v, false, NULL), 0);
}

/* A container that uses one volume, or two. */
static void use(const char *name, const char *volume, const char *other, struct record *ret)
{
    assert_int_equal(record_init(ret, NULL), 0);
    assert_int_equal(strv_add(&ret->volumes, volume, NULL), 0);
    if (other)
        assert_int_equal(strv_add(&ret->volumes, other, NULL), 0);
    assert_int_equal(record_new(&store, name, ret, NULL), 0);
}

static void what_was_made_is_loaded(void **state)
{
    autovolume struct volume a = {0}, b = {0};
    struct stat st;
    autofd int dir = -1;

    (void)state;
    assert_int_equal(volume_init(&a, NULL), 0);
    strcpy(a.name, "data.1_x-Y");
    json_object_set_new(a.labels, "k", json_string("v"));
    json_object_set_new(a.options, "o", json_string("bind"));
    a.needs_copy_up = true;
    assert_int_equal(volume_create(&store, &a, true, NULL), 0);
    assert_int_equal(volume_load(&store, "data.1_x-Y", &b, NULL), 0);
    assert_string_equal(b.name, a.name);
    assert_int_equal(b.created_ns, a.created_ns);
    assert_true(b.needs_copy_up && !b.anonymous && !b.rm);
    assert_true(json_equal(a.labels, b.labels) && json_equal(a.options, b.options));
    b.needs_copy_up = false;
    assert_int_equal(volume_save(&store, &b, true, NULL), 0);
    volume_free(&a);
    assert_int_equal(volume_load(&store, "data.1_x-Y", &a, NULL), 0);
    assert_false(a.needs_copy_up);
    assert_int_equal(volume_folder(&store, "data.1_x-Y", &dir, NULL), 0);
    assert_int_equal(fstat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(fstatat(dir, "data", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
}

static void names_are_checked(void **state)
{
    static const char *const bad[] = {"", ".x", "-x", "a/b", "..", "a b", "a\n", "\303\244"};
    char *longest = malloc(NAME_MAX + 2);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct err e = {0};

        assert_int_equal(volume_check_name(bad[i], &e), -EINVAL);
        assert_non_null(strstr(e.text, "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*"));
        assert_false(volume_exists(&store, bad[i]));
    }
    memset(longest, 'a', NAME_MAX + 1);
    longest[NAME_MAX + 1] = 0;
    assert_int_equal(volume_check_name(longest, NULL), -EINVAL);
    longest[NAME_MAX] = 0;
    assert_int_equal(volume_check_name(longest, NULL), 0);
    make(longest);
    free(longest);
}

static void a_name_is_given_once(void **state)
{
    struct err e = {0};

    (void)state;
    make("x");
    assert_int_equal(try_make("x", &e), -EEXIST);
    assert_string_equal(e.text, "volume with name x already exists: volume already exists");
}

static void of_many_makers_one_wins(void **state)
{
    enum { MAKERS = 20 };
    int won = 0, lost = 0;

    (void)state;
    for (int i = 0; i < MAKERS; i++)
        if (fork() == 0) {
            autostore struct store own = STORE_CLOSED;
            autovolume struct volume v = {0};
            int r = store_open(&own, NULL);

            if (r == 0)
                r = volume_init(&v, NULL);
            strcpy(v.name, "x");
            if (r == 0)
                r = volume_create(&own, &v, true, NULL);
            store_close(&own);
            _exit(r == 0 ? 0 : r == -EEXIST ? 1 : 2);
        }
    for (int i = 0, status; i < MAKERS; i++) {
        assert_true(wait(&status) > 0);
        won += status == 0;
        lost += WIFEXITED(status) && WEXITSTATUS(status) == 1;
    }
    assert_int_equal(won, 1);
    assert_int_equal(lost, MAKERS - 1);
}

static void a_beginning_that_fits_one_finds_it(void **state)
{
    char name[NAME_MAX + 1];
    struct err e = {0};

    (void)state;
    make("alpha");
    make("alpine");
    make("al");
    assert_int_equal(volume_find(&store, "alpi", name, &e), 0);
    assert_string_equal(name, "alpine");
    assert_int_equal(volume_find(&store, "al", name, &e), 0);
    assert_string_equal(name, "al");
    assert_int_equal(volume_find(&store, "alp", name, &e), -ENOTUNIQ);
    assert_string_equal(e.text, "\"alp\" is the beginning of 2 volume names: give more of it");
    assert_int_equal(volume_find(&store, "b", name, &e), -ENOENT);
    assert_string_equal(e.text, "no volume with name \"b\" found: no such volume");
    assert_int_equal(volume_find(&store, "", name, &e), -ENOENT);
}

static void a_damaged_one_is_told_and_can_be_removed(void **state)
{
    autovolume struct volume v = {0};
    autostrv struct strv names = {0};
    autofd int dir = -1;
    struct err e = {0};

    (void)state;
    make("x");
    assert_int_equal(volume_folder(&store, "x", &dir, NULL), 0);
    assert_int_equal(file_replace(dir, "meta.json", "{", 1, 0600, false, NULL), 0);
    assert_int_equal(volume_load(&store, "x", &v, &e), -EINVAL);
    assert_true(text_starts(e.text, "volume \"x\" is damaged: "));
    assert_int_equal(unlinkat(dir, "meta.json", 0), 0);
    assert_int_equal(volume_load(&store, "x", &v, &e), -EINVAL);
    assert_string_equal(e.text, "volume \"x\" is damaged: its meta.json is missing");
    assert_int_equal(volume_names(&store, &names, NULL), 0);
    assert_int_equal(names.n, 1);
    assert_int_equal(volume_use_remove(&store, "x", false, NULL), 0);
    assert_int_equal(volume_load(&store, "x", &v, &e), -ENOENT);
}

static void one_that_is_used_stays(void **state)
{
    autorecord struct record a = {.dir_fd = -1}, b = {.dir_fd = -1};
    autofree char *words = NULL;
    struct err e = {0};

    (void)state;
    make("x");
    use("a", "x", NULL, &a);
    use("b", "y", NULL, &b);
    words = text_format("volume x is being used by the following container(s): %s: volume is being "
                        "used",
                        a.id);
    assert_int_equal(volume_use_remove(&store, "x", false, &e), -EBUSY);
    assert_string_equal(e.text, words);
    assert_int_equal(e.status, 2);
    assert_int_equal(record_remove(&store, &a, NULL), 0);
    assert_int_equal(volume_use_remove(&store, "x", false, &e), 0);
    assert_false(volume_exists(&store, "x"));
    assert_int_equal(volume_use_remove(&store, "x", false, &e), -ENOENT);
}

static void a_damaged_record_may_use_any(void **state)
{
    autorecord struct record a = {.dir_fd = -1};
    struct err e = {0};

    (void)state;
    make("x");
    use("a", "y", NULL, &a);
    assert_int_equal(file_replace(a.dir_fd, "record.json", "{", 1, 0600, false, NULL), 0);
    assert_int_equal(volume_use_remove(&store, "x", false, &e), -EBUSY);
    assert_true(text_starts(e.text, "volume x may be in use: the record of container "));
    assert_int_equal(volume_use_remove(&store, "x", true, &e), 0);
}

static void a_container_that_goes_takes_what_it_alone_used(void **state)
{
    autorecord struct record a = {.dir_fd = -1}, b = {.dir_fd = -1};

    (void)state;
    make("named");
    make_anonymous("mine", "", false, true);
    make_anonymous("shared", "", false, true);
    use("a", "named", "mine", &a);
    use("b", "shared", "mine", &b);
    strv_add(&a.volumes, "shared", NULL);
    strv_add(&a.volumes, "gone", NULL);
    assert_int_equal(record_remove(&store, &a, NULL), 0);
    assert_int_equal(volume_use_release(&store, &a, NULL), 0);
    assert_true(volume_exists(&store, "named"));
    assert_true(volume_exists(&store, "mine"));
    assert_true(volume_exists(&store, "shared"));
    assert_int_equal(record_remove(&store, &b, NULL), 0);
    assert_int_equal(volume_use_release(&store, &b, NULL), 0);
    assert_false(volume_exists(&store, "mine"));
    assert_false(volume_exists(&store, "shared"));
    assert_true(volume_exists(&store, "named"));
}

static void what_killed_removers_left_is_swept(void **state)
{
    autorecord struct record a = {.dir_fd = -1};
    char gone[65];

    (void)state;
    memset(gone, 'a', 64);
    gone[64] = 0;
    use("a", "kept-for-another", NULL, &a);
    make("named");
    make_anonymous("went-with-it", gone, true, true);
    make_anonymous("never-used", gone, false, false);
    make_anonymous("kept-by-rm", gone, false, true);
    make_anonymous("kept-for-another", gone, true, true);
    make_anonymous("at-work", a.id, true, false);
    assert_int_equal(volume_use_sweep(&store, NULL), 0);
    assert_false(volume_exists(&store, "went-with-it"));
    assert_false(volume_exists(&store, "never-used"));
    assert_true(volume_exists(&store, "named"));
    assert_true(volume_exists(&store, "kept-by-rm"));
    assert_true(volume_exists(&store, "kept-for-another"));
    assert_true(volume_exists(&store, "at-work"));
}

/* The two sides of the race, in the order that would hurt: the remover waits for who is taking. */
static void a_remover_waits_for_who_is_taking(void **state)
{
    autorecord struct record a = {.dir_fd = -1};
    autofd int lock = -1;
    int pipe_fds[2], status;
    char byte;
    pid_t pid;

    (void)state;
    make("x");
    assert_int_equal(volume_lock(&store, LOCK_SH, &lock, NULL), 0);
    assert_int_equal(pipe(pipe_fds), 0);
    pid = fork();
    if (pid == 0) {
        (void)!write(pipe_fds[1], "", 1);
        close(lock);
        _exit(volume_use_remove(&store, "x", false, NULL) == -EBUSY ? 0 : 1);
    }
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    use("a", "x", NULL, &a);
    assert_true(volume_exists(&store, "x"));
    close(take_fd(&lock));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(volume_exists(&store, "x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_made_is_loaded, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(names_are_checked, open_store_setup, open_store_teardown),
        cmocka_unit_test_setup_teardown(a_name_is_given_once, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(of_many_makers_one_wins, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(a_beginning_that_fits_one_finds_it, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_one_is_told_and_can_be_removed, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(one_that_is_used_stays, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_record_may_use_any, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(a_container_that_goes_takes_what_it_alone_used,
                                        open_store_setup, open_store_teardown),
        cmocka_unit_test_setup_teardown(what_killed_removers_left_is_swept, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(a_remover_waits_for_who_is_taking, open_store_setup,
                                        open_store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
