#include "core/runtime/limits.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/near.h"
#include "core/base/text.h"

static const char *const resource_names[LIMITS_MAX] = {
    [RLIMIT_AS] = "as",
    [RLIMIT_CORE] = "core",
    [RLIMIT_CPU] = "cpu",
    [RLIMIT_DATA] = "data",
    [RLIMIT_FSIZE] = "fsize",
    [RLIMIT_LOCKS] = "locks",
    [RLIMIT_MEMLOCK] = "memlock",
    [RLIMIT_MSGQUEUE] = "msgqueue",
    [RLIMIT_NICE] = "nice",
    [RLIMIT_NOFILE] = "nofile",
    [RLIMIT_NPROC] = "nproc",
    [RLIMIT_RSS] = "rss",
    [RLIMIT_RTPRIO] = "rtprio",
    [RLIMIT_RTTIME] = "rttime",
    [RLIMIT_SIGPENDING] = "sigpending",
    [RLIMIT_STACK] = "stack",
};
_Static_assert((int)RLIM_NLIMITS == LIMITS_MAX, "a resource without a name");

const char *limits_name(int resource)
{
    return resource >= 0 && resource < LIMITS_MAX ? resource_names[resource] : NULL;
}

static int find_resource(const char *name, int *ret, struct err *e)
{
    struct near n = {.word = name};

    if (strncasecmp(name, "RLIMIT_", 7) == 0)
        n.word = name += 7;
    for (int i = 0; i < LIMITS_MAX; i++) {
        if (strcasecmp(name, resource_names[i]) == 0) {
            *ret = i;
            return 0;
        }
        near_offer(&n, resource_names[i]);
    }
    if (n.best)
        return err_set(e, EINVAL, "unknown ulimit '%.60s': did you mean %s?", name, n.best);
    return err_set(e, EINVAL, "unknown ulimit '%.60s': see getrlimit(2) for their names", name);
}

static int parse_value(const char *text, rlim_t *ret, struct err *e)
{
    unsigned long long v;
    int r;

    if (strcmp(text, "-1") == 0 || strcasecmp(text, "unlimited") == 0) {
        *ret = RLIM_INFINITY;
        return 0;
    }
    r = text_number(text, (unsigned long long)RLIM_INFINITY - 1, &v, e);
    if (r >= 0)
        *ret = (rlim_t)v;
    return r;
}

int limits_add_ulimit(const char *text, struct limits *to, struct err *e)
{
    autofree char *copy = strdup(text);
    struct limits_row row = {0};
    char *soft, *hard;
    size_t i = 0;
    int r;

    if (!copy)
        return err_memory(e);
    if (strcmp(text, "host") == 0) {
        to->host = true;
        return 0;
    }
    soft = strchr(copy, '=');
    if (!soft)
        return err_set(e, EINVAL, "ulimit '%.80s' must look like NAME=SOFT[:HARD]", text);
    *soft++ = 0;
    hard = strchr(soft, ':');
    if (hard)
        *hard++ = 0;
    r = find_resource(copy, &row.resource, e);
    if (r >= 0)
        r = parse_value(soft, &row.soft, e);
    row.hard = row.soft;
    if (r >= 0 && hard)
        r = parse_value(hard, &row.hard, e);
    if (r < 0)
        return err_wrap(e, r, "ulimit '%.80s'", text);
    if (row.soft > row.hard) /* RLIM_INFINITY is the largest number */
        return err_set(e, EINVAL,
                       "ulimit '%.80s': the soft limit must be less than or equal to the hard "
                       "limit",
                       text);
    while (i < to->n && to->v[i].resource != row.resource)
        i++;
    to->v[i] = row;
    to->n += i == to->n;
    return 0;
}

int limits_check(const struct limits *l, struct err *e)
{
    struct rlimit now;

    for (size_t i = 0; i < l->n; i++) {
        const struct limits_row *row = &l->v[i];
        const char *name = resource_names[row->resource];

        if (getrlimit((__rlimit_resource_t)row->resource, &now) < 0)
            return err_sys(e, "cannot read the limit %s", name);
        if (row->hard > now.rlim_max)
            return err_set(e, EPERM,
                           "ulimit %s cannot be set to %lld: this session's hard limit is %lld "
                           "(ask for at most that, or raise it in /etc/security/limits.conf)",
                           name, (long long)row->hard, (long long)now.rlim_max);
    }
    return 0;
}

enum owner { OWNER_NET, OWNER_IPC, OWNER_UTS };

static const struct {
    const char *path; /* one that ends with '/' or '*' stands for all that begin so */
    enum owner owner;
} sysctls[] = {
    {"net/", OWNER_NET},
    {"fs/mqueue/", OWNER_IPC},
    {"kernel/msg*", OWNER_IPC},
    {"kernel/shm*", OWNER_IPC},
    {"kernel/sem", OWNER_IPC},
    {"kernel/sem_next_id", OWNER_IPC},
    {"kernel/auto_msgmni", OWNER_IPC},
    {"kernel/hostname", OWNER_UTS},
    {"kernel/domainname", OWNER_UTS},
};

static bool matches(const char *path, const char *pattern)
{
    size_t n = strlen(pattern);

    if (pattern[n - 1] == '*')
        return strncmp(path, pattern, n - 1) == 0 && !strchr(path + n - 1, '/');
    if (pattern[n - 1] == '/')
        return strncmp(path, pattern, n) == 0;
    return strcmp(path, pattern) == 0;
}

/* As sysctl(8) reads a name: what separates first, '.' or '/', separates everywhere; the other
 * stands for itself ("net/ipv4/conf/eth0.1/forwarding" and "net.ipv4.conf.eth0/1.forwarding"). */
static void name_to_path(char *name)
{
    if (name[strcspn(name, "./")] != '.')
        return;
    for (; *name; name++)
        *name = *name == '.' ? '/' : *name == '/' ? '.' : *name;
}

static bool path_is_clean(const char *path)
{
    if (!*path)
        return false;
    for (const char *p = path; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("/._-@", *p))
            return false;
    for (const char *p = path;; p++) {
        size_t n = strcspn(p, "/");

        if (n == 0 || strncmp(p, "..", n) == 0) /* also "." */
            return false;
        p += n;
        if (!*p)
            return true;
    }
}

static int check_owner(const char *text, const char *path, const struct limits_own *own,
                       struct err *e)
{
    static const char *const words[] = {
        [OWNER_NET] = "network", [OWNER_IPC] = "ipc", [OWNER_UTS] = "uts"};

    for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++) {
        enum owner o = sysctls[i].owner;

        if (!matches(path, sysctls[i].path))
            continue;
        if (o == OWNER_NET ? own->net : o == OWNER_IPC ? own->ipc : own->uts)
            return 0;
        return err_set(e, EINVAL,
                       "sysctl '%.120s' is not allowed: the container shares the %s namespace "
                       "it would change",
                       text, words[o]);
    }
    return err_set(e, EINVAL,
                   "sysctl '%.120s' is not allowed: it belongs to no namespace, so it would "
                   "change the host (net.*, fs.mqueue.*, kernel.shm*, kernel.msg*, kernel.sem, "
                   "kernel.hostname and kernel.domainname can be set)",
                   text);
}

int limits_parse_sysctl(const char *text, const struct limits_own *own, struct limits_sysctl *ret,
                        struct err *e)
{
    autofree char *path = strdup(text);
    autofree char *value = NULL;
    char *equals;
    int r;

    if (!path)
        return err_memory(e);
    equals = strchr(path, '=');
    if (!equals)
        return err_set(e, EINVAL, "sysctl '%.120s' must look like NAME=VALUE", text);
    value = strdup(equals + 1);
    if (!value)
        return err_memory(e);
    *equals = 0;
    while (equals > path && equals[-1] == ' ')
        *--equals = 0;
    name_to_path(path);
    if (!path_is_clean(path) || strlen(path) > 200)
        return err_set(e, EINVAL, "sysctl '%.120s' has no proper name before the '='", text);
    if (strchr(value, '\n') || strlen(value) > 4096)
        return err_set(e, EINVAL, "sysctl '%.120s': the value must be one line", text);
    r = check_owner(text, path, own, e);
    if (r < 0)
        return r;
    *ret = (struct limits_sysctl){take_ptr(&path), take_ptr(&value)};
    return 0;
}

void limits_sysctl_free(struct limits_sysctl *s)
{
    free(s->path);
    free(s->value);
    *s = (struct limits_sysctl){0};
}

int limits_parse_shm_size(const char *text, unsigned long long *ret_bytes, struct err *e)
{
    unsigned long long v;
    int r = text_size(text, &v, e);

    if (r >= 0 && v == 0)
        r = err_set(e, EINVAL, "0 would mean no limit at all");
    if (r < 0)
        return err_wrap(e, r, "shm size '%.80s'", text);
    *ret_bytes = v;
    return 0;
}

static const char *const signal_names[] = {
    [SIGHUP] = "HUP",   [SIGINT] = "INT",       [SIGQUIT] = "QUIT", [SIGILL] = "ILL",
    [SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",     [SIGBUS] = "BUS",   [SIGFPE] = "FPE",
    [SIGKILL] = "KILL", [SIGUSR1] = "USR1",     [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
    [SIGPIPE] = "PIPE", [SIGALRM] = "ALRM",     [SIGTERM] = "TERM", [SIGSTKFLT] = "STKFLT",
    [SIGCHLD] = "CHLD", [SIGCONT] = "CONT",     [SIGSTOP] = "STOP", [SIGTSTP] = "TSTP",
    [SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU",     [SIGURG] = "URG",   [SIGXCPU] = "XCPU",
    [SIGXFSZ] = "XFSZ", [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF", [SIGWINCH] = "WINCH",
    [SIGIO] = "IO",     [SIGPWR] = "PWR",       [SIGSYS] = "SYS",
};

/* The kernel's numbers: the C library keeps 32 and 33 for itself and says SIGRTMIN is 34, which is
 * what programs in containers see too. */
enum { REAL_TIME_MIN = 34, REAL_TIME_MAX = 64 };

/* "RTMIN", "RTMIN+3", "RTMAX-1"; 0 when it is none. */
static int real_time_signal(const char *name)
{
    bool from_min = strncasecmp(name, "RTMIN", 5) == 0;
    unsigned long long off = 0;

    if (!from_min && strncasecmp(name, "RTMAX", 5) != 0)
        return 0;
    name += 5;
    if (*name && (*name != (from_min ? '+' : '-') ||
                  text_number(name + 1, REAL_TIME_MAX - REAL_TIME_MIN, &off, NULL) < 0))
        return 0;
    return from_min ? REAL_TIME_MIN + (int)off : REAL_TIME_MAX - (int)off;
}

static int find_signal(const char *name)
{
    static const struct {
        const char *name;
        int signo;
    } others[] = {{"IOT", SIGABRT}, {"CLD", SIGCHLD}, {"POLL", SIGIO}};

    for (size_t i = 1; i < ARRAY_SIZE(signal_names); i++)
        if (signal_names[i] && strcasecmp(name, signal_names[i]) == 0)
            return (int)i;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (strcasecmp(name, others[i].name) == 0)
            return others[i].signo;
    return real_time_signal(name);
}

int limits_parse_signal(const char *text, int *ret, struct err *e)
{
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    char upper[NEAR_WORD_MAX + 1] = "";
    struct near n = {.word = upper};
    unsigned long long v;
    int signo;

    if (text_number(text, REAL_TIME_MAX, &v, NULL) >= 0 && v > 0) {
        *ret = (int)v;
        return 0;
    }
    signo = find_signal(name);
    if (signo > 0) {
        *ret = signo;
        return 0;
    }
    for (size_t i = 0; i < sizeof upper - 1 && name[i]; i++)
        upper[i] = (char)toupper((unsigned char)name[i]);
    for (size_t i = 1; i < ARRAY_SIZE(signal_names); i++)
        near_offer(&n, signal_names[i]);
    if (n.best)
        return err_set(e, EINVAL, "invalid signal '%.60s': did you mean SIG%s?", text, n.best);
    return err_set(e, EINVAL,
                   "invalid signal '%.60s': give a name such as TERM or a number up to %d", text,
                   REAL_TIME_MAX);
}

const char *limits_signal_name(int signo)
{
    static char real_time[16];

    if (signo > 0 && signo < (int)ARRAY_SIZE(signal_names))
        return signal_names[signo];
    if (signo < REAL_TIME_MIN || signo > REAL_TIME_MAX)
        return NULL;
    if (signo == REAL_TIME_MIN)
        return "RTMIN";
    snprintf(real_time, sizeof real_time, "RTMIN+%d", signo - REAL_TIME_MIN);
    return real_time;
}
