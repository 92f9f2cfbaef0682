/* Theory of operation.
 *
 * A profile is a default answer and a list of groups: names of calls, an answer, conditions on
 * arguments, and conditions on when the group counts (capabilities, machine, kernel). The groups
 * that count become libseccomp rules; libseccomp writes the program into a memfd.
 *
 * Two conditions on one argument in a group are two rules (either may hold), conditions on several
 * arguments are one rule (all must hold): this is how runc has always read the format.
 *
 * A profile whose default is EPERM was written before newer calls existed, and programs take EPERM
 * for a final answer where ENOSYS would send them to the older call. So numbers above the highest
 * one that the profile names get ENOSYS, from a few instructions in front of the program. */
#include "core/runtime/seccomp_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/dl.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/jsonx.h"
#include "core/base/near.h"
#include "core/base/text.h"
#include "core/runtime/caps.h"
#include "core/runtime/seccomp.h"

enum { PROFILE_MAX = 4 << 20, PROGRAM_MAX = 4096 /* BPF_MAXINSNS */ };

static struct {
    __typeof__(seccomp_init) *seccomp_init;
    __typeof__(seccomp_release) *seccomp_release;
    __typeof__(seccomp_version) *seccomp_version;
    __typeof__(seccomp_arch_add) *seccomp_arch_add;
    __typeof__(seccomp_arch_native) *seccomp_arch_native;
    __typeof__(seccomp_arch_resolve_name) *seccomp_arch_resolve_name;
    __typeof__(seccomp_syscall_resolve_name) *seccomp_syscall_resolve_name;
    __typeof__(seccomp_rule_add_array) *seccomp_rule_add_array;
    __typeof__(seccomp_export_bpf) *seccomp_export_bpf;
} lib;

static int load_library(struct err *e)
{
    static const struct dl_symbol symbols[] = {
        DL(lib, seccomp_init),
        DL(lib, seccomp_release),
        DL(lib, seccomp_version),
        DL(lib, seccomp_arch_add),
        DL(lib, seccomp_arch_native),
        DL(lib, seccomp_arch_resolve_name),
        DL(lib, seccomp_syscall_resolve_name),
        DL(lib, seccomp_rule_add_array),
        DL(lib, seccomp_export_bpf),
    };

    return lib.seccomp_init ? 0 : dl_open(SONAME_SECCOMP, symbols, ARRAY_SIZE(symbols), e);
}

struct builder {
    scmp_filter_ctx ctx;
    uint64_t caps;
    uint32_t default_action;
    int highest; /* number of a call that the profile names */
    unsigned kernel[2];
};

struct word_value {
    const char *word;
    uint32_t value;
};

/* -EINVAL names `what` and the nearest word. */
static int find_word(const struct word_value *words, size_t n, const char *what, const char *word,
                     uint32_t *ret, struct err *e)
{
    struct near near = {.word = word};

    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i].word, word) == 0) {
            *ret = words[i].value;
            return 0;
        }
        near_offer(&near, words[i].word);
    }
    if (near.best)
        return err_set(e, EINVAL, "unknown %s '%.60s': did you mean %s?", what, word, near.best);
    return err_set(e, EINVAL, "unknown %s '%.60s'", what, word);
}

/* `errno_key` is the member of `o` with the number that SCMP_ACT_ERRNO gives (else EPERM). */
static int read_action(const json_t *o, const char *key, const char *errno_key, uint32_t *ret,
                       struct err *e)
{
    static const struct word_value actions[] = {
        {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
        {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(EPERM)},
        {"SCMP_ACT_KILL", SCMP_ACT_KILL},
        {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
        {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
        {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
        {"SCMP_ACT_LOG", SCMP_ACT_LOG},
        {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(EPERM)},
    };
    json_int_t code = EPERM;
    const char *word;
    int r = jsonx_string(o, key, &word, e);

    if (r >= 0 && !word)
        r = err_set(e, EINVAL, "'%s' is missing", key);
    if (r >= 0 && strcmp(word, "SCMP_ACT_NOTIFY") == 0)
        r = err_set(e, EINVAL, "SCMP_ACT_NOTIFY needs a listener, which rctr does not have");
    if (r >= 0)
        r = find_word(actions, ARRAY_SIZE(actions), key, word, ret, e);
    if (r >= 0 && !json_is_null(json_object_get(o, errno_key)) && json_object_get(o, errno_key))
        r = jsonx_integer(o, errno_key, &code, e);
    if (r >= 0 && (code < 0 || code > 4095))
        r = err_set(e, EINVAL, "'%s' must be between 0 and 4095", errno_key);
    if (r >= 0 && *ret == SCMP_ACT_ERRNO(EPERM))
        *ret = SCMP_ACT_ERRNO((uint32_t)code);
    if (r >= 0 && *ret == SCMP_ACT_TRACE(EPERM))
        *ret = SCMP_ACT_TRACE((uint32_t)code);
    return r;
}

/* "SCMP_ARCH_X86_64" → libseccomp's token; 0 when this libseccomp does not know it. */
static uint32_t arch_token(const char *name)
{
    char lower[32];
    size_t n = 0;

    if (text_starts(name, "SCMP_ARCH_"))
        name += 10;
    for (; n < sizeof lower - 1 && name[n]; n++)
        lower[n] = name[n] >= 'A' && name[n] <= 'Z' ? (char)(name[n] + 32) : name[n];
    lower[n] = 0;
    return lib.seccomp_arch_resolve_name(lower);
}

static int add_arch(struct builder *b, const char *name, struct err *e)
{
    uint32_t token = arch_token(name);
    int r = token ? lib.seccomp_arch_add(b->ctx, token) : 0;

    if (r < 0 && r != -EEXIST)
        return err_set(e, -r, "cannot add the architecture %.60s", name);
    return 0;
}

/* "architectures": a plain list; "archMap": what else the native one runs. */
static int add_arches(struct builder *b, const json_t *root, struct err *e)
{
    autostrv struct strv plain = {0};
    json_t *map, *row;
    size_t i;
    int r = jsonx_strings(root, "architectures", &plain, e);

    for (i = 0; r >= 0 && i < plain.n; i++)
        r = add_arch(b, plain.v[i], e);
    if (r >= 0)
        r = jsonx_array(root, "archMap", &map, e);
    if (r < 0)
        return r;
    json_array_foreach(map, i, row)
    {
        autostrv struct strv subs = {0};
        const char *name;

        r = jsonx_string(row, "architecture", &name, e);
        if (r >= 0)
            r = jsonx_strings(row, "subArchitectures", &subs, e);
        if (r >= 0 && name && arch_token(name) == lib.seccomp_arch_native())
            for (size_t j = 0; r >= 0 && j < subs.n; j++)
                r = add_arch(b, subs.v[j], e);
        if (r < 0)
            return err_wrap(e, r, "archMap[%zu]", i);
    }
    return 0;
}

/* Go's names, which the format uses in "arches". */
static const char *machine_name(void)
{
    switch (lib.seccomp_arch_native()) {
    case SCMP_ARCH_X86_64: return "amd64";
    case SCMP_ARCH_X86: return "x86";
    case SCMP_ARCH_AARCH64: return "arm64";
    case SCMP_ARCH_ARM: return "arm";
    case SCMP_ARCH_PPC64LE: return "ppc64le";
    case SCMP_ARCH_S390X: return "s390x";
    case SCMP_ARCH_RISCV64: return "riscv64";
    }
    return "unknown";
}

static int kernel_at_least(const struct builder *b, const char *text, bool *ret, struct err *e)
{
    unsigned major, minor;
    char rest;

    if (sscanf(text, "%u.%u%c", &major, &minor, &rest) != 2)
        return err_set(e, EINVAL, "minKernel '%.40s' must look like 4.8", text);
    *ret = b->kernel[0] > major || (b->kernel[0] == major && b->kernel[1] >= minor);
    return 0;
}

/* How many of the conditions in o[key] there are, and how many hold. */
static int count_conditions(const struct builder *b, const json_t *o, const char *key,
                            unsigned *ret_all, unsigned *ret_held, struct err *e)
{
    autostrv struct strv caps = {0}, arches = {0};
    const char *kernel = NULL;
    unsigned number;
    json_t *when;
    bool held = false;
    int r = jsonx_object(o, key, &when, e);

    *ret_all = *ret_held = 0;
    if (r < 0 || !when)
        return r;
    r = jsonx_strings(when, "caps", &caps, e);
    if (r >= 0)
        r = jsonx_strings(when, "arches", &arches, e);
    if (r >= 0)
        r = jsonx_string(when, "minKernel", &kernel, e);
    for (size_t i = 0; r >= 0 && i < caps.n; i++) {
        r = caps_parse(caps.v[i], &number, e);
        *ret_held += r >= 0 && (b->caps & CAPS_BIT(number));
    }
    *ret_all = (unsigned)caps.n + (arches.n > 0) + (kernel && *kernel);
    *ret_held += strv_has(&arches, machine_name());
    if (r >= 0 && kernel && *kernel) {
        r = kernel_at_least(b, kernel, &held, e);
        *ret_held += r >= 0 && held;
    }
    return r < 0 ? err_wrap(e, r, "%s", key) : 0;
}

static int group_counts(const struct builder *b, const json_t *group, bool *ret, struct err *e)
{
    unsigned all, held, out_all, out_held;
    int r = count_conditions(b, group, "includes", &all, &held, e);

    if (r >= 0)
        r = count_conditions(b, group, "excludes", &out_all, &out_held, e);
    if (r >= 0)
        *ret = held == all && out_held == 0;
    return r;
}

static int read_arg(const json_t *o, struct scmp_arg_cmp *ret, struct err *e)
{
    static const struct word_value ops[] = {
        {"SCMP_CMP_NE", SCMP_CMP_NE},
        {"SCMP_CMP_LT", SCMP_CMP_LT},
        {"SCMP_CMP_LE", SCMP_CMP_LE},
        {"SCMP_CMP_EQ", SCMP_CMP_EQ},
        {"SCMP_CMP_GE", SCMP_CMP_GE},
        {"SCMP_CMP_GT", SCMP_CMP_GT},
        {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
    };
    json_int_t index = -1, value = 0, two = 0;
    const char *word;
    uint32_t op = 0;
    int r = jsonx_integer(o, "index", &index, e);

    if (r >= 0)
        r = jsonx_integer(o, "value", &value, e);
    if (r >= 0)
        r = jsonx_integer(o, "valueTwo", &two, e);
    if (r >= 0)
        r = jsonx_string(o, "op", &word, e);
    if (r < 0)
        return r;
    if (index < 0 || index > 5)
        return err_set(e, EINVAL, "'index' must be between 0 and 5");
    r = find_word(ops, ARRAY_SIZE(ops), "op", word ? word : "", &op, e);
    *ret = (struct scmp_arg_cmp){(unsigned)index, (enum scmp_compare)op, (scmp_datum_t)value,
                                 (scmp_datum_t)two};
    return r;
}

struct args {
    struct scmp_arg_cmp v[6];
    unsigned n;
    bool either; /* one argument has two conditions */
};

static int read_args(const json_t *group, struct args *ret, struct err *e)
{
    json_t *list, *o;
    size_t i;
    int r = jsonx_array(group, "args", &list, e);

    *ret = (struct args){.n = 0};
    if (r < 0)
        return r;
    json_array_foreach(list, i, o)
    {
        if (i == ARRAY_SIZE(ret->v))
            return err_set(e, EINVAL, "there are more than 6 'args'");
        r = read_arg(o, &ret->v[i], e);
        if (r < 0)
            return err_wrap(e, r, "args[%zu]", i);
        for (size_t j = 0; j < i; j++)
            ret->either |= ret->v[j].arg == ret->v[i].arg;
        ret->n++;
    }
    return 0;
}

static int add_rule(struct builder *b, const char *name, int number, uint32_t action,
                    const struct args *a, struct err *e)
{
    int r = 0;

    if (number == __NR_SCMP_ERROR) /* not a call of any machine that this libseccomp knows */
        return 0;
    if (action == b->default_action)
        return 0;
    if (!a->either)
        r = lib.seccomp_rule_add_array(b->ctx, action, number, a->n, a->v);
    for (unsigned i = 0; a->either && r >= 0 && i < a->n; i++)
        r = lib.seccomp_rule_add_array(b->ctx, action, number, 1, &a->v[i]);
    return r < 0 ? err_set(e, -r, "libseccomp refuses the rule for '%.60s': %s", name, strerror(-r))
                 : 0;
}

static int add_group(struct builder *b, const json_t *group, struct err *e)
{
    autostrv struct strv names = {0};
    const char *name = NULL;
    uint32_t action = 0;
    struct args args;
    bool counts = false;
    int r = jsonx_strings(group, "names", &names, e);

    if (r >= 0)
        r = jsonx_string(group, "name", &name, e);
    if (r >= 0 && name)
        r = strv_add(&names, name, e);
    if (r >= 0)
        r = read_action(group, "action", "errnoRet", &action, e);
    if (r >= 0)
        r = read_args(group, &args, e);
    if (r >= 0)
        r = group_counts(b, group, &counts, e);
    for (size_t i = 0; r >= 0 && i < names.n; i++) {
        int number = lib.seccomp_syscall_resolve_name(names.v[i]);

        if (number > b->highest)
            b->highest = number;
        if (counts)
            r = add_rule(b, names.v[i], number, action, &args, e);
    }
    return r;
}

static int build(struct builder *b, const json_t *root, struct err *e)
{
    json_t *groups, *group;
    struct utsname u;
    size_t i;
    int r;

    if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &b->kernel[0], &b->kernel[1]) != 2)
        return err_set(e, EIO, "cannot tell the kernel's version");
    r = read_action(root, "defaultAction", "defaultErrnoRet", &b->default_action, e);
    if (r < 0)
        return r;
    b->ctx = lib.seccomp_init(b->default_action);
    if (!b->ctx)
        return err_set(e, EINVAL, "libseccomp refuses the default action");
    r = add_arches(b, root, e);
    if (r >= 0)
        r = jsonx_array(root, "syscalls", &groups, e);
    if (r < 0)
        return r;
    json_array_foreach(groups, i, group)
    {
        r = add_group(b, group, e);
        if (r < 0)
            return err_wrap(e, r, "syscalls[%zu]", i);
    }
    return 0;
}

/* What goes in front: a native call above `highest` gets ENOSYS (but x32's, which have a bit). */
static void add_newer(const struct builder *b, struct text *t)
{
    struct sock_filter front[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 4, lib.seccomp_arch_native()},
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
        {BPF_JMP | BPF_JGE | BPF_K, 2, 0, 0x40000000},
        {BPF_JMP | BPF_JGT | BPF_K, 0, 1, (unsigned)b->highest},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS},
    };

    if (b->default_action == SCMP_ACT_ERRNO(EPERM) && b->highest > 0)
        text_add_n(t, front, sizeof front);
}

static int export(const struct builder *b, struct text *ret, struct err *e)
{
    autofd int fd = memfd_create("seccomp", MFD_CLOEXEC);
    int r;

    if (fd < 0)
        return err_sys(e, "cannot make a memory file");
    r = lib.seccomp_export_bpf(b->ctx, fd);
    if (r < 0)
        return err_set(e, -r, "libseccomp cannot compile it: %s", strerror(-r));
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(e, "cannot rewind a memory file");
    add_newer(b, ret);
    r = file_read_fd(fd, PROGRAM_MAX * sizeof(struct sock_filter), ret, e);
    return r < 0 ? r : text_check(ret, e);
}

static int compile(const struct text *profile, uint64_t caps, struct text *ret, struct err *e)
{
    struct builder b = {.caps = caps, .highest = -1};
    autojson json_t *root = NULL;
    int r = jsonx_parse(profile->s, profile->n, &root, e);

    if (r >= 0 && !json_is_object(root))
        r = err_set(e, EINVAL, "it is not a JSON object");
    if (r >= 0)
        r = build(&b, root, e);
    if (r >= 0)
        r = export(&b, ret, e);
    if (b.ctx)
        lib.seccomp_release(b.ctx);
    return r;
}

/* The cache: a file named by what the program depends on; its content is the program's digest (64
 * digits), then the program. */
static int cache_name(const struct text *profile, uint64_t caps, char ret[96], struct err *e)
{
    const struct scmp_version *v = lib.seccomp_version();
    autotext struct text t = {0};
    struct digest d;
    struct utsname u;
    int r;

    if (uname(&u) < 0)
        return err_sys(e, "cannot tell the kernel's version");
    text_addf(&t, "1 %llx %x %u.%u.%u %s\n", (unsigned long long)caps, lib.seccomp_arch_native(),
              v->major, v->minor, v->micro, u.release);
    text_add_n(&t, profile->s, profile->n);
    r = text_check(&t, e);
    if (r >= 0)
        r = hash_bytes(t.s, t.n, &d, e);
    if (r >= 0)
        snprintf(ret, 96, "seccomp-%s.bpf", d.hex);
    return r;
}

static bool cache_read(int dir_fd, const char *name, struct text *ret)
{
    autotext struct text t = {0};
    struct digest d;

    if (dir_fd < 0 || file_read(dir_fd, name, 1 << 16, &t, NULL) < 0 || text_check(&t, NULL) < 0)
        return false;
    if (t.n <= DIGEST_HEX || (t.n - DIGEST_HEX) % sizeof(struct sock_filter) != 0 ||
        hash_bytes(t.s + DIGEST_HEX, t.n - DIGEST_HEX, &d, NULL) < 0 ||
        memcmp(d.hex, t.s, DIGEST_HEX) != 0)
        return false;
    text_add_n(ret, t.s + DIGEST_HEX, t.n - DIGEST_HEX);
    return text_check(ret, NULL) >= 0;
}

static void cache_write(int dir_fd, const char *name, const struct text *program)
{
    autotext struct text t = {0};
    struct digest d;

    if (dir_fd < 0 || hash_bytes(program->s, program->n, &d, NULL) < 0)
        return;
    text_add(&t, d.hex);
    text_add_n(&t, program->s, program->n);
    /* Without it the next start compiles again: nothing to tell anyone. */
    if (text_check(&t, NULL) >= 0)
        (void)file_replace(dir_fd, name, t.s, t.n, 0600, false, NULL);
}

static int load(const char *json_path, uint64_t caps, int cache_dir_fd, struct text *ret,
                struct err *e)
{
    autotext struct text profile = {0};
    char name[96];
    int r = load_library(e);

    if (r >= 0)
        r = file_read(AT_FDCWD, json_path, PROFILE_MAX, &profile, e);
    if (r >= 0)
        r = text_check(&profile, e);
    if (r >= 0)
        r = cache_name(&profile, caps, name, e);
    if (r < 0 || cache_read(cache_dir_fd, name, ret))
        return r;
    r = compile(&profile, caps, ret, e);
    if (r >= 0 && ret->n / sizeof(struct sock_filter) > PROGRAM_MAX)
        r = err_set(e, E2BIG, "it makes more than %d instructions", PROGRAM_MAX);
    if (r >= 0)
        cache_write(cache_dir_fd, name, ret);
    return r;
}

int seccomp_profile_load(const char *json_path, uint64_t caps, int cache_dir_fd,
                         struct sock_fprog *ret, struct err *e)
{
    autotext struct text program = {0};
    int r = load(json_path, caps, cache_dir_fd, &program, e);
    size_t n;

    if (r < 0)
        return err_wrap(e, r, "cannot use seccomp profile '%.200s'", json_path);
    n = program.n / sizeof(struct sock_filter);
    ret->filter = malloc(program.n);
    if (!ret->filter)
        return err_memory(e);
    memcpy(ret->filter, program.s, program.n);
    ret->len = (unsigned short)n;
    return 0;
}
