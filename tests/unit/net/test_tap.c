#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/tap.h"
#include "tests/unit/net/box.h"
#include "tests/unit/unit.h"

/* Each of these runs in a child, which may move to namespaces; it returns its exit status. */
static int in_child(int (*run)(void))
{
    int status;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        status = run();
        fflush(NULL);
        _exit(status);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static const struct tap_plan plain = {.ifname = "tap0",
                                      .mac = {2, 0, 0, 0, 0, 1},
                                      .mtu = 1500,
                                      .prefix4 = 24,
                                      .addr4.s_addr = 0x6402000a,
                                      .gateway4.s_addr = 0x0202000a};

static unsigned devices_up(void)
{
    struct ifaddrs *all, *i;
    unsigned n = 0;

    if (getifaddrs(&all) < 0)
        return 99;
    for (i = all; i; i = i->ifa_next)
        n += i->ifa_addr && i->ifa_addr->sa_family == AF_PACKET && (i->ifa_flags & IFF_UP);
    freeifaddrs(all);
    return n;
}

static int loopback_only(void)
{
    struct tap_plan p = {.loopback_only = true};
    enum tap_step step = TAP_STEP_NONE;
    int fd = 7;

    box_new_namespaces(CLONE_NEWNET);
    if (devices_up() != 0)
        return 1;
    if (tap_child_setup(&p, &fd, &step) != 0 || fd != -1)
        return 2;
    return devices_up() == 1 ? 0 : 3;
}

static void without_a_network_only_the_loopback_is_up(void **state)
{
    (void)state;
    assert_int_equal(in_child(loopback_only), 0);
}

static bool says(const char *path, const char *due)
{
    char text[64] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof text - 1);

    close(fd);
    if (n < 0 || strcmp(text, due) != 0) {
        fprintf(stderr, "%s says '%s'\n", path, text);
        return false;
    }
    return true;
}

static int sysctls(void)
{
    enum tap_step step = TAP_STEP_NONE;
    struct tap_plan p = plain;
    int fd = -1;

    snprintf(p.congestion, sizeof p.congestion, "reno");
    box_new_namespaces(CLONE_NEWNET);
    if (tap_child_setup(&p, &fd, &step) != 0 || !(fcntl(fd, F_GETFD) & FD_CLOEXEC) ||
        !(fcntl(fd, F_GETFL) & O_NONBLOCK))
        return 1;
    return says("/proc/sys/net/ipv4/ping_group_range", "0\t0\n") ? 0 : 2;
}

static void ping_sockets_are_open_to_the_mapped_groups(void **state)
{
    (void)state;
    assert_int_equal(in_child(sysctls), 0);
}

static int twice(void)
{
    enum tap_step step = TAP_STEP_NONE;
    int one = -1, two = -1, r;

    box_new_namespaces(CLONE_NEWNET);
    if (tap_child_setup(&plain, &one, &step) != 0)
        return 1;
    r = tap_child_setup(&plain, &two, &step);
    return r == -EBUSY && step == TAP_STEP_CREATE && two == -1 ? 0 : 2;
}

static void a_second_tap_of_the_name_fails_at_its_step(void **state)
{
    (void)state;
    assert_int_equal(in_child(twice), 0);
}

static int bad_gateway(void)
{
    enum tap_step step = TAP_STEP_NONE;
    struct tap_plan p = plain;
    int fd = -1, r;

    p.gateway4.s_addr = 0x01010101;
    box_new_namespaces(CLONE_NEWNET);
    r = tap_child_setup(&p, &fd, &step);
    return r == -ENETUNREACH && step == TAP_STEP_ROUTE4 && fd == -1 && devices_up() == 1 ? 0 : 2;
}

static void a_failed_message_is_named_though_others_follow(void **state)
{
    (void)state;
    assert_int_equal(in_child(bad_gateway), 0);
}

static int no_tun(void)
{
    enum tap_step step = TAP_STEP_NONE;
    int fd = -1, r;

    box_new_namespaces(CLONE_NEWNET | CLONE_NEWNS);
    if (mount("/dev/null", "/dev/net/tun", NULL, MS_BIND, NULL) < 0)
        return 1;
    r = tap_child_setup(&plain, &fd, &step);
    if (r != -ENOTTY || step != TAP_STEP_CREATE)
        return 2;
    if (mount("none", "/dev/net", "tmpfs", 0, NULL) < 0)
        return 3;
    r = tap_child_setup(&plain, &fd, &step);
    return r == -ENOENT && step == TAP_STEP_OPEN ? 0 : 4;
}

static void a_missing_tun_device_fails_at_its_step(void **state)
{
    (void)state;
    assert_int_equal(in_child(no_tun), 0);
}

static void the_words_name_the_cure(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(tap_explain(TAP_STEP_OPEN, ENOENT, &e), -ENOENT);
    assert_string_equal(e.text, "no network: cannot open /dev/net/tun: No such file or directory; "
                                "ask the administrator to load it (modprobe tun), or use "
                                "--network none or host");
    assert_int_equal(tap_explain(TAP_STEP_OPEN, EACCES, &e), -EACCES);
    assert_string_equal(e.text, "no network: cannot open /dev/net/tun: Permission denied; ask the "
                                "administrator for mode 0666 on it, as distributions have it, or "
                                "use --network none or host");
    assert_int_equal(tap_explain(TAP_STEP_ADDR4, EINVAL, &e), -EINVAL);
    assert_string_equal(e.text, "cannot set the container's IPv4 address: Invalid argument");
}

static void every_step_has_words(void **state)
{
    struct err e;

    (void)state;
    for (int step = 0; step < TAP_STEP_COUNT; step++) {
        tap_explain((enum tap_step)step, EIO, &e);
        assert_null(strstr(e.text, "(null)"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_network_only_the_loopback_is_up),
        cmocka_unit_test(ping_sockets_are_open_to_the_mapped_groups),
        cmocka_unit_test(a_second_tap_of_the_name_fails_at_its_step),
        cmocka_unit_test(a_failed_message_is_named_though_others_follow),
        cmocka_unit_test(a_missing_tun_device_fails_at_its_step),
        cmocka_unit_test(the_words_name_the_cure),
        cmocka_unit_test(every_step_has_words),
    };

    box_need_tun();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
