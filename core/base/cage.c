/* Theory of operation: three fences, each of which would do alone against most attacks.
 *
 * Landlock speaks of folders: all file rights of the kernel's version are handled (thus denied) and
 * those that unpacking needs are given back below the folders. Version 1 cannot link or rename
 * between folders at all, which layers need, so it is left out there. chmod, chown and xattrs are
 * beyond Landlock; they only reach what can be opened.
 *
 * seccomp speaks of system calls: a list in order of use, looked up one by one; kernels from 5.11
 * answer the plain ones from a bitmap. A call off the list is trapped: it is not executed, and the
 * handler can say its number before the process ends, which a plain kill could not.
 *
 * The rlimits end what the other two allow too much of. */
#include "core/base/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/auto.h"

/* Newer than the headers we may be built with; numbers of the kernel's interface. */
enum {
    FS_REFER = 1 << 13,
    FS_TRUNCATE = 1 << 14,
    FS_IOCTL_DEV = 1 << 15,
    FS_VERSION_1 = (1 << 13) - 1,
    NET_BOTH = 3,
    SCOPE_BOTH = 3,
};

struct ruleset { /* struct landlock_ruleset_attr as of version 6 */
    unsigned long long fs, net, scope;
};

static int landlock_version(void)
{
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static int allow_folder(int rules, int folder, unsigned long long rights, struct err *e)
{
    struct landlock_path_beneath_attr below = {.allowed_access = rights, .parent_fd = folder};

    if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0)
        return err_sys(e, "cannot give the cage its folder");
    return 0;
}

static int enter_landlock(const struct cage *c, struct err *e)
{
    int version = landlock_version(), r = 0;
    struct ruleset want = {.fs = FS_VERSION_1 | FS_REFER};
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    autofd int rules = -1;

    if (version < 2) /* not there, off, or too old for hard links between folders */
        return 0;
    if (version >= 3)
        want.fs |= FS_TRUNCATE;
    if (version >= 4)
        want.net = NET_BOTH;
    if (version >= 5)
        want.fs |= FS_IOCTL_DEV;
    if (version >= 6)
        want.scope = SCOPE_BOTH;
    rules = (int)syscall(SYS_landlock_create_ruleset, &want, size, 0);
    if (rules < 0)
        return err_sys(e, "cannot make a Landlock rule set");
    for (size_t i = 0; i < c->folder_count && r == 0; i++)
        r = allow_folder(rules, c->folders[i],
                         want.fs &
                             ~(unsigned long long)(LANDLOCK_ACCESS_FS_EXECUTE |
                                                   LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                                                   LANDLOCK_ACCESS_FS_MAKE_SOCK | FS_IOCTL_DEV),
                         e);
    if (r == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        r = err_sys(e, "cannot enter the Landlock cage");
    return r;
}

/* The calls that unpacking makes, in order of use. */
static const int allowed[] = {
    SYS_write,
    SYS_openat,
    SYS_openat2,
    SYS_close,
    SYS_utimensat,
    SYS_futex,
    SYS_read,
    SYS_mkdirat,
    SYS_fchown,
    SYS_fchownat,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_symlinkat,
    SYS_linkat,
    SYS_unlinkat,
    SYS_mknodat,
    SYS_fsetxattr,
    SYS_fgetxattr,
    SYS_fremovexattr,
    SYS_lseek,
    SYS_ftruncate,
    SYS_pwrite64,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_fstatfs,
    SYS_readlinkat,
    SYS_getdents64,
    SYS_fcntl,
    SYS_brk,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_exit,
    SYS_exit_group,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_set_robust_list,
    SYS_sched_yield,
    SYS_getrandom,
    SYS_clock_gettime,
    SYS_getpid,
    SYS_gettid,
    SYS_restart_syscall,
    SYS_ppoll,
#ifdef SYS_rseq
    SYS_rseq,
#endif
#ifdef __SANITIZE_ADDRESS__ /* its run time looks at itself, and reports before it dies */
    SYS_sigaltstack,
    SYS_sched_getaffinity,
    SYS_prlimit64,
    SYS_getuid,
#    ifdef SYS_readlink
    SYS_readlink,
#    endif
#endif
};

enum {
#if defined(__x86_64__)
    ARCH = AUDIT_ARCH_X86_64,
#elif defined(__aarch64__)
    ARCH = AUDIT_ARCH_AARCH64,
#else
#    error "the cage knows x86_64 and aarch64: add the architecture's AUDIT_ARCH number"
#endif
    FIXED = 32, /* more than the rules around the list take */
};

#define AT_NUMBER offsetof(struct seccomp_data, nr)
#define AT_ARCH   offsetof(struct seccomp_data, arch)
#define AT_ARG(i) \
    (offsetof(struct seccomp_data, args) + 8 * (i)) /* the low half: little endian \
                                                     */
#define ADD(...) (p[n++] = (struct sock_filter)__VA_ARGS__)
#define LOAD(at) ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at))
#define GIVE(r)  ADD(BPF_STMT(BPF_RET | BPF_K, r))

/* A call whose argument `arg` must have all bits of `must` and none of `never`. */
static size_t add_checked(struct sock_filter *p, size_t n, int number, int arg, unsigned must,
                          unsigned never)
{
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 5));
    LOAD(AT_ARG(arg));
    ADD(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, must | never));
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, must, 0, 1));
    GIVE(SECCOMP_RET_ALLOW);
    GIVE(SECCOMP_RET_TRAP);
    return n;
}

static int enter_seccomp(struct err *e)
{
    struct sock_filter p[ARRAY_SIZE(allowed) * 2 + FIXED];
    struct sock_fprog program = {.filter = p};
    size_t n = 0;

    LOAD(AT_ARCH);
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
    GIVE(SECCOMP_RET_KILL_PROCESS);
    LOAD(AT_NUMBER);
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
        ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1));
        GIVE(SECCOMP_RET_ALLOW);
    }
    n = add_checked(p, n, SYS_mmap, 2, 0, PROT_EXEC);
    n = add_checked(p, n, SYS_mprotect, 2, 0, PROT_EXEC);
    /* Threads yes, processes and namespaces no; clone3's flags cannot be seen, so it does not exist
     * here and the C library falls back. */
    n = add_checked(p, n, SYS_clone, 0, CLONE_THREAD | CLONE_VM,
                    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID);
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1));
    GIVE(SECCOMP_RET_ERRNO | ENOSYS);
    GIVE(SECCOMP_RET_TRAP);
    program.len = (unsigned short)n;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        return err_sys(e, "cannot load the seccomp filter of the cage");
    return 0;
}

static void (*tell_refused)(int number);

static void on_trap(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    if (tell_refused)
        tell_refused(info->si_syscall);
    _exit(CAGE_STATUS);
}

static int limit(int what, unsigned long long value, struct err *e)
{
    struct rlimit now;

    if (value == 0)
        return 0;
    if (getrlimit((__rlimit_resource_t)what, &now) == 0 && now.rlim_max < value)
        value = now.rlim_max;
    if (setrlimit((__rlimit_resource_t)what, &(struct rlimit){value, value}) < 0)
        return err_sys(e, "cannot set a resource limit of the cage");
    return 0;
}

#ifndef __SANITIZE_ADDRESS__ /* it maps terabytes of shadow */
/* Where we were forked there may have been threads, whose heaps stay reserved. */
static unsigned long long mapped_bytes(void)
{
    autofd int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    char text[64] = "";
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    return n > 0 ? strtoull(text, NULL, 10) * (unsigned long long)sysconf(_SC_PAGESIZE) : 0;
}
#endif

static int enter_limits(const struct cage *c, struct err *e)
{
    int r = 0;

#ifndef __SANITIZE_ADDRESS__
    r = limit(RLIMIT_AS, c->memory_bytes ? c->memory_bytes + mapped_bytes() : 0, e);
#endif
    if (r == 0)
        r = limit(RLIMIT_FSIZE, c->file_bytes, e);
    if (r == 0)
        r = limit(RLIMIT_NOFILE, c->open_files, e);
    if (r == 0 && setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) < 0)
        r = err_sys(e, "cannot forbid core dumps");
    return r;
}

int cage_enter(const struct cage *c, struct err *e)
{
    struct sigaction trap = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER};
    int r;

    tell_refused = c->refused;
    (void)signal(SIGXFSZ, SIG_IGN); /* a file too large is then EFBIG, not a death */
    if (sigaction(SIGSYS, &trap, NULL) < 0)
        return err_sys(e, "cannot watch for refused calls");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, "cannot set no_new_privs");
    r = enter_limits(c, e);
    if (r == 0)
        r = enter_landlock(c, e);
    if (r == 0)
        r = enter_seccomp(e);
    return r;
}

const char *cage_describe(void)
{
    static char text[48];
    int version = landlock_version();

    if (version >= 2)
        snprintf(text, sizeof text, "landlock %d, seccomp, rlimits", version);
    else
        snprintf(text, sizeof text, "seccomp, rlimits");
    return text;
}
