/* This program is also what it tests: called with "inside" it seals itself and tells what it is
 * then. */
#include <errno.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/self.h"
#include "tests/unit/base/folder.h"

/* "sealed" or "plain", then the arguments as they are. */
static int tell(int argc, char **argv)
{
    struct err e = {0};
    int seals, exe, r = self_seal(&e);

    if (r < 0) {
        printf("%s", e.text);
        return 1;
    }
    exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    seals = fcntl(exe, F_GET_SEALS);
    printf("%s", seals >= 0 && seals & F_SEAL_WRITE ? "sealed" : "plain");
    for (int i = 2; i < argc; i++)
        printf(" [%s]", argv[i]);
    printf(" writable:%d", open("/proc/self/exe", O_WRONLY | O_CLOEXEC) >= 0);
    return 0;
}

static void run_self(const char *program, char *ret, size_t size)
{
    char zero[] = "test", one[] = "inside", two[] = "two words", three[] = "", four[] = "\xff";
    char *const argv[] = {zero, one, two, three, four, NULL};
    size_t n = 0;
    ssize_t got;
    int p[2], status;
    pid_t pid;

    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(p[1], 1);
        execv(program, argv);
        _exit(99);
    }
    close(p[1]);
    while ((got = read(p[0], ret + n, size - 1 - n)) > 0)
        n += (size_t)got;
    ret[n] = 0;
    close(p[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static char program[64]; /* a copy of ours, which belongs to us */

static int copy_self(void **state)
{
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to;
    char buf[65536];
    ssize_t n;

    (void)state;
    snprintf(program, sizeof program, "/tmp/rctr-self.XXXXXX");
    to = mkostemp(program, O_CLOEXEC);
    while (from >= 0 && to >= 0 && (n = read(from, buf, sizeof buf)) > 0)
        if (file_write_fd(to, buf, (size_t)n, NULL) < 0)
            return -1;
    if (to < 0 || fchmod(to, 0500) < 0)
        return -1;
    close(from);
    close(to);
    return 0;
}

static int remove_copy(void **state)
{
    (void)state;
    return unlink(program);
}

static void a_program_of_our_own_runs_from_a_sealed_copy(void **state)
{
    char said[256];

    (void)state;
    run_self(program, said, sizeof said);
    assert_string_equal(said, "sealed [two words] [] [\xff] writable:0");
}

static void a_title_takes_the_place_of_the_arguments(void **state)
{
    char words[] = "prog\0-e\0TOKEN=secret";
    char *argv[] = {words, words + 5, words + 8};
    size_t n = 0;

    (void)state;
    self_arguments(0, argv); /* nothing to remember */
    self_title("x");
    self_arguments(3, argv);
    assert_ptr_equal(self_argument_area(&n), words);
    assert_int_equal(n, sizeof words);
    self_title("monitor");
    assert_memory_equal(words, "monitor\0\0\0\0\0\0\0\0\0\0\0\0\0", sizeof words);
    self_title("a title that is longer than all arguments");
    assert_memory_equal(words, "a title that is long", sizeof words - 1);
    assert_int_equal(words[sizeof words - 1], 0);
}

static void a_value_among_the_arguments_is_hidden(void **state)
{
    char words[] = "prog\0-e\0TOKEN=secret\0x=";
    char *argv[] = {words, words + 5, words + 8, words + 21};
    char elsewhere[] = "TOKEN=secret";

    (void)state;
    self_arguments(4, argv);
    self_hide(argv[2]);
    self_hide(argv[3]);
    self_hide(argv[0]);
    self_hide(elsewhere);
    assert_memory_equal(words, "prog\0-e\0TOKEN=******\0x=", sizeof words);
    assert_string_equal(elsewhere, "TOKEN=secret");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_program_of_our_own_runs_from_a_sealed_copy, copy_self,
                                        remove_copy),
        cmocka_unit_test(a_title_takes_the_place_of_the_arguments),
        cmocka_unit_test(a_value_among_the_arguments_is_hidden),
    };

    if (argc > 1 && strcmp(argv[1], "inside") == 0)
        return tell(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
