#include "core/runtime/cgroup_usage.h"

#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/cgroup_folder.h"

/* Numbers of v1 above this are its way to say "none". */
#define NO_LIMIT (1LL << 60)

static void keep(long long *to, int r, long long value)
{
    if (r == 0)
        *to = value;
}

static void read_keyed(const char *folder, const char *file, const char *key, long long *to)
{
    long long v = 0;
    int r = cgroup_folder_keyed(folder, file, key, &v);

    keep(to, r, v);
}

static void read_number(const char *folder, const char *file, long long *to)
{
    long long v = 0;
    int r = cgroup_folder_number(folder, file, &v);

    keep(to, r, v);
}

/* A limit: "max" is 0. */
static void read_limit(const char *folder, const char *file, long long *to)
{
    long long v = 0;

    if (cgroup_folder_number(folder, file, &v) == 0)
        *to = v < 0 || v >= NO_LIMIT ? 0 : v;
}

/* io.stat: "8:0 rbytes=1 wbytes=2 …", a line for each device. */
static void read_io_v2(const char *folder, struct cgroup_usage *u)
{
    autotext struct text t = {0};
    const char *p;

    if (cgroup_folder_read(folder, "io.stat", &t, NULL) < 0)
        return;
    u->io_read_bytes = u->io_write_bytes = 0;
    for (p = t.s; p && (p = strstr(p, "rbytes=")); p += 7)
        u->io_read_bytes += atoll(p + 7);
    for (p = t.s; p && (p = strstr(p, "wbytes=")); p += 7)
        u->io_write_bytes += atoll(p + 7);
}

/* blkio.throttle.io_service_bytes: "8:0 Read 1", "8:0 Write 2", … */
static void read_io_v1(const char *folder, struct cgroup_usage *u)
{
    autotext struct text t = {0};
    const char *p;

    if (cgroup_folder_read(folder, "blkio.throttle.io_service_bytes", &t, NULL) < 0)
        return;
    u->io_read_bytes = u->io_write_bytes = 0;
    for (p = t.s; p && (p = strstr(p, " Read ")); p += 6)
        u->io_read_bytes += atoll(p + 6);
    for (p = t.s; p && (p = strstr(p, " Write ")); p += 7)
        u->io_write_bytes += atoll(p + 7);
}

static void read_v2(const char *folder, struct cgroup_usage *u)
{
    read_keyed(folder, "cpu.stat", "usage_usec", &u->cpu_usec);
    read_keyed(folder, "cpu.stat", "user_usec", &u->cpu_user_usec);
    read_keyed(folder, "cpu.stat", "system_usec", &u->cpu_system_usec);
    read_number(folder, "memory.current", &u->memory_bytes);
    read_keyed(folder, "memory.stat", "inactive_file", &u->inactive_file_bytes);
    read_limit(folder, "memory.max", &u->memory_limit_bytes);
    read_number(folder, "pids.current", &u->pids);
    read_limit(folder, "pids.max", &u->pids_limit);
    read_io_v2(folder, u);
}

static void read_v1(const char *folder, struct cgroup_usage *u)
{
    long long ns = -1, ticks = -1, hz = sysconf(_SC_CLK_TCK);

    read_number(folder, "cpuacct.usage", &ns);
    if (ns >= 0)
        u->cpu_usec = ns / 1000;
    read_keyed(folder, "cpuacct.stat", "user", &ticks);
    if (ticks >= 0 && hz > 0)
        u->cpu_user_usec = ticks * 1000000 / hz;
    ticks = -1;
    read_keyed(folder, "cpuacct.stat", "system", &ticks);
    if (ticks >= 0 && hz > 0)
        u->cpu_system_usec = ticks * 1000000 / hz;
    read_number(folder, "memory.usage_in_bytes", &u->memory_bytes);
    read_keyed(folder, "memory.stat", "total_inactive_file", &u->inactive_file_bytes);
    read_limit(folder, "memory.limit_in_bytes", &u->memory_limit_bytes);
    read_number(folder, "pids.current", &u->pids);
    read_limit(folder, "pids.max", &u->pids_limit);
    read_io_v1(folder, u);
}

static int read_folder(void *arg, const char *folder, struct err *e)
{
    if (access(folder, F_OK) < 0)
        return err_sys(e, "cgroup %s", folder);
    if (cgroup_folder_is_v2(folder))
        read_v2(folder, arg);
    else
        read_v1(folder, arg);
    return 0;
}

int cgroup_usage_read(const char *place, struct cgroup_usage *ret, struct err *e)
{
    struct cgroup_usage u = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    int r = cgroup_folder_each(place, read_folder, &u, e);

    if (r < 0)
        return r;
    u.memory_limit_bytes = u.memory_limit_bytes < 0 ? 0 : u.memory_limit_bytes;
    u.pids_limit = u.pids_limit < 0 ? 0 : u.pids_limit;
    *ret = u;
    return 0;
}
