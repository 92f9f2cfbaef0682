#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "tests/unit/base/folder.h"

static void a_whole_file_is_read_and_appended(void **state)
{
    autotext struct text t = {0};

    (void)state;
    folder_put("f", "two");
    text_add(&t, "one ");
    assert_int_equal(file_read(folder, "f", 3, &t, NULL), 0);
    assert_string_equal(t.s, "one two");
    folder_put("empty", "");
    text_free(&t);
    assert_int_equal(file_read(folder, "empty", 0, &t, NULL), 0);
    assert_string_equal(t.s, "");
}

static void what_is_no_small_regular_file_is_refused_at_once(void **state)
{
    static const struct {
        const char *name;
        int code;
        const char *words;
    } cases[] = {
        {"none", -ENOENT, "cannot open 'none': No such file or directory"},
        {"folder", -EINVAL, "'folder' is not a regular file"},
        {"fifo", -EINVAL, "'fifo' is not a regular file"},
        {"big", -EFBIG, "'big': larger than 3 bytes"},
        {"/dev/zero", -EINVAL, "'/dev/zero' is not a regular file"},
    };
    struct err e;

    (void)state;
    folder_put("big", "four");
    assert_int_equal(mkdirat(folder, "folder", 0755), 0);
    assert_int_equal(mkfifoat(folder, "fifo", 0600), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        autotext struct text t = {0};

        assert_int_equal(file_read(folder, cases[i].name, 3, &t, &e), cases[i].code);
        assert_string_equal(e.text, cases[i].words);
    }
}

static void replacing_leaves_the_new_bytes_and_nothing_else(void **state)
{
    struct stat st;

    (void)state;
    for (int durable = 0; durable < 2; durable++) {
        autotext struct text t = {0};

        folder_put("f", "old and longer");
        assert_int_equal(file_replace(folder, "f", "new", 3, 0640, durable, NULL), 0);
        assert_int_equal(file_read(folder, "f", 100, &t, NULL), 0);
        assert_string_equal(t.s, "new");
        assert_int_equal(fstatat(folder, "f", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_int_equal(folder_count(folder), 1);
    }
}

static void a_stale_temporary_name_does_not_matter(void **state)
{
    autotext struct text t = {0};
    struct stat st;
    char tmp[64];

    (void)state;
    snprintf(tmp, sizeof tmp, ".f.%d.tmp", (int)getpid());
    folder_put("victim", "untouched");
    folder_put(tmp, "half");
    assert_int_equal(fchmodat(folder, tmp, 0400, 0), 0);
    assert_int_equal(file_replace(folder, "f", "1", 1, 0644, false, NULL), 0);
    assert_int_equal(fstatat(folder, "f", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(symlinkat("victim", folder, tmp), 0);
    assert_int_equal(file_replace(folder, "f", "2", 1, 0644, false, NULL), 0);
    assert_int_equal(file_read(folder, "victim", 100, &t, NULL), 0);
    assert_string_equal(t.s, "untouched");
    assert_int_equal(folder_count(folder), 2);
}

static void a_failed_replacement_leaves_the_old_file_and_no_other(void **state)
{
    char name[300];
    struct err e;

    (void)state;
    assert_int_equal(mkdirat(folder, "f", 0755), 0);
    folder_put("f/x", "");
    assert_true(file_replace(folder, "f", "1", 1, 0644, false, &e) < 0);
    assert_string_equal(e.text, "cannot put 'f' in place: Is a directory");
    assert_int_equal(folder_count(folder), 1);
    memset(name, 'n', sizeof name);
    name[250] = 0;
    assert_int_equal(file_replace(folder, name, "1", 1, 0644, false, &e), -ENAMETOOLONG);
    assert_non_null(strstr(e.text, "nnn': the name is too long"));
}

/* Version n of the file: its first bytes tell n, all others are the same letter. */
enum { VERSION_SIZE = 200000 };

static _Noreturn void replace_for_ever(void)
{
    static char bytes[VERSION_SIZE];

    for (int i = 0;; i++) {
        memset(bytes, 'a' + i % 26, sizeof bytes);
        if (file_replace(folder, "f", bytes, sizeof bytes, 0600, false, NULL) < 0)
            _exit(1);
    }
}

static void killed_at_any_moment_it_leaves_a_whole_file(void **state)
{
    unsigned seen[26] = {0}, different = 0;

    (void)state;
    for (int i = 0; i < 200; i++) {
        autotext struct text t = {0};
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0)
            replace_for_ever();
        usleep((unsigned)(i * 7919 % 6000) + 500);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status)); /* it did not fail by itself */
        if (file_read(folder, "f", VERSION_SIZE, &t, NULL) == -ENOENT)
            continue; /* killed before the first one */
        assert_int_equal(t.n, VERSION_SIZE);
        for (size_t k = 1; k < t.n; k++)
            if (t.s[k] != t.s[0])
                fail_msg("a mixture after %zu bytes", k);
        seen[t.s[0] - 'a']++;
    }
    for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
        different += seen[i] > 0;
    assert_true(different > 1);
}

static void a_full_pipe_that_does_not_block_is_waited_for(void **state)
{
    static char bytes[300000];
    size_t got = 0;
    ssize_t n;
    int p[2];
    pid_t pid;

    (void)state;
    assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(file_write_fd(p[1], bytes, sizeof bytes, NULL) < 0);
    close(p[1]);
    assert_int_equal(fcntl(p[0], F_SETFL, 0), 0);
    while ((n = read(p[0], bytes, 4096)) > 0)
        got += (size_t)n;
    close(p[0]);
    assert_int_equal(waitpid(pid, &(int){0}, 0), pid);
    assert_int_equal(got, sizeof bytes);
}

static void a_write_that_fails_says_so(void **state)
{
    autofd int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct err e;

    (void)state;
    assert_int_equal(file_write_fd(fd, "x", 1, &e), -ENOSPC);
    assert_string_equal(e.text, "cannot write: No space left on device");
}

static void locks_shut_others_out_until_they_are_closed(void **state)
{
    autofd int a = -1, b = -1, c = -1;
    struct err e;

    (void)state;
    assert_int_equal(file_lock(folder, "l", LOCK_SH, &a, NULL), 0);
    assert_int_equal(file_lock(folder, "l", LOCK_SH | LOCK_NB, &b, NULL), 0);
    assert_int_equal(file_lock(folder, "l", LOCK_EX | LOCK_NB, &c, &e), -EWOULDBLOCK);
    assert_string_equal(e.text, "cannot lock 'l': Resource temporarily unavailable");
    close(take_fd(&a));
    close(take_fd(&b));
    assert_int_equal(file_lock(folder, "l", LOCK_EX | LOCK_NB, &c, NULL), 0);
    assert_int_equal(symlinkat("l", folder, "link"), 0);
    assert_int_equal(file_lock(folder, "link", LOCK_SH, &a, &e), -ELOOP);
}

static void a_folder_is_made_once(void **state)
{
    autofd int a = -1, b = -1;
    struct err e;

    (void)state;
    assert_int_equal(file_folder(folder, "d", 0700, &a, NULL), 0);
    assert_int_equal(file_folder(folder, "d", 0755, &b, NULL), 0);
    folder_put("file", "");
    assert_int_equal(file_folder(folder, "file", 0755, &b, &e), -ENOTDIR);
    assert_string_equal(e.text, "cannot open the folder 'file': Not a directory");
    assert_int_equal(file_folder(folder, "no/d", 0755, &b, &e), -ENOENT);
    assert_string_equal(e.text, "cannot make the folder 'no/d': No such file or directory");
}

static void what_killed_replacements_have_left_is_forgotten(void **state)
{
    static const char *const stay[] = {".a.tmp",     ".a.12x.tmp", ".a..tmp",
                                       ".ab.12.tmp", ".b.12.tmp",  "a.12.tmp"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(stay); i++)
        folder_put(stay[i], "");
    folder_put(".a.1.tmp", "");
    folder_put(".a.4194304.tmp", "");
    file_forget(folder, "a");
    for (size_t i = 0; i < ARRAY_SIZE(stay); i++)
        assert_int_equal(faccessat(folder, stay[i], F_OK, 0), 0);
    assert_int_equal(faccessat(folder, ".a.1.tmp", F_OK, 0), -1);
    assert_int_equal(faccessat(folder, ".a.4194304.tmp", F_OK, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(a_whole_file_is_read_and_appended),
        folder_test(what_is_no_small_regular_file_is_refused_at_once),
        folder_test(replacing_leaves_the_new_bytes_and_nothing_else),
        folder_test(a_stale_temporary_name_does_not_matter),
        folder_test(a_failed_replacement_leaves_the_old_file_and_no_other),
        folder_test(killed_at_any_moment_it_leaves_a_whole_file),
        folder_test(what_killed_replacements_have_left_is_forgotten),
        folder_test(a_full_pipe_that_does_not_block_is_waited_for),
        folder_test(a_write_that_fails_says_so),
        folder_test(locks_shut_others_out_until_they_are_closed),
        folder_test(a_folder_is_made_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
