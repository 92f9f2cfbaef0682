#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/blob.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"

static void what_was_put_is_read(void **state)
{
    autotext struct text t = {0};
    autofd int fd = -1;
    struct digest d;
    off_t size = 0;

    (void)state;
    assert_int_equal(blob_put(&store, "hello", 5, &d, NULL), 0);
    assert_string_equal(d.hex, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_true(blob_exists(&store, &d));
    assert_int_equal(blob_read(&store, &d, 100, &t, NULL), 0);
    assert_string_equal(t.s, "hello");
    assert_int_equal(blob_open(&store, &d, &fd, &size, NULL), 0);
    assert_int_equal(size, 5);
    assert_int_equal(blob_put(&store, "hello", 5, &d, NULL), 0);
    assert_int_equal(blob_remove(&store, &d, NULL), 0);
    assert_int_equal(blob_remove(&store, &d, NULL), 0);
    assert_false(blob_exists(&store, &d));
}

static void a_missing_one_says_so(void **state)
{
    struct digest d = {"aaaa"};
    struct err e = {0};
    int fd = -1;

    (void)state;
    assert_int_equal(blob_open(&store, &d, &fd, NULL, &e), -ENOENT);
    assert_string_equal(e.text, "blob sha256:aaaa is not in the store");
}

static void other_bytes_or_another_size_are_refused_and_leave_nothing(void **state)
{
    struct blob_writer w;
    struct digest d;
    struct err e = {0};

    (void)state;
    assert_int_equal(hash_bytes("hello", 5, &d, NULL), 0);
    assert_int_equal(blob_begin(&store, &d, &w, NULL), 0);
    assert_int_equal(blob_add(&w, "hellO", 5, NULL), 0);
    assert_int_equal(blob_commit(&store, &w, &d, -1, true, &e), -EBADMSG);
    assert_non_null(strstr(e.text, "is not what arrived"));
    assert_int_equal(blob_begin(&store, &d, &w, NULL), 0);
    assert_int_equal(blob_add(&w, "hello", 5, NULL), 0);
    assert_int_equal(blob_commit(&store, &w, &d, 6, true, &e), -EBADMSG);
    assert_non_null(strstr(e.text, "has 5 bytes, but 6 were announced"));
    assert_false(blob_exists(&store, &d));
    assert_int_equal(unlinkat(store.fd, "blobs/sha256", AT_REMOVEDIR), -1);
    assert_int_equal(errno, ENOENT);
}

static void a_damaged_one_is_not_given_out(void **state)
{
    autotext struct text t = {0};
    char path[80];
    struct digest d;
    struct err e = {0};

    (void)state;
    assert_int_equal(blob_put(&store, "hello", 5, &d, NULL), 0);
    snprintf(path, sizeof path, "blobs/sha256/%s", d.hex);
    assert_int_equal(file_replace(store.fd, path + 0, "", 0, 0600, false, NULL), -ENOENT);
    {
        autofd int fd = openat(store.fd, path, O_WRONLY);

        assert_int_equal(write(fd, "j", 1), 1);
    }
    assert_int_equal(blob_read(&store, &d, 100, &t, &e), -EBADMSG);
    assert_non_null(strstr(e.text, "is damaged (cure: rctr system check --repair"));
    assert_int_equal(t.n, 0);
}

static void one_that_is_too_large_is_not_read(void **state)
{
    autotext struct text t = {0};
    struct digest d;
    struct err e = {0};

    (void)state;
    assert_int_equal(blob_put(&store, "hello", 5, &d, NULL), 0);
    assert_int_equal(blob_read(&store, &d, 4, &t, &e), -EFBIG);
}

/* A child stores blobs until it is killed; what is there afterwards is whole. */
static void kill_at_any_moment_leaves_only_whole_blobs(void **state)
{
    static char bytes[200000];
    size_t whole = 0;

    (void)state;
    for (int i = 0; i < 40; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            struct store s = STORE_CLOSED;

            if (store_open(&s, NULL) < 0)
                _exit(1);
            for (int n = 0;; n++) {
                struct digest d;

                memcpy(bytes, &(int[]){i, n}, 2 * sizeof(int));
                if (blob_put(&s, bytes, sizeof bytes, &d, NULL) < 0)
                    _exit(1);
            }
        }
        usleep((unsigned)(i * 211));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
    for (int i = 0; i < 40; i++)
        for (int n = 0; n < 1000; n++) {
            autotext struct text t = {0};
            struct digest d;

            memcpy(bytes, &(int[]){i, n}, 2 * sizeof(int));
            assert_int_equal(hash_bytes(bytes, sizeof bytes, &d, NULL), 0);
            if (!blob_exists(&store, &d))
                break;
            assert_int_equal(blob_read(&store, &d, sizeof bytes, &t, NULL), 0);
            whole++;
        }
    assert_true(whole > 0);
    assert_int_equal(store_clear_tmp(&store, NULL, NULL), 0);
    assert_int_equal(unlinkat(store.fd, "tmp", AT_REMOVEDIR), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_store_setup, open_store_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_put_is_read),
        T(a_missing_one_says_so),
        T(other_bytes_or_another_size_are_refused_and_leave_nothing),
        T(a_damaged_one_is_not_given_out),
        T(one_that_is_too_large_is_not_read),
        T(kill_at_any_moment_leaves_only_whole_blobs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
