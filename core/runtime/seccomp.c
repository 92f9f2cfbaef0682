/* Theory of operation.
 *
 * For one machine (a "tree") the table is spread over an array indexed by call number, which sorts
 * it for nothing; neighbours with one answer become ranges, about 70 of them. The ranges become a
 * binary search of "number >= N" jumps whose leaves jump to shared answers.
 *
 * BPF jumps only go forward, 255 instructions at most for a conditional one. The program is
 * therefore written from its end to its beginning: a jump's target is always known when the jump
 * is written, as is its distance. `struct code` keeps positions as distances from the end. When a
 * shared answer has moved too far away, it is written once more (it is one instruction); when a
 * subtree is too far, a "jump always" (32 bits) stands in between.
 *
 * The program, forwards:
 *     machine native?   → number; x32 bit? → ENOSYS; search
 *     machine its 32-bit mode? → number; search
 *     another machine   → kill
 */
#include "core/runtime/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/base/auto.h"
#include "core/runtime/caps.h"
#include "core/runtime/seccomp_table.h"

enum {
    CALLS_MAX = 1024, /* numbers from here on (arm's private ones) are ranges of their own */
    RANGES_MAX = 512,
    CODE_MAX = 2048,
    JUMP_MAX = 255,
    FAMILY_VSOCK = 40,
    FAMILY_ALG = 38,
    NETLINK_AUDIT_PROTOCOL = 9,
    NEW_TIME = 0x80,
    X32_BIT = 0x40000000,
};

#define NEW_NAMESPACES \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
     CLONE_NEWNET)

/* The answers. Those from ANSWER_CLONE on look at arguments. */
enum answer {
    ANSWER_ENOSYS,
    ANSWER_ALLOW,
    ANSWER_EPERM,
    ANSWER_CLONE,
    ANSWER_UNSHARE,
    ANSWER_PERSONALITY,
    ANSWER_SOCKET,
    ANSWER_IOCTL,
    ANSWER_COUNT,
};

/* The rules of the table: fixed answers, or capabilities of which one is needed. */
enum rule {
    RULE_ALLOW,
    RULE_EPERM,
    RULE_CLONE,
    RULE_CLONE3,
    RULE_UNSHARE,
    RULE_PERSONALITY,
    RULE_SOCKET,
    RULE_IOCTL,
    RULE_DAC_READ_SEARCH,
    RULE_SYS_MODULE,
    RULE_SYS_RAWIO,
    RULE_SYS_CHROOT,
    RULE_SYS_PTRACE,
    RULE_SYS_PACCT,
    RULE_SYS_ADMIN,
    RULE_SYS_TIME,
    RULE_SYS_TTY_CONFIG,
    RULE_SYSLOG,
    RULE_PERFMON,
    RULE_BPF,
};

static const uint64_t rule_caps[] = {
    [RULE_DAC_READ_SEARCH] = CAPS_BIT(CAP_DAC_READ_SEARCH),
    [RULE_SYS_MODULE] = CAPS_BIT(CAP_SYS_MODULE),
    [RULE_SYS_RAWIO] = CAPS_BIT(CAP_SYS_RAWIO),
    [RULE_SYS_CHROOT] = CAPS_BIT(CAP_SYS_CHROOT),
    [RULE_SYS_PTRACE] = CAPS_BIT(CAP_SYS_PTRACE),
    [RULE_SYS_PACCT] = CAPS_BIT(CAP_SYS_PACCT),
    [RULE_SYS_ADMIN] = CAPS_BIT(CAP_SYS_ADMIN),
    [RULE_SYS_TIME] = CAPS_BIT(CAP_SYS_TIME),
    [RULE_SYS_TTY_CONFIG] = CAPS_BIT(CAP_SYS_TTY_CONFIG),
    [RULE_SYSLOG] = CAPS_BIT(CAP_SYSLOG),
    [RULE_PERFMON] = CAPS_BIT(CAP_PERFMON) | CAPS_BIT(CAP_SYS_ADMIN),
    [RULE_BPF] = CAPS_BIT(CAP_BPF) | CAPS_BIT(CAP_SYS_ADMIN),
};

#if defined(__x86_64__)
#    define PICK(x86_64, i386, aarch64, arm) x86_64, i386
#    define NATIVE                           AUDIT_ARCH_X86_64
#    define COMPAT                           AUDIT_ARCH_I386
#elif defined(__aarch64__)
#    define PICK(x86_64, i386, aarch64, arm) aarch64, arm
#    define NATIVE                           AUDIT_ARCH_AARCH64
#    define COMPAT                           AUDIT_ARCH_ARM
#endif

#ifdef NATIVE

static const struct call {
    int number[2]; /* native, 32-bit */
    enum rule rule;
} calls[] = {
#    define CALL(name, x86_64, i386, aarch64, arm, rule) \
        {{PICK(x86_64, i386, aarch64, arm)}, RULE_##rule},
    SECCOMP_TABLE(CALL)
#    undef CALL
};

static enum answer answer_for(enum rule rule, uint64_t caps)
{
    bool admin = caps & CAPS_BIT(CAP_SYS_ADMIN);

    switch (rule) {
    case RULE_ALLOW: return ANSWER_ALLOW;
    case RULE_EPERM: return ANSWER_EPERM;
    case RULE_CLONE: return admin ? ANSWER_ALLOW : ANSWER_CLONE;
    case RULE_CLONE3: return admin ? ANSWER_ALLOW : ANSWER_ENOSYS; /* its flags are in memory */
    case RULE_UNSHARE: return admin ? ANSWER_ALLOW : ANSWER_UNSHARE;
    case RULE_PERSONALITY: return ANSWER_PERSONALITY;
    case RULE_SOCKET: return ANSWER_SOCKET;
    case RULE_IOCTL: return ANSWER_IOCTL;
    case RULE_DAC_READ_SEARCH:
    case RULE_SYS_MODULE:
    case RULE_SYS_RAWIO:
    case RULE_SYS_CHROOT:
    case RULE_SYS_PTRACE:
    case RULE_SYS_PACCT:
    case RULE_SYS_ADMIN:
    case RULE_SYS_TIME:
    case RULE_SYS_TTY_CONFIG:
    case RULE_SYSLOG:
    case RULE_PERFMON:
    case RULE_BPF: break;
    }
    return caps & rule_caps[rule] ? ANSWER_ALLOW : ANSWER_EPERM;
}

struct range {
    unsigned first; /* up to the next range's first */
    enum answer answer;
};

struct code {
    struct sock_filter at[CODE_MAX]; /* the last instruction first */
    unsigned n;
    unsigned answers[ANSWER_COUNT]; /* where each was written last, plus 1; 0: nowhere */
    uint64_t caps;
    bool full;
};

/* Write an instruction in front of all others; returns its position. */
static unsigned put(struct code *c, unsigned short op, unsigned k, unsigned jt, unsigned jf)
{
    if (c->n == CODE_MAX) {
        c->full = true;
        return 0;
    }
    c->at[c->n] = (struct sock_filter){op, (unsigned char)jt, (unsigned char)jf, k};
    return c->n++;
}

/* How far the instruction that is written next has to jump to reach `target`. */
static unsigned distance(const struct code *c, unsigned target)
{
    return c->n - target - 1;
}

/* A position that the next two instructions can reach with a conditional jump. */
static unsigned reach(struct code *c, unsigned target)
{
    if (distance(c, target) + 2 <= JUMP_MAX)
        return target;
    return put(c, BPF_JMP | BPF_JA, distance(c, target), 0, 0);
}

static unsigned put_jump(struct code *c, unsigned short test, unsigned k, unsigned yes, unsigned no)
{
    yes = reach(c, yes);
    no = reach(c, no);
    return put(c, BPF_JMP | test | BPF_K, k, distance(c, yes), distance(c, no));
}

static unsigned put_load(struct code *c, size_t offset)
{
    return put(c, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

/* The kernel reads flags, commands and families as 32 bits, so the filter must not look at more:
 * a filter that compares all 64 is passed by setting a high bit. */
static unsigned put_load_arg(struct code *c, unsigned i)
{
    size_t low = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;

    return put_load(c, offsetof(struct seccomp_data, args[i]) + low);
}

static unsigned put_return(struct code *c, unsigned action)
{
    return put(c, BPF_RET | BPF_K, action, 0, 0);
}

static unsigned answer_at(struct code *c, enum answer a);

/* One argument, one list of values: `hit` for any of them, else `miss`. */
static unsigned put_any_of(struct code *c, unsigned arg, const unsigned *values, size_t n,
                           unsigned hit, unsigned miss)
{
    for (size_t i = n; i-- > 0;)
        miss = put_jump(c, BPF_JEQ, values[i], hit, miss);
    return put_load_arg(c, arg);
}

static unsigned put_socket(struct code *c)
{
    static const unsigned families[] = {FAMILY_VSOCK, FAMILY_ALG};
    unsigned unknown = put_return(c, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
    unsigned rest = answer_at(c, ANSWER_ALLOW), denied;

    if (!(c->caps & CAPS_BIT(CAP_AUDIT_WRITE))) {
        denied = put_return(c, SECCOMP_RET_ERRNO | EINVAL);
        rest = put_jump(c, BPF_JEQ, NETLINK_AUDIT_PROTOCOL, denied, rest);
        rest = put_load_arg(c, 2);
        rest = put_jump(c, BPF_JEQ, AF_NETLINK, rest, answer_at(c, ANSWER_ALLOW));
    }
    return put_any_of(c, 0, families, ARRAY_SIZE(families), unknown, rest);
}

static unsigned put_answer(struct code *c, enum answer a)
{
    static const unsigned personalities[] = {0, 8, 0x20000, 0x20008, 0xffffffff};
    static const unsigned terminal_injection[] = {0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */};
    unsigned allow, eperm;

    switch (a) {
    case ANSWER_ALLOW: return put_return(c, SECCOMP_RET_ALLOW);
    case ANSWER_EPERM: return put_return(c, SECCOMP_RET_ERRNO | EPERM);
    case ANSWER_SOCKET: return put_socket(c);
    case ANSWER_CLONE:
    case ANSWER_UNSHARE:
    case ANSWER_PERSONALITY:
    case ANSWER_IOCTL: break;
    case ANSWER_ENOSYS:
    case ANSWER_COUNT: return put_return(c, SECCOMP_RET_ERRNO | ENOSYS);
    }
    eperm = answer_at(c, ANSWER_EPERM);
    allow = answer_at(c, ANSWER_ALLOW);
    if (a == ANSWER_PERSONALITY)
        return put_any_of(c, 0, personalities, ARRAY_SIZE(personalities), allow, eperm);
    if (a == ANSWER_IOCTL)
        return put_any_of(c, 1, terminal_injection, ARRAY_SIZE(terminal_injection), eperm, allow);
    put_jump(c, BPF_JSET, NEW_NAMESPACES | (a == ANSWER_UNSHARE ? NEW_TIME : 0), eperm, allow);
    return put_load_arg(c, 0);
}

/* Where answer `a` begins, near enough for the next instructions; written (again) when it is not.
 */
static unsigned answer_at(struct code *c, enum answer a)
{
    unsigned at = c->answers[a];

    if (at && distance(c, at - 1) + 4 <= JUMP_MAX)
        return at - 1;
    at = at && a >= ANSWER_CLONE ? put(c, BPF_JMP | BPF_JA, distance(c, at - 1), 0, 0)
                                 : put_answer(c, a);
    c->answers[a] = at + 1;
    return at;
}

/* The search among ranges [lo, hi]; returns where it begins. */
static unsigned put_search(struct code *c, const struct range *r, unsigned lo, unsigned hi)
{
    unsigned mid, below, above;

    if (lo == hi)
        return answer_at(c, r[lo].answer);
    /* One number that differs from both its sides: one comparison instead of two. */
    if (hi == lo + 2 && r[lo].answer == r[hi].answer && r[hi].first == r[lo + 1].first + 1) {
        above = answer_at(c, r[lo + 1].answer);
        below = answer_at(c, r[lo].answer);
        return put_jump(c, BPF_JEQ, r[lo + 1].first, above, below);
    }
    mid = lo + (hi - lo + 1) / 2;
    above = put_search(c, r, mid, hi);
    below = put_search(c, r, lo, mid - 1);
    return put_jump(c, BPF_JGE, r[mid].first, above, below);
}

static void add_range(struct range *r, unsigned *n, unsigned first, enum answer a)
{
    if (*n && r[*n - 1].answer == a)
        return;
    if (*n && r[*n - 1].first == first)
        r[*n - 1].answer = a;
    else if (*n < RANGES_MAX)
        r[(*n)++] = (struct range){first, a};
}

static unsigned make_ranges(unsigned column, uint64_t caps, struct range r[RANGES_MAX])
{
    unsigned char spread[CALLS_MAX] = {0}; /* ANSWER_ENOSYS */
    unsigned n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        int number = calls[i].number[column];

        if (number >= 0 && number < CALLS_MAX)
            spread[number] = (unsigned char)answer_for(calls[i].rule, caps);
    }
    for (unsigned i = 0; i < CALLS_MAX; i++)
        add_range(r, &n, i, spread[i]);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) { /* the table ends with these, ascending */
        int number = calls[i].number[column];

        if (number < CALLS_MAX)
            continue;
        add_range(r, &n, (unsigned)number, answer_for(calls[i].rule, caps));
        add_range(r, &n, (unsigned)number + 1, ANSWER_ENOSYS);
    }
    return n;
}

/* Number loaded, then the search for one machine; returns where it begins. */
static unsigned put_machine(struct code *c, unsigned column)
{
    struct range r[RANGES_MAX];
    unsigned n = make_ranges(column, c->caps, r), at;

    at = put_search(c, r, 0, n - 1);
    if (column == 0 && NATIVE == AUDIT_ARCH_X86_64) /* x32 calls say they are x86_64's */
        at = put_jump(c, BPF_JGE, X32_BIT, answer_at(c, ANSWER_ENOSYS), at);
    return put_load(c, offsetof(struct seccomp_data, nr));
}

int seccomp_default(uint64_t caps, struct sock_fprog *ret, struct err *e)
{
    struct code c = {.n = 0, .caps = caps};
    struct sock_filter *f;
    unsigned native, compat, other;

    compat = put_machine(&c, 1);
    native = put_machine(&c, 0);
    other = put_return(&c, SECCOMP_RET_KILL_PROCESS);
    other = put_jump(&c, BPF_JEQ, COMPAT, compat, other);
    put_jump(&c, BPF_JEQ, NATIVE, native, other);
    put_load(&c, offsetof(struct seccomp_data, arch));
    if (c.full)
        return err_set(e, E2BIG, "the default seccomp filter does not fit (%u calls)", CODE_MAX);
    f = malloc(c.n * sizeof *f);
    if (!f)
        return err_memory(e);
    for (unsigned i = 0; i < c.n; i++)
        f[i] = c.at[c.n - 1 - i];
    *ret = (struct sock_fprog){.len = (unsigned short)c.n, .filter = f};
    return 0;
}

#else

int seccomp_default(uint64_t caps, struct sock_fprog *ret, struct err *e)
{
    (void)caps, (void)ret;
    return err_set(e, ENOTSUP,
                   "there is no default seccomp filter for this machine: give "
                   "--security-opt seccomp=FILE or seccomp=unconfined");
}

#endif

void seccomp_free(struct sock_fprog *p)
{
    if (!p)
        return;
    free(p->filter);
    *p = (struct sock_fprog){0};
}
