/* The default filter: run by an interpreter for every call, loaded into real children for the ones
 * that matter, and compared with what libseccomp makes of containers-common's profile. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/runtime/caps.h"
#include "core/runtime/seccomp.h"
#include "core/runtime/seccomp_profile.h"
#include "core/runtime/seccomp_table.h"
#include "tests/unit/runtime/bpf.h"
#include "tests/unit/unit.h"

#define ALLOW    SECCOMP_RET_ALLOW
#define EPERM_   (SECCOMP_RET_ERRNO | EPERM)
#define ENOSYS_  (SECCOMP_RET_ERRNO | ENOSYS)
#define PROFILE  "/usr/share/containers/seccomp.json"
#define MACHINES ((uint32_t[]){AUDIT_ARCH_X86_64, AUDIT_ARCH_I386})

static const struct call {
    const char *name;
    int number[4];
} calls[] = {
#define CALL(name, x86_64, i386, aarch64, arm, rule) {#name, {x86_64, i386, aarch64, arm}},
    SECCOMP_TABLE(CALL)
#undef CALL
};

static unsigned ask(const struct sock_fprog *p, uint32_t arch, int nr, uint64_t a0, uint64_t a1,
                    uint64_t a2)
{
    struct seccomp_data d = {.nr = nr, .arch = arch, .args = {a0, a1, a2}};

    return bpf_run(p, &d);
}

static struct sock_fprog filter(uint64_t caps)
{
    struct sock_fprog p = {0};
    struct err e = {0};

    assert_int_equal(seccomp_default(caps, &p, &e), 0);
    return p;
}

static void the_numbers_are_those_of_libseccomp(void **state)
{
    static const uint32_t arches[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_AARCH64,
                                      SCMP_ARCH_ARM};
    unsigned compared = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        for (size_t a = 0; a < 4; a++) {
            int number = seccomp_syscall_resolve_name_arch(arches[a], calls[i].name);

            if (number < 0) /* newer than libseccomp, or hidden behind socketcall and ipc */
                continue;
            if (number != calls[i].number[a])
                fail_msg("%s: machine %zu: %d, not %d", calls[i].name, a, number,
                         calls[i].number[a]);
            compared++;
        }
    assert_true(compared > 1300);
}

#ifdef __x86_64__

static void every_listed_call_gets_an_answer_and_no_other_is_allowed(void **state)
{
    struct sock_fprog p = filter(CAPS_DEFAULT);

    (void)state;
    for (int m = 0; m < 2; m++)
        for (int nr = 0; nr < 1100; nr++) {
            unsigned answer = ask(&p, MACHINES[m], nr, 0, 0, 0);
            bool listed = false;

            for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
                listed |= calls[i].number[m] == nr;
            if (!listed && answer != ENOSYS_)
                fail_msg("machine %d: unlisted call %d: %x", m, nr, answer);
            if (answer != ENOSYS_ && answer != EPERM_ && answer != ALLOW)
                fail_msg("machine %d: call %d: %x", m, nr, answer);
        }
    assert_true(p.len < 300);
    seccomp_free(&p);
}

static void other_machines_are_killed_and_x32_calls_are_unknown(void **state)
{
    struct sock_fprog p = filter(CAPS_DEFAULT);

    (void)state;
    assert_int_equal(ask(&p, AUDIT_ARCH_AARCH64, 0, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
    for (int nr = 0; nr < 560; nr++)
        assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, nr | 0x40000000, 0, 0, 0), ENOSYS_);
    assert_int_equal(ask(&p, AUDIT_ARCH_X86_64, -1, 0, 0, 0), ENOSYS_);
    seccomp_free(&p);
}

static void arguments_are_read_as_the_kernel_reads_them(void **state)
{
    static const struct {
        int nr;
        uint64_t a0, a1, a2;
        unsigned answer;
    } cases[] = {
        {SYS_ioctl, 0, 0x5412, 0, EPERM_}, /* TIOCSTI */
        {SYS_ioctl, 0, 0x5412 | (UINT64_C(1) << 32), 0, EPERM_},
        {SYS_ioctl, 0, 0x5412 | (UINT64_C(1) << 63), 0, EPERM_},
        {SYS_ioctl, 0, 0x541c, 0, EPERM_}, /* TIOCLINUX */
        {SYS_ioctl, 0, 0x5413, 0, ALLOW},
        {SYS_ioctl, 0x5412, 0, 0x5412, ALLOW},
        {SYS_clone, SIGCHLD, 0, 0, ALLOW},
        {SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, 0, 0, ALLOW},
        {SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, EPERM_},
        {SYS_clone, CLONE_NEWNS, 0, 0, EPERM_},
        {SYS_clone, CLONE_NEWCGROUP, 0, 0, EPERM_},
        {SYS_clone3, 0, 0, 0, ENOSYS_},
        {SYS_unshare, CLONE_FS | CLONE_FILES, 0, 0, ALLOW},
        {SYS_unshare, CLONE_NEWUSER, 0, 0, EPERM_},
        {SYS_unshare, 0x80 /* CLONE_NEWTIME */, 0, 0, EPERM_},
        {SYS_unshare, CLONE_NEWUSER | (UINT64_C(1) << 40), 0, 0, EPERM_},
        {SYS_personality, 0, 0, 0, ALLOW},
        {SYS_personality, 8, 0, 0, ALLOW},
        {SYS_personality, 0xffffffff, 0, 0, ALLOW},
        {SYS_personality, 0x40000 /* ADDR_NO_RANDOMIZE */, 0, 0, EPERM_},
        {SYS_personality, 0x0400000 /* READ_IMPLIES_EXEC */, 0, 0, EPERM_},
        {SYS_socket, AF_INET, SOCK_STREAM, 0, ALLOW},
        {SYS_socket, AF_UNIX, SOCK_STREAM, 9, ALLOW},
        {SYS_socket, AF_NETLINK, SOCK_RAW, 0, ALLOW},
        {SYS_socket, AF_NETLINK, SOCK_RAW, 9, SECCOMP_RET_ERRNO | EINVAL},
        {SYS_socket, AF_VSOCK, SOCK_STREAM, 0, SECCOMP_RET_ERRNO | EAFNOSUPPORT},
        {SYS_socket, AF_VSOCK | (UINT64_C(1) << 32), 1, 0, SECCOMP_RET_ERRNO | EAFNOSUPPORT},
        {SYS_socket, AF_ALG, SOCK_SEQPACKET, 0, SECCOMP_RET_ERRNO | EAFNOSUPPORT},
    };
    struct sock_fprog p = filter(CAPS_DEFAULT);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned answer =
            ask(&p, AUDIT_ARCH_X86_64, cases[i].nr, cases[i].a0, cases[i].a1, cases[i].a2);

        if (answer != cases[i].answer)
            fail_msg("case %zu (call %d): %x, not %x", i, cases[i].nr, answer, cases[i].answer);
    }
    seccomp_free(&p);
}

static void a_capability_opens_its_calls(void **state)
{
    static const struct {
        int cap, nr;
    } cases[] = {
        {CAP_SYS_ADMIN, SYS_mount},
        {CAP_SYS_ADMIN, SYS_unshare},
        {CAP_SYS_ADMIN, SYS_clone3},
        {CAP_SYS_ADMIN, SYS_setns},
        {CAP_SYS_ADMIN, SYS_bpf},
        {CAP_BPF, SYS_bpf},
        {CAP_PERFMON, SYS_perf_event_open},
        {CAP_SYS_TIME, SYS_clock_settime},
        {CAP_SYS_MODULE, SYS_init_module},
        {CAP_SYS_PTRACE, SYS_kcmp},
        {CAP_SYS_RAWIO, SYS_iopl},
        {CAP_SYS_PACCT, SYS_acct},
        {CAP_SYSLOG, SYS_syslog},
        {CAP_SYS_TTY_CONFIG, SYS_vhangup},
        {CAP_DAC_READ_SEARCH, SYS_open_by_handle_at},
        {CAP_SYS_CHROOT, SYS_chroot},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sock_fprog with = filter(CAPS_BIT(cases[i].cap)), without = filter(0);
        uint64_t flags = CLONE_NEWUSER;

        if (ask(&with, AUDIT_ARCH_X86_64, cases[i].nr, flags, 0, 0) != ALLOW)
            fail_msg("capability %d does not open call %d", cases[i].cap, cases[i].nr);
        assert_int_not_equal(ask(&without, AUDIT_ARCH_X86_64, cases[i].nr, flags, 0, 0), ALLOW);
        seccomp_free(&with);
        seccomp_free(&without);
    }
}

/* Each difference to containers-common's profile, with its reason. */
static const struct {
    const char *reason, *names; /* separated by spaces */
} differences[] = {
    {"needs CAP_SYS_ADMIN, as in docker's profile: no mounts and namespaces of one's own",
     " mount umount umount2 pivot_root setns open_tree move_mount fsopen fsconfig fsmount fspick"
     " mount_setattr "},
    {"its flags are in memory, where a filter cannot read them: the C library then uses clone",
     " clone3 "},
    {"needs CAP_SYSLOG, as in docker's profile: the kernel's log is the host's", " syslog "},
    {"not there, as in docker's profile: keyrings are kernel memory that outlives the container",
     " keyctl "},
    {"came after the profile, a new form of an allowed call",
     " futex_waitv set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake"
     " futex_wait futex_requeue mseal setxattrat getxattrat listxattrat removexattrat file_getattr"
     " file_setattr "},
    {"called by the kernel's own trampoline in a probed program, which must go on",
     " uretprobe uprobe "},
};

static bool explained(int machine, int nr)
{
    char word[64];

    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        if (calls[i].number[machine] != nr)
            continue;
        snprintf(word, sizeof word, " %s ", calls[i].name);
        for (size_t j = 0; j < ARRAY_SIZE(differences); j++)
            if (strstr(differences[j].names, word))
                return true;
        return false;
    }
    return nr == 250 || nr == 288; /* keyctl is in no row of ours */
}

static void it_differs_from_podmans_profile_only_where_the_table_says(void **state)
{
    static const uint64_t sets[] = {CAPS_DEFAULT, 0, UINT64_C(0x1ffffffffff)};

    (void)state;
    if (access(PROFILE, R_OK) < 0) {
        print_message("skipped: %s is not there (golang-github-containers-common)\n", PROFILE);
        skip();
    }
    for (size_t s = 0; s < ARRAY_SIZE(sets); s++) {
        struct sock_fprog ours = filter(sets[s]), theirs = {0};
        struct err e = {0};

        if (seccomp_profile_load(PROFILE, sets[s], -1, &theirs, &e) < 0)
            fail_msg("%s", e.text);
        for (int m = 0; m < 2; m++)
            for (int nr = 0; nr <= 470; nr++) {
                unsigned a = ask(&ours, MACHINES[m], nr, 0, 0, 0);
                unsigned b = ask(&theirs, MACHINES[m], nr, 0, 0, 0);

                assert_int_not_equal(b, BPF_BROKEN);
                if (a != b && !explained(m, nr))
                    fail_msg("machine %d, call %d: ours %x, theirs %x", m, nr, a, b);
            }
        seccomp_free(&ours);
        seccomp_free(&theirs);
    }
}

#endif

/* Calls made by a child under the loaded filter; errno (0: success) is what the test expects. */
static int tiocsti(void)
{
    return ioctl(0, TIOCSTI, "x");
}
static int tiocsti_high(void)
{
    return (int)syscall(SYS_ioctl, 0, 0x5412UL | 1UL << 40, "x");
}
static int new_user_namespace(void)
{
    return unshare(CLONE_NEWUSER);
}
static int own_files(void)
{
    return unshare(CLONE_FILES);
}
static int clone3_call(void)
{
    return (int)syscall(SYS_clone3, NULL, 0);
}
static int forked(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return pid < 0 ? -1 : waitpid(pid, NULL, 0) == pid ? 0 : -1;
}
static int vsock(void)
{
    return socket(AF_VSOCK, SOCK_STREAM, 0);
}
static int unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? -1 : 0;
}
static int new_key(void)
{
    return (int)syscall(SYS_add_key, "user", "x", "y", 1, -2);
}
static int from_the_future(void)
{
    return (int)syscall(600);
}
static int fault_handler(void)
{
    return (int)syscall(SYS_userfaultfd, 0);
}
static int swap_off(void)
{
    return (int)syscall(SYS_swapoff, "/nothing");
}

static void children_under_the_filter_see_these_answers(void **state)
{
    static const struct {
        const char *name;
        int (*call)(void);
        int code;
    } cases[] = {
        {"TIOCSTI", tiocsti, EPERM},
        {"TIOCSTI with a high bit", tiocsti_high, EPERM},
        {"unshare(CLONE_NEWUSER)", new_user_namespace, EPERM},
        {"unshare(CLONE_FILES)", own_files, 0},
        {"clone3", clone3_call, ENOSYS},
        {"fork", forked, 0},
        {"vsock", vsock, EAFNOSUPPORT},
        {"unix socket", unix_socket, 0},
        {"add_key", new_key, ENOSYS},
        {"call 600", from_the_future, ENOSYS},
        {"userfaultfd", fault_handler, EPERM},
        {"swapoff", swap_off, EPERM},
    };
    struct sock_fprog p = filter(CAPS_DEFAULT);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int status, expected = cases[i].code;
        pid_t pid = fork();

        if (pid == 0) {
            if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p) < 0)
                _exit(200);
            _exit(cases[i].call() < 0 ? errno : 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
            fail_msg("%s: wait status %x, not errno %d", cases[i].name, (unsigned)status, expected);
    }
    seccomp_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_are_those_of_libseccomp),
#ifdef __x86_64__
        cmocka_unit_test(every_listed_call_gets_an_answer_and_no_other_is_allowed),
        cmocka_unit_test(other_machines_are_killed_and_x32_calls_are_unknown),
        cmocka_unit_test(arguments_are_read_as_the_kernel_reads_them),
        cmocka_unit_test(a_capability_opens_its_calls),
        cmocka_unit_test(it_differs_from_podmans_profile_only_where_the_table_says),
#endif
        cmocka_unit_test(children_under_the_filter_see_these_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
