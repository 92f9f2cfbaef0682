#include "core/engine/stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "core/base/file.h"
#include "core/base/when.h"
#include "core/engine/processes.h"
#include "core/runtime/cgroup_usage.h"

enum { FILE_MAX = 1 << 20 };

static long long monotonic_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* /proc/PID/net/dev: "  eth0: BYTES packets … (8 fields) BYTES …", behind two lines of heading. */
static void read_network(const struct record *r, struct stats_sample *s)
{
    autotext struct text t = {0};
    char path[40];

    if (r->network && strcmp(r->network, "host") == 0)
        return;
    snprintf(path, sizeof path, "/proc/%d/net/dev", (int)r->init.pid);
    if (file_read(AT_FDCWD, path, FILE_MAX, &t, NULL) < 0)
        return;
    s->net_in_bytes = s->net_out_bytes = 0;
    for (const char *p = t.s; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
        char name[64];
        long long in, out;

        if (sscanf(p, " %63[^: \n]: %lld %*d %*d %*d %*d %*d %*d %*d %lld", name, &in, &out) == 3 &&
            strcmp(name, "lo") != 0) {
            s->net_in_bytes += in;
            s->net_out_bytes += out;
        }
    }
}

static void read_group(const struct record *r, struct stats_sample *s)
{
    struct cgroup_usage u;

    if (!r->cgroup || cgroup_usage_read(r->cgroup, &u, NULL) < 0)
        return;
    if (u.cpu_usec >= 0)
        s->cpu_ns = u.cpu_usec * 1000;
    if (u.memory_bytes >= 0) {
        s->memory_bytes = u.memory_bytes;
        if (u.inactive_file_bytes > 0 && u.inactive_file_bytes < u.memory_bytes)
            s->memory_bytes -= u.inactive_file_bytes;
    }
    if (u.memory_limit_bytes > 0 && u.memory_limit_bytes < s->memory_limit_bytes)
        s->memory_limit_bytes = u.memory_limit_bytes;
    s->pids = u.pids;
    s->pids_limit = u.pids_limit > 0 ? u.pids_limit : 0;
    s->block_in_bytes = u.io_read_bytes;
    s->block_out_bytes = u.io_write_bytes;
}

/* /proc/PID/io of a process, added. */
static void add_io(pid_t pid, long long *in, long long *out)
{
    autotext struct text t = {0};
    const char *p;
    char path[40];

    snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
    if (file_read(AT_FDCWD, path, FILE_MAX, &t, NULL) < 0)
        return;
    p = strstr(t.s, "\nread_bytes: ");
    *in += p ? atoll(p + 13) : 0;
    p = strstr(t.s, "\nwrite_bytes: ");
    *out += p ? atoll(p + 14) : 0;
}

/* What the group did not tell. */
static int read_processes(const struct record *r, struct stats_sample *s, struct err *e)
{
    autoprocesses struct processes l = {0};
    long long memory = 0, in = 0, out = 0;
    double cpu_s = 0;
    int n = processes_load(r, &l, e);

    if (n < 0)
        return n;
    for (size_t i = 0; i < l.n; i++) {
        memory += l.v[i].own_bytes;
        cpu_s += l.v[i].user_s + l.v[i].system_s + l.v[i].children_s;
        if (s->block_in_bytes < 0)
            add_io(l.v[i].host_pid, &in, &out);
    }
    if (s->memory_bytes < 0) {
        s->memory_bytes = memory;
        s->memory_estimated = true;
    }
    if (s->cpu_ns < 0)
        s->cpu_ns = (long long)(cpu_s * 1e9);
    if (s->pids < 0)
        s->pids = (long long)l.n;
    if (s->block_in_bytes < 0) {
        s->block_in_bytes = in;
        s->block_out_bytes = out;
    }
    return 0;
}

int stats_read(const struct record *r, struct stats_sample *ret, struct err *e)
{
    struct stats_sample s = {.cpu_ns = -1,
                             .memory_bytes = -1,
                             .pids = -1,
                             .net_in_bytes = -1,
                             .net_out_bytes = -1,
                             .block_in_bytes = -1,
                             .block_out_bytes = -1};
    struct sysinfo host = {0};
    int n = 0;

    sysinfo(&host);
    s.memory_limit_bytes = (long long)host.totalram * host.mem_unit;
    s.when_ns = monotonic_ns();
    read_group(r, &s);
    if (s.cpu_ns < 0 || s.memory_bytes < 0 || s.pids < 0 || s.block_in_bytes < 0)
        n = read_processes(r, &s, e);
    if (n < 0)
        return n;
    read_network(r, &s);
    *ret = s;
    return 0;
}

double stats_cpu_percent(const struct record *r, const struct stats_sample *before,
                         const struct stats_sample *now)
{
    double used = (double)(now->cpu_ns - (before ? before->cpu_ns : 0));
    double time =
        before ? (double)(now->when_ns - before->when_ns) : (double)(when_now() - r->started_ns);

    return used > 0 && time > 0 ? 100 * used / time : 0;
}
