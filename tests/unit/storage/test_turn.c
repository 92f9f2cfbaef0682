#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/registry/turn.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"

static const struct digest one = {
    "1111111111111111111111111111111111111111111111111111111111111111"};
static const struct digest two = {
    "2222222222222222222222222222222222222222222222222222222222222222"};

static int locks(void)
{
    int n = 0, fd = openat(store.fd, "cache/pull", O_RDONLY | O_DIRECTORY);
    DIR *d = fdopendir(fd);
    const struct dirent *ent;

    assert_non_null(d);
    while ((ent = readdir(d)))
        n += ent->d_name[0] != '.';
    closedir(d);
    return n;
}

static void one_has_the_turn_and_the_next_one_after_it(void **state)
{
    struct turn a = TURN_NONE, b = TURN_NONE, c = TURN_NONE;

    (void)state;
    assert_int_equal(turn_take(&store, &one, &a, NULL), 0);
    assert_int_equal(turn_take(&store, &one, &b, NULL), -EWOULDBLOCK);
    assert_int_equal(turn_take(&store, &two, &c, NULL), 0); /* another matter */
    turn_end(&a);
    turn_end(&a); /* again: nothing */
    assert_int_equal(turn_take(&store, &one, &b, NULL), 0);
    turn_end(&b);
    turn_end(&c);
    assert_int_equal(locks(), 0);
}

static void the_turn_of_a_dead_one_is_free(void **state)
{
    struct turn t = TURN_NONE;
    int ready[2];
    char byte;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        if (turn_take(&store, &one, &t, NULL) == 0 && write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(turn_take(&store, &one, &t, NULL), -EWOULDBLOCK);
    turn_clear(&store); /* what is held stays */
    assert_int_equal(turn_take(&store, &one, &t, NULL), -EWOULDBLOCK);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(locks(), 1);
    assert_int_equal(turn_take(&store, &one, &t, NULL), 0);
    turn_end(&t);
    close(ready[0]);
    close(ready[1]);
}

static void what_dead_ones_have_left_is_cleared(void **state)
{
    pid_t pid;

    (void)state;
    turn_clear(&store); /* there is no such folder yet */
    pid = fork();
    if (pid == 0) {
        struct turn a, b;

        _exit(turn_take(&store, &one, &a, NULL) < 0 || turn_take(&store, &two, &b, NULL) < 0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(locks(), 2);
    turn_clear(&store);
    assert_int_equal(locks(), 0);
}

/* Many that take and end the same turn: never two at once. */
static void never_two_have_it(void **state)
{
    int failed = 0, status;

    (void)state;
    for (int i = 0; i < 8; i++)
        if (fork() == 0) {
            for (int n = 0; n < 300; n++) {
                struct turn t = TURN_NONE;
                int fd;

                while (turn_take(&store, &one, &t, NULL) < 0)
                    usleep(50);
                fd = openat(store.fd, "mine", O_CREAT | O_EXCL | O_WRONLY, 0600);
                if (fd < 0 || unlinkat(store.fd, "mine", 0) < 0)
                    _exit(1);
                close(fd);
                turn_end(&t);
                turn_clear(&store);
            }
            _exit(0);
        }
    while (wait(&status) > 0)
        failed += status != 0;
    assert_int_equal(failed, 0);
    assert_int_equal(locks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_has_the_turn_and_the_next_one_after_it,
                                        open_store_setup, open_store_teardown),
        cmocka_unit_test_setup_teardown(the_turn_of_a_dead_one_is_free, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(what_dead_ones_have_left_is_cleared, open_store_setup,
                                        open_store_teardown),
        cmocka_unit_test_setup_teardown(never_two_have_it, open_store_setup, open_store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
