#include "core/runtime/cgroup_ask.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"

enum { PERIOD_DEFAULT_US = 100000, PERIOD_MIN_US = 1000, PERIOD_MAX_US = 1000000 };

static bool given(const char *s)
{
    return s && *s;
}

/* ---- one word each ---- */

/* "64m"; with `unlimited`, -1 too. 0 says "no limit", as with docker: -1. */
static int parse_bytes(const char *option, const char *word, long long *to, struct err *e)
{
    unsigned long long bytes;
    int r;

    if (!given(word))
        return 0;
    if (strcmp(word, "-1") == 0 || strcmp(word, "0") == 0) {
        *to = -1;
        return 0;
    }
    r = text_size(word, &bytes, e);
    if (r < 0)
        return err_wrap(e, r, "%s", option);
    *to = (long long)bytes;
    return 0;
}

static int parse_number(const char *option, const char *word, long long min, long long max,
                        long long *to, struct err *e)
{
    long long v;

    if (!given(word))
        return 0;
    if (opt_parse_int(word, &v) < 0)
        return err_set(e, EINVAL, "%s: '%.40s' is not a number", option, word);
    if (v < min || v > max)
        return err_set(e, ERANGE, "%s: %lld is out of range (%lld to %lld)", option, v, min, max);
    *to = v;
    return 0;
}

/* The same, where 0 and less mean "no limit" or "the default". */
static int parse_or_none(const char *option, const char *word, long long min, long long max,
                         long long *to, struct err *e)
{
    long long v = 1;

    if (given(word) && opt_parse_int(word, &v) == 0 && (v == 0 || v == -1)) {
        *to = -1;
        return 0;
    }
    return parse_number(option, word, min, max, to, e);
}

/* "1.5": that many times the period. */
static int parse_cpus(const char *word, struct cgroup_ask *to, struct err *e)
{
    size_t n;
    double v;

    if (!given(word))
        return 0;
    n = strspn(word, "0123456789.");
    if (word[n] || strlen(word) > 12 || strchr(word, '.') != strrchr(word, '.') || n == 0 ||
        strcmp(word, ".") == 0)
        return err_set(e, EINVAL, "--cpus: '%.40s' is not a number of processors (such as 1.5)",
                       word);
    v = strtod(word, NULL);
    if (v == 0) {
        to->cpu_quota_us = -1;
        return 0;
    }
    if (v < 0.01 || v > 100000)
        return err_set(e, ERANGE, "--cpus: %s is out of range (0.01 to 100000)", word);
    to->cpu_period_us = PERIOD_DEFAULT_US;
    to->cpu_quota_us = (long long)(v * PERIOD_DEFAULT_US + 0.5);
    return 0;
}

bool cgroup_ask_is_list(const char *list)
{
    const char *p = list;

    for (;;) {
        char *end;
        unsigned long first, last;

        if (*p < '0' || *p > '9')
            return false;
        first = last = strtoul(p, &end, 10);
        if (*end == '-') {
            p = end + 1;
            if (*p < '0' || *p > '9')
                return false;
            last = strtoul(p, &end, 10);
        }
        if (last < first || last > 65535)
            return false;
        if (!*end)
            return true;
        if (*end != ',')
            return false;
        p = end + 1;
    }
}

int cgroup_ask_list_bits(const char *list, unsigned char *ret, size_t size, struct err *e)
{
    const char *p = list;

    if (!cgroup_ask_is_list(list))
        return err_set(e, EINVAL, "'%.40s' is not a list such as 0-2,7", list);
    while (*p) {
        char *end;
        unsigned long first = strtoul(p, &end, 10), last = first;

        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (last >= size * CHAR_BIT)
            return err_set(e, ERANGE, "'%.40s': there is no number %lu", list, last);
        for (unsigned long i = first; i <= last; i++)
            ret[i / CHAR_BIT] |= (unsigned char)(1U << i % CHAR_BIT);
        p = *end ? end + 1 : end;
    }
    return 0;
}

static int replace(char **to, const char *word, struct err *e)
{
    char *copy = strdup(word);

    if (!copy)
        return err_memory(e);
    free(*to);
    *to = copy;
    return 0;
}

static int parse_list(const char *option, const char *word, char **to, struct err *e)
{
    if (!given(word))
        return 0;
    if (!cgroup_ask_is_list(word))
        return err_set(e, EINVAL, "%s: '%.40s' is not a list such as 0-2,7", option, word);
    return replace(to, word, e);
}

/* A name below the mount, without a way up or out. */
static int parse_parent(const char *word, char **to, struct err *e)
{
    if (!given(word))
        return 0;
    for (const char *p = word; *p; p++) {
        size_t n = strcspn(p, "/");

        if ((n == 2 && p[0] == '.' && p[1] == '.') || memchr(p, '\n', n))
            return err_set(e, EINVAL, "--cgroup-parent: '%.80s' is not the path of a cgroup", word);
        p += n - (p[n] == 0);
    }
    return replace(to, word, e);
}

int cgroup_ask_conf(const char *word, struct cgroup_ask *to, struct err *e)
{
    const char *equal = strchr(word, '=');
    size_t name = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_.");

    if (!equal || word + name != equal || name < 3 || !memchr(word, '.', name) || *word == '.')
        return err_set(e, EINVAL, "--cgroup-conf: '%.80s' must look like memory.high=1073741824",
                       word);
    if (text_starts(word, "cgroup."))
        return err_set(e, EINVAL, "--cgroup-conf: %.*s is not a limit", (int)name, word);
    for (int c = 0; c < CGROUP_CONTROLLERS; c++) {
        const char *controller = cgroup_ask_controller_name((enum cgroup_controller)c);
        size_t n = strlen(controller);

        if (strncmp(word, controller, n) == 0 && word[n] == '.')
            return strv_set_env(&to->conf, word, e);
    }
    return err_set(e, EINVAL,
                   "--cgroup-conf: '%.80s' belongs to none of cpu, cpuset, io, memory, pids", word);
}

/* ---- the groups of words ---- */

static int parse_memory(const struct cgroup_ask_words *w, struct cgroup_ask *to, struct err *e)
{
    long long v;
    int r = parse_bytes("--memory", w->memory, &to->memory, e);

    if (r == 0)
        r = parse_bytes("--memory-swap", w->memory_swap, &to->memory_swap, e);
    if (r == 0)
        r = parse_bytes("--memory-reservation", w->reservation, &to->reservation, e);
    if (r == 0 && given(w->swappiness)) {
        v = -1;
        r = parse_number("--memory-swappiness", w->swappiness, -1, 100, &v, e);
        to->has_swappiness = v >= 0;
        to->swappiness = (int)v;
    }
    if (r == 0 && given(w->oom_score_adj)) {
        v = 0;
        r = parse_number("--oom-score-adj", w->oom_score_adj, -1000, 1000, &v, e);
        to->has_oom_score_adj = r == 0;
        to->oom_score_adj = (int)v;
    }
    to->oom_kill_disable = to->oom_kill_disable || w->oom_kill_disable;
    return r;
}

static int parse_cpu(const struct cgroup_ask_words *w, struct cgroup_ask *to, struct err *e)
{
    int r = 0;

    if (given(w->cpus) && given(w->cpu_quota))
        return err_set(e, EINVAL, "--cpus and --cpu-quota cannot be set together");
    if (given(w->cpus) && given(w->cpu_period))
        return err_set(e, EINVAL, "--cpus and --cpu-period cannot be set together");
    r = parse_cpus(w->cpus, to, e);
    if (r == 0)
        r = parse_or_none("--cpu-quota", w->cpu_quota, 1000, LLONG_MAX / 1000, &to->cpu_quota_us,
                          e);
    if (r == 0)
        r = parse_or_none("--cpu-period", w->cpu_period, PERIOD_MIN_US, PERIOD_MAX_US,
                          &to->cpu_period_us, e);
    if (r == 0)
        r = parse_or_none("--cpu-shares", w->cpu_shares, 2, 262144, &to->cpu_shares, e);
    if (r == 0)
        r = parse_list("--cpuset-cpus", w->cpuset_cpus, &to->cpus, e);
    return r == 0 ? parse_list("--cpuset-mems", w->cpuset_mems, &to->mems, e) : r;
}

static int parse_mode(const char *word, enum cgroup_mode *to, struct err *e)
{
    static const struct {
        const char *word;
        enum cgroup_mode mode;
    } modes[] = {
        {"enabled", CGROUP_ENABLED},
        {"no-conmon", CGROUP_ENABLED}, /* our monitor is never in it */
        {"disabled", CGROUP_DISABLED},
        {"split", CGROUP_SPLIT},
    };

    if (!given(word))
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        if (strcmp(word, modes[i].word) == 0) {
            *to = modes[i].mode;
            return 0;
        }
    return err_set(e, EINVAL, "--cgroups %.40s: rctr knows enabled, disabled, no-conmon and split",
                   word);
}

static int parse_place(const struct cgroup_ask_words *w, struct cgroup_ask *to, struct err *e)
{
    int r = parse_parent(w->parent, &to->parent, e);

    if (r == 0)
        r = parse_mode(w->cgroups, &to->mode, e);
    if (r < 0)
        return r;
    if (given(w->cgroupns)) {
        to->host_ns = strcmp(w->cgroupns, "host") == 0;
        if (!to->host_ns && strcmp(w->cgroupns, "private") != 0)
            return err_set(e, EINVAL, "--cgroupns %.40s: rctr knows \"private\" and \"host\"",
                           w->cgroupns);
    }
    if (given(w->limits)) {
        to->best_effort = strcmp(w->limits, "best-effort") == 0;
        if (!to->best_effort && strcmp(w->limits, "strict") != 0)
            return err_set(e, EINVAL, "--limits %.40s: rctr knows \"strict\" and \"best-effort\"",
                           w->limits);
    }
    return 0;
}

/* What is fine alone and makes no sense together. */
static int judge(const struct cgroup_ask *a, struct err *e)
{
    const char *first = cgroup_ask_first(a);

    if (a->memory_swap > 0 && a->memory <= 0)
        return err_set(e, EINVAL,
                       "--memory-swap counts memory and swap together: it needs --memory too");
    if (a->memory_swap > 0 && a->memory_swap < a->memory)
        return err_set(e, EINVAL,
                       "--memory-swap (%lld) counts memory and swap together: it must not be less "
                       "than --memory (%lld)",
                       a->memory_swap, a->memory);
    if (a->reservation > 0 && a->memory > 0 && a->reservation > a->memory)
        return err_set(e, EINVAL,
                       "--memory-reservation (%lld) must not be more than --memory "
                       "(%lld)",
                       a->reservation, a->memory);
    if (a->mode == CGROUP_DISABLED && first && !a->best_effort)
        return err_set(e, EINVAL, "%s needs a cgroup: it does not go with --cgroups disabled",
                       first);
    return 0;
}

int cgroup_ask_parse(const struct cgroup_ask_words *w, struct cgroup_ask *to, struct err *e)
{
    int r = parse_memory(w, to, e);

    if (r == 0)
        r = parse_cpu(w, to, e);
    if (r == 0)
        r = parse_or_none("--pids-limit", w->pids, 1, 1LL << 22, &to->pids, e);
    if (r == 0)
        r = parse_or_none("--blkio-weight", w->blkio_weight, 10, 1000, &to->blkio_weight, e);
    for (size_t i = 0; i < w->conf.n && r == 0; i++)
        r = cgroup_ask_conf(w->conf.v[i], to, e);
    if (r == 0)
        r = parse_place(w, to, e);
    return r == 0 ? judge(to, e) : r;
}

/* ---- what it takes ---- */

const char *cgroup_ask_controller_name(enum cgroup_controller c)
{
    static const char *const names[] = {
        [CGROUP_MEMORY] = "memory", [CGROUP_CPU] = "cpu",   [CGROUP_CPUSET] = "cpuset",
        [CGROUP_IO] = "io",         [CGROUP_PIDS] = "pids",
    };
    _Static_assert(ARRAY_SIZE(names) == CGROUP_CONTROLLERS, "a controller without a name");

    return names[c];
}

static const char *memory_option(const struct cgroup_ask *a)
{
    return a->memory > 0         ? "--memory"
           : a->memory_swap > 0  ? "--memory-swap"
           : a->reservation > 0  ? "--memory-reservation"
           : a->has_swappiness   ? "--memory-swappiness"
           : a->oom_kill_disable ? "--oom-kill-disable"
                                 : NULL;
}

static const char *cpu_option(const struct cgroup_ask *a)
{
    return a->cpu_quota_us > 0    ? "--cpus (or --cpu-quota)"
           : a->cpu_period_us > 0 ? "--cpu-period"
           : a->cpu_shares > 0    ? "--cpu-shares"
                                  : NULL;
}

const char *cgroup_ask_option(const struct cgroup_ask *a, enum cgroup_controller c)
{
    const char *name = cgroup_ask_controller_name(c), *found = NULL;
    size_t n = strlen(name);

    switch (c) {
    case CGROUP_MEMORY: found = memory_option(a); break;
    case CGROUP_CPU: found = cpu_option(a); break;
    case CGROUP_CPUSET: found = a->cpus ? "--cpuset-cpus" : a->mems ? "--cpuset-mems" : NULL; break;
    case CGROUP_IO: found = a->blkio_weight > 0 ? "--blkio-weight" : NULL; break;
    case CGROUP_PIDS: found = a->pids > 0 ? "--pids-limit" : NULL; break;
    }
    for (size_t i = 0; i < a->conf.n && !found; i++)
        if (strncmp(a->conf.v[i], name, n) == 0 && a->conf.v[i][n] == '.')
            found = "--cgroup-conf";
    return found;
}

unsigned cgroup_ask_controllers(const struct cgroup_ask *a)
{
    unsigned bits = 0;

    for (int c = 0; c < CGROUP_CONTROLLERS; c++)
        if (cgroup_ask_option(a, (enum cgroup_controller)c))
            bits |= 1U << c;
    return bits;
}

const char *cgroup_ask_first(const struct cgroup_ask *a)
{
    for (int c = 0; c < CGROUP_CONTROLLERS; c++) {
        const char *option = cgroup_ask_option(a, (enum cgroup_controller)c);

        if (option)
            return option;
    }
    return a->parent ? "--cgroup-parent" : a->mode == CGROUP_SPLIT ? "--cgroups split" : NULL;
}

void cgroup_ask_free(struct cgroup_ask *a)
{
    free(a->cpus);
    free(a->mems);
    free(a->parent);
    strv_free(&a->conf);
    *a = (struct cgroup_ask){0};
}
