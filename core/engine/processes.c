#include "core/engine/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/cgroup_folder.h"
#include "core/base/file.h"
#include "core/base/when.h"
#include "core/runtime/standstill.h"

enum { STATUS_MAX = 1 << 16, LEVELS = 32 };

/* ---- which ---- */

struct pids {
    pid_t *v;
    size_t n, cap;
};

static int add_pid(struct pids *l, pid_t pid, struct err *e)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        pid_t *v = realloc(l->v, cap * sizeof *v);

        if (!v)
            return err_memory(e);
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = pid;
    return 0;
}

/* Children of l->v[at…], their children, and so on. */
static int add_descendants(struct pids *l, struct err *e)
{
    for (size_t at = 0; at < l->n; at++) {
        autotext struct text t = {0};
        char path[64], *p;

        snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)l->v[at], (int)l->v[at]);
        if (file_read(AT_FDCWD, path, STATUS_MAX, &t, NULL) < 0)
            continue; /* it has ended */
        for (char *s = t.s; s && *s; s = p) {
            long pid = strtol(s, &p, 10);

            if (p == s)
                break;
            if (pid > 0 && add_pid(l, (pid_t)pid, e) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

static int list(const struct record *r, struct pids *ret, struct err *e)
{
    int n = standstill_pids(&r->init, &ret->v, &ret->n, e);

    if (n != -ENOTSUP)
        return n;
    if (r->cgroup && cgroup_folder_is_v2(r->cgroup))
        return cgroup_folder_pids(r->cgroup, &ret->v, &ret->n, e);
    n = add_pid(ret, r->init.pid, e);
    return n < 0 ? n : add_descendants(ret, e);
}

/* ---- what of each ---- */

/* The value behind "Key:" of /proc/PID/status; "" when it is not there. */
static const char *value_of(const char *status, const char *key)
{
    size_t n = strlen(key);

    for (const char *p = status; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        if (strncmp(p, key, n) == 0 && p[n] == ':')
            return p + n + 1 + strspn(p + n + 1, " \t");
    return "";
}

static long long kilobytes(const char *status, const char *key)
{
    return strtoll(value_of(status, key), NULL, 10) * 1024;
}

/* "NSpid: 4711 12 1": the number at a level; 0 when it is not in there. */
static pid_t at_level(const char *status, const char *key, size_t level)
{
    const char *p = value_of(status, key);
    char *end;

    for (size_t i = 0; *p && *p != '\n'; i++, p = end) {
        long v = strtol(p, &end, 10);

        if (end == p)
            break;
        if (i == level)
            return (pid_t)v;
        end += strspn(end, " \t");
    }
    return 0;
}

static size_t levels_of(const char *status)
{
    size_t n = 0;

    while (n < LEVELS && at_level(status, "NSpid", n) > 0)
        n++;
    return n;
}

static void read_numbers(const char *p, unsigned *v, size_t max, size_t *ret_n)
{
    size_t n = 0;
    char *end;

    for (; n < max && *p && *p != '\n'; n++, p = end + strspn(end, " \t")) {
        v[n] = (unsigned)strtoul(p, &end, 10);
        if (end == p)
            break;
    }
    if (ret_n)
        *ret_n = n;
}

static void read_status(const char *s, size_t level, struct process *p)
{
    static const char *const caps[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};

    p->pid = at_level(s, "NSpid", level);
    p->pgid = at_level(s, "NSpgid", level);
    p->sid = at_level(s, "NSsid", level);
    read_numbers(value_of(s, "Uid"), p->uids, 4, NULL);
    read_numbers(value_of(s, "Gid"), p->gids, 4, NULL);
    read_numbers(value_of(s, "Groups"), p->groups, PROCESSES_GROUPS, &p->group_count);
    p->vsz_bytes = kilobytes(s, "VmSize");
    p->rss_bytes = kilobytes(s, "VmRSS");
    p->own_bytes = kilobytes(s, "RssAnon") + kilobytes(s, "RssShmem");
    p->threads = atoi(value_of(s, "Threads"));
    p->seccomp = atoi(value_of(s, "Seccomp"));
    for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
        snprintf(p->caps[i], sizeof p->caps[i], "%.16s", value_of(s, caps[i]));
}

/* /proc/PID/stat: what status has not. */
static int read_stat(const char *s, struct process *p)
{
    const char *open = strchr(s, '('), *close = strrchr(s, ')');
    unsigned long long start;
    unsigned long user, system;
    double hz = (double)sysconf(_SC_CLK_TCK);
    struct timespec up;
    int ppid, tty;
    long nice, child_user, child_system;

    if (!open || !close ||
        sscanf(close + 1,
               " %c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld %*d %ld %*d %*d %llu",
               &p->state, &ppid, &tty, &user, &system, &child_user, &child_system, &nice,
               &start) != 9)
        return -EINVAL;
    snprintf(p->comm, sizeof p->comm, "%.*s", (int)(close - open - 1), open + 1);
    clock_gettime(CLOCK_BOOTTIME, &up);
    p->host_ppid = ppid;
    p->tty = (unsigned)tty;
    p->nice = (int)nice;
    p->user_s = (double)user / hz;
    p->system_s = (double)system / hz;
    p->children_s = (double)(child_user + child_system) / hz;
    p->started_ns = when_now() - (long long)up.tv_sec * 1000000000 - up.tv_nsec +
                    (long long)((double)start / hz * 1e9);
    return 0;
}

static void read_args(const char *s, size_t n, struct process *p)
{
    size_t used = n < sizeof p->args ? n : sizeof p->args - 1;

    memcpy(p->args, s, used);
    while (used && p->args[used - 1] == 0)
        used--;
    p->args[used] = 0;
    for (size_t i = 0; i < used; i++)
        if (p->args[i] == 0)
            p->args[i] = ' ';
    if (used == 0)
        snprintf(p->args, sizeof p->args, "[%s]", p->comm);
}

/* The first bytes of /proc/PID/NAME; what is there fits but for long arguments. */
static int read_some(pid_t pid, const char *name, char *buf, size_t size, size_t *ret_n)
{
    char path[64];
    autofd int fd = -1;
    ssize_t n;

    buf[0] = 0;
    *ret_n = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, buf, size - 1);
    if (n < 0)
        return -errno;
    buf[n] = 0;
    *ret_n = (size_t)n;
    return 0;
}

/* -ESRCH: it has ended. */
static int load_one(pid_t pid, size_t level, struct process *p)
{
    char buf[8192];
    size_t n;

    *p = (struct process){.host_pid = pid};
    if (read_some(pid, "stat", buf, sizeof buf, &n) < 0 || read_stat(buf, p) < 0)
        return -ESRCH;
    if (read_some(pid, "status", buf, sizeof buf, &n) < 0)
        return -ESRCH;
    read_status(buf, level, p);
    if (read_some(pid, "cmdline", buf, sizeof buf, &n) < 0)
        n = 0;
    read_args(buf, n, p);
    return 0;
}

static int by_pid(const void *a, const void *b)
{
    const struct process *x = a, *y = b;

    return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Parents are known by the host's numbers only. */
static void find_parents(struct processes *l)
{
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < l->n; k++)
            if (l->v[k].host_pid == l->v[i].host_ppid)
                l->v[i].ppid = l->v[k].pid;
}

int processes_load(const struct record *r, struct processes *ret, struct err *e)
{
    struct processes l = {0};
    struct pids pids = {0};
    char buf[8192] = "";
    size_t size, level;
    int n = list(r, &pids, e);

    if (n == 0 && read_some(r->init.pid, "status", buf, sizeof buf, &size) < 0)
        n = err_set(e, ESRCH, "container %s has ended", r->name);
    level = levels_of(buf);
    l.v = n == 0 ? calloc(pids.n + 1, sizeof *l.v) : NULL;
    if (n == 0 && !l.v)
        n = err_memory(e);
    for (size_t i = 0; n == 0 && i < pids.n; i++)
        l.n += load_one(pids.v[i], level ? level - 1 : 0, &l.v[l.n]) == 0;
    free(pids.v);
    if (n < 0)
        return n;
    qsort(l.v, l.n, sizeof *l.v, by_pid);
    find_parents(&l);
    *ret = l;
    return 0;
}

void processes_free(struct processes *l)
{
    free(l->v);
    *l = (struct processes){0};
}

long long processes_id_inside(const struct record *r, const char *map, unsigned host_id)
{
    unsigned long inside, outside, count;
    char buf[4096];
    size_t n;

    if (read_some(r->init.pid, map, buf, sizeof buf, &n) < 0)
        return -1;
    for (const char *p = buf; sscanf(p, "%lu %lu %lu", &inside, &outside, &count) == 3;) {
        if (host_id >= outside && host_id - outside < count)
            return (long long)(inside + (host_id - outside));
        p = strchr(p, '\n');
        if (!p)
            break;
        p++;
    }
    return -1;
}
