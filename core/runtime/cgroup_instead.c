#include "core/runtime/cgroup_instead.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "core/base/auto.h"

/* Since 5.14 the kernel counts processes for each user namespace. */
static bool counts_inside(void)
{
    unsigned major = 0, minor = 0;
    struct utsname u;

    return uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 14));
}

static int set_limit(pid_t pid, int resource, long long value, const char *option, struct err *e)
{
    struct rlimit now, l = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};

    if (prlimit(pid, (__rlimit_resource_t)resource, NULL, &now) == 0 && l.rlim_max > now.rlim_max)
        l = now; /* the session's own is lower already */
    if (prlimit(pid, (__rlimit_resource_t)resource, &l, NULL) < 0)
        return err_sys(e, "%s: cannot set a resource limit instead of a cgroup's", option);
    return 0;
}

/* The list, or the first so many of the processors that we may use. */
static int set_affinity(const struct cgroup_ask *ask, pid_t pid, struct err *e)
{
    cpu_set_t have, want;
    long long count = 0;
    int r = 0;

    CPU_ZERO(&want);
    if (sched_getaffinity(0, sizeof have, &have) < 0)
        return err_sys(e, "cannot see which processors may be used");
    if (ask->cpus)
        r = cgroup_ask_list_bits(ask->cpus, (unsigned char *)&want, sizeof want, e);
    else
        memcpy(&want, &have, sizeof want);
    if (r < 0)
        return err_wrap(e, r, "--cpuset-cpus");
    CPU_AND(&have, &have, &want);
    if (ask->cpus && !CPU_EQUAL(&have, &want))
        return err_set(e, EINVAL,
                       "--cpuset-cpus: '%s' names processors that this session does not "
                       "have",
                       ask->cpus);
    if (ask->cpu_quota_us > 0) {
        long long period = ask->cpu_period_us > 0 ? ask->cpu_period_us : 100000;

        count = (ask->cpu_quota_us + period - 1) / period;
    }
    for (int cpu = 0; count > 0 && cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &want) && count-- == 1)
            for (cpu++; cpu < CPU_SETSIZE; cpu++)
                CPU_CLR(cpu, &want);
    if (sched_setaffinity(pid, sizeof want, &want) < 0)
        return err_sys(e, "cannot choose the processors");
    return 0;
}

int cgroup_instead_set(const struct cgroup_ask *ask, pid_t pid, struct err *e)
{
    int r = 0;

    if (ask->memory > 0)
        r = set_limit(pid, RLIMIT_AS, ask->memory, "--memory", e);
    if (r == 0 && ask->pids > 0 && counts_inside())
        r = set_limit(pid, RLIMIT_NPROC, ask->pids, "--pids-limit", e);
    if (r == 0 && (ask->cpus || ask->cpu_quota_us > 0))
        r = set_affinity(ask, pid, e);
    return r;
}

int cgroup_instead_say(const struct cgroup_ask *ask, struct text *ret, struct err *e)
{
    static const char none[] = "cannot be had and is left out";
    const struct {
        bool asked;
        const char *option, *what;
    } rows[] = {
        {ask->memory > 0, "--memory", "limits each process alone"},
        {ask->memory_swap > 0, "--memory-swap", none},
        {ask->reservation > 0, "--memory-reservation", none},
        {ask->has_swappiness, "--memory-swappiness", none},
        {ask->oom_kill_disable, "--oom-kill-disable", none},
        {ask->cpu_quota_us > 0, "--cpus", "chooses whole processors"},
        {ask->cpu_shares > 0, "--cpu-shares", none},
        {ask->cpus != NULL, "--cpuset-cpus", "is the affinity, which a program may change"},
        {ask->mems != NULL, "--cpuset-mems", none},
        {ask->pids > 0, "--pids-limit", counts_inside() ? "limits each user" : none},
        {ask->blkio_weight > 0, "--blkio-weight", none},
        {ask->conf.n > 0, "--cgroup-conf", none},
        {ask->parent != NULL, "--cgroup-parent", none},
    };
    bool first = true;

    text_add(ret, "no cgroup for this container's limits: ");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].asked) {
            text_addf(ret, "%s%s %s", first ? "" : ", ", rows[i].option, rows[i].what);
            first = false;
        }
    return text_check(ret, e);
}
