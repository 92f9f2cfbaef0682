#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "storage/partial.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"

static const char words[] = "what a pull has fetched of a blob before it was killed";
enum { ALL = sizeof words - 1 };

static struct digest blob(void)
{
    struct digest d;

    assert_int_equal(hash_bytes(words, ALL, &d, NULL), 0);
    return d;
}

/* A process that writes `n` bytes of the blob and dies. `spoil` (may be NULL) then does something
 * to its file, named NAME in the open folder. */
static void die_with(const char *bytes, size_t n, void (*spoil)(int dir, const char *name))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct digest d = blob();
        struct store s = STORE_CLOSED;
        struct blob_writer w;

        if (store_open_at(store.path, &s, NULL) < 0 || store_tmp_late(&s, &w.dir_fd, NULL) < 0 ||
            blob_begin(&s, &d, &w, NULL) < 0 || blob_add(&w, bytes, n, NULL) < 0)
            _exit(1);
        if (spoil)
            spoil(w.dir_fd, w.name);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int adopt(struct blob_writer *w, off_t *found)
{
    struct digest d = blob();

    *found = 0;
    return partial_adopt(&store, &d, ALL, false, w, found, NULL);
}

static void what_a_dead_one_has_left_is_gone_on_with(void **state)
{
    struct digest d = blob();
    struct blob_writer w;
    off_t found;

    (void)state;
    die_with(words, 10, NULL);
    die_with(words, 30, NULL);
    die_with(words, 20, NULL);
    assert_int_equal(adopt(&w, &found), 0);
    assert_int_equal(found, 30);
    assert_int_equal(w.written, 0);
    assert_int_equal(partial_hash(&w, &found, 7, NULL), 0);
    assert_int_equal(partial_hash(&w, &found, 1000, NULL), 0);
    assert_int_equal(w.written, 30);
    assert_int_equal(blob_add(&w, words + 30, ALL - 30, NULL), 0);
    assert_int_equal(blob_commit(&store, &w, &d, ALL, true, NULL), 0);
    assert_true(blob_exists(&store, &d));
}

static void there_is_none_when_nobody_died(void **state)
{
    struct blob_writer mine, other;
    struct digest d = blob();
    off_t found;

    (void)state;
    assert_int_equal(adopt(&mine, &found), -ENOENT);
    assert_int_equal(blob_begin(&store, &d, &mine, NULL), 0);
    assert_int_equal(blob_add(&mine, words, 5, NULL), 0);
    assert_int_equal(adopt(&other, &found), -ENOENT);
    blob_abandon(&mine);
}

static void what_one_has_adopted_no_other_gets(void **state)
{
    struct store second = STORE_CLOSED;
    struct digest d = blob();
    struct blob_writer w, other;
    off_t found;

    (void)state;
    die_with(words, 10, NULL);
    assert_int_equal(adopt(&w, &found), 0);
    assert_int_equal(store_open_at(store.path, &second, NULL), 0);
    assert_int_equal(partial_adopt(&second, &d, ALL, false, &other, &found, NULL), -ENOENT);
    store_close(&second);
    blob_abandon(&w);
    assert_int_equal(adopt(&w, &found), -ENOENT);
}

static void a_wrong_byte_is_seen_at_the_end(void **state)
{
    struct digest d = blob();
    struct blob_writer w;
    struct err e = {0};
    off_t found;

    (void)state;
    die_with("What", 4, NULL);
    assert_int_equal(adopt(&w, &found), 0);
    assert_int_equal(partial_hash(&w, &found, ALL, NULL), 0);
    assert_int_equal(blob_add(&w, words + 4, ALL - 4, NULL), 0);
    assert_int_equal(blob_verify(&w, &d, ALL, &e), -EBADMSG);
    assert_non_null(strstr(e.text, "is not what arrived"));
    blob_abandon(&w);
}

static void make_longer(int dir, const char *name)
{
    autofd int fd = openat(dir, name, O_RDWR | O_CLOEXEC);

    if (ftruncate(fd, 1LL << 40) < 0)
        _exit(2);
}

static void make_empty(int dir, const char *name)
{
    autofd int fd = openat(dir, name, O_RDWR | O_TRUNC | O_CLOEXEC);

    if (fd < 0)
        _exit(2);
}

static void make_link(int dir, const char *name)
{
    if (unlinkat(dir, name, 0) < 0 || symlinkat("../../precious", dir, name) < 0)
        _exit(2);
}

static void make_hard_link(int dir, const char *name)
{
    if (unlinkat(dir, name, 0) < 0 || linkat(dir, "../../precious", dir, name, 0) < 0)
        _exit(2);
}

static void make_folder(int dir, const char *name)
{
    if (unlinkat(dir, name, 0) < 0 || mkdirat(dir, name, 0700) < 0)
        _exit(2);
}

static void make_fifo(int dir, const char *name)
{
    if (unlinkat(dir, name, 0) < 0 || mkfifoat(dir, name, 0600) < 0)
        _exit(2);
}

static void what_cannot_be_a_beginning_is_left(void **state)
{
    static void (*const spoilers[])(int dir, const char *name) = {
        make_longer, make_empty, make_link, make_hard_link, make_folder, make_fifo};
    autofd int precious = openat(store.fd, "precious", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct blob_writer w;
    struct stat st;
    off_t found;

    (void)state;
    assert_int_equal(write(precious, words, 10), 10);
    for (size_t i = 0; i < ARRAY_SIZE(spoilers); i++) {
        die_with(words, 10, spoilers[i]);
        assert_int_equal(adopt(&w, &found), -ENOENT);
    }
    assert_int_equal(fstat(precious, &st), 0);
    assert_int_equal(st.st_size, 10);
    assert_int_equal(store_clear_tmp(&store, NULL, NULL), 0);
    assert_int_equal(fstat(precious, &st), 0);
    assert_int_equal(st.st_nlink, 1);
}

static void a_hole_is_bytes_of_zero(void **state)
{
    struct digest d = blob();
    struct blob_writer w;
    off_t found;

    (void)state;
    die_with(words, 10, NULL);
    assert_int_equal(adopt(&w, &found), 0);
    assert_int_equal(ftruncate(w.fd, 0), 0); /* as a power cut may leave it */
    assert_int_equal(ftruncate(w.fd, 10), 0);
    assert_int_equal(partial_hash(&w, &found, ALL, NULL), 0);
    assert_int_equal(w.written, 10);
    assert_int_equal(blob_add(&w, words + 10, ALL - 10, NULL), 0);
    assert_int_equal(blob_verify(&w, &d, ALL, NULL), -EBADMSG);
    blob_abandon(&w);
}

static void a_file_that_is_shorter_than_it_seemed_is_gone_on_with_from_its_end(void **state)
{
    struct digest d = blob();
    struct blob_writer w;
    off_t found;

    (void)state;
    die_with(words, 10, NULL);
    assert_int_equal(adopt(&w, &found), 0);
    assert_int_equal(ftruncate(w.fd, 6), 0);
    assert_int_equal(partial_hash(&w, &found, ALL, NULL), 0);
    assert_int_equal(found, 6);
    assert_int_equal(w.written, 6);
    assert_int_equal(blob_add(&w, words + 6, ALL - 6, NULL), 0);
    assert_int_equal(blob_commit(&store, &w, &d, ALL, true, NULL), 0);
}

static void what_nobody_adopts_goes_when_the_store_is_closed(void **state)
{
    struct store second = STORE_CLOSED;
    struct stat st;
    int fd;

    (void)state;
    die_with(words, 10, NULL);
    assert_int_equal(store_open_at(store.path, &second, NULL), 0);
    assert_int_equal(store_tmp_late(&second, &fd, NULL), 0);
    assert_int_equal(fstatat(second.fd, "tmp", &st, 0), 0);
    assert_int_equal(st.st_nlink, 4); /* the dead one's and ours */
    store_close(&second);
    assert_int_equal(fstatat(store.fd, "tmp", &st, 0), 0);
    assert_int_equal(st.st_nlink, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_dead_one_has_left_is_gone_on_with, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(there_is_none_when_nobody_died, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(what_one_has_adopted_no_other_gets, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(a_wrong_byte_is_seen_at_the_end, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_a_beginning_is_left, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(a_hole_is_bytes_of_zero, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(
            a_file_that_is_shorter_than_it_seemed_is_gone_on_with_from_its_end, open_store_setup,
            open_store_teardown),
        cmocka_unit_test_setup_teardown(what_nobody_adopts_goes_when_the_store_is_closed,
                                        open_store_setup, open_store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
