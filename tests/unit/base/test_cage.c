/* Each case is a child that enters the cage and tries one thing. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/cage.h"
#include "tests/unit/unit.h"

static char folder[64];
static int folder_fd = -1, report[2];

static void refused(int number)
{
    if (write(report[1], &number, sizeof number) < 0)
        _exit(99);
}

/* The exit status of fn in a cage around `folder`; *ret_number: the call that was refused, or -1.
 */
static int in_cage(int (*fn)(void), int *ret_number)
{
    struct cage cage = {.folders = {folder_fd},
                        .folder_count = 1,
                        .memory_bytes = 256 << 20,
                        .file_bytes = 1 << 20,
                        .open_files = 100,
                        .refused = refused};
    int status, number = -1;
    pid_t pid;

    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        struct err e = {0};

        if (cage_enter(&cage, &e) < 0) {
            fprintf(stderr, "%s\n", e.text);
            _exit(98);
        }
        _exit(fn());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(report[1]);
    if (read(report[0], &number, sizeof number) <= 0)
        number = -1;
    close(report[0]);
    *ret_number = number;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void assert_stopped_at(int (*fn)(void), int number)
{
    int seen;

    assert_int_equal(in_cage(fn, &seen), CAGE_STATUS);
    assert_int_equal(seen, number);
}

static int make_files(void)
{
    autofd int fd = openat(folder_fd, "new", O_WRONLY | O_CREAT | O_EXCL, 0600);

    if (fd < 0 || write(fd, "x", 1) != 1 || mkdirat(folder_fd, "sub", 0700) < 0 ||
        linkat(folder_fd, "new", folder_fd, "sub/other", 0) < 0 ||
        mkfifoat(folder_fd, "fifo", 0600) < 0 || symlinkat("x", folder_fd, "link") < 0 ||
        unlinkat(folder_fd, "new", 0) < 0)
        return 1;
    return 0;
}

static void below_its_folder_it_may_work(void **state)
{
    int seen;

    (void)state;
    assert_int_equal(in_cage(make_files, &seen), 0);
    assert_int_equal(seen, -1);
}

static int open_outside(void)
{
    int r = open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
    int w = openat(folder_fd, "../outside", O_WRONLY | O_CREAT, 0600) < 0 ? errno : 0;

    return r == EACCES && w == EACCES ? 0 : 1;
}

static void outside_it_can_open_nothing(void **state)
{
    int seen;

    (void)state;
    if (!strstr(cage_describe(), "landlock")) {
        print_message("skipped: this kernel has no Landlock\n");
        skip();
    }
    assert_int_equal(in_cage(open_outside, &seen), 0);
}

static bool can_map(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static int map_much(void)
{
    return can_map(200 << 20) && !can_map(200 << 20) ? 0 : 1;
}

/* As the heaps of threads that were there before the fork do. */
static void what_was_mapped_before_leaves_the_same_room(void **state)
{
    size_t before = 600 << 20;
    void *p = mmap(NULL, before, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int number;

    (void)state;
    assert_true(p != MAP_FAILED);
#ifndef __SANITIZE_ADDRESS__ /* its shadow is larger than any limit: there is none */
    assert_int_equal(in_cage(map_much, &number), 0);
    munmap(p, before);
    assert_int_equal(in_cage(map_much, &number), 0);
#else
    (void)map_much, (void)number;
    munmap(p, before);
#endif
}

static int try_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int try_exec(void)
{
    execl("/bin/true", "true", NULL);
    return 1;
}

static int try_fork(void)
{
    return fork() < 0;
}

static int try_executable_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) == MAP_FAILED;
}

static int try_kill(void)
{
    return kill(getppid(), 0);
}

static void refused_calls_end_it_and_are_told(void **state)
{
    (void)state;
    assert_stopped_at(try_socket, SYS_socket);
    assert_stopped_at(try_exec, SYS_execve);
    assert_stopped_at(try_fork, SYS_clone);
    assert_stopped_at(try_executable_memory, SYS_mmap);
    assert_stopped_at(try_kill, SYS_getppid);
}

static void *nothing(void *arg)
{
    return arg;
}

static int start_thread(void)
{
    pthread_t t;

    return pthread_create(&t, NULL, nothing, NULL) || pthread_join(t, NULL);
}

static void a_thread_may_be_made(void **state)
{
    int seen;

    (void)state;
    assert_int_equal(in_cage(start_thread, &seen), 0);
}

static int write_much(void)
{
    int fd = openat(folder_fd, "big", O_WRONLY | O_CREAT, 0600);

    return pwrite(fd, "x", 1, 2 << 20) < 0 && errno == EFBIG ? 0 : 1;
}

static int take_much(void)
{
    return malloc(512 << 20) ? 1 : 0;
}

static void sizes_have_an_end(void **state)
{
    int seen;

    (void)state;
    assert_int_equal(in_cage(write_much, &seen), 0);
#ifndef __SANITIZE_ADDRESS__
    assert_int_equal(in_cage(take_much, &seen), 0);
#else
    (void)take_much;
#endif
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/rctr-cage.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    close(folder_fd);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_mapped_before_leaves_the_same_room),
        cmocka_unit_test(below_its_folder_it_may_work),
        cmocka_unit_test(outside_it_can_open_nothing),
        cmocka_unit_test(refused_calls_end_it_and_are_told),
        cmocka_unit_test(a_thread_may_be_made),
        cmocka_unit_test(sizes_have_an_end),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
