#include "core/runtime/cgroup_apply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/cgroup_folder.h"

unsigned cgroup_apply_cpu_weight(long long shares)
{
    return (unsigned)(1 + (shares - 2) * 9999 / 262142);
}

unsigned cgroup_apply_io_weight(long long blkio_weight)
{
    return (unsigned)(1 + (blkio_weight - 10) * 9999 / 990);
}

static bool has(const char *folder, const char *file)
{
    autofree char *path = text_format("%s/%s", folder, file);

    return path && access(path, F_OK) == 0;
}

static int put(const char *option, const char *folder, const char *file, const char *value,
               struct err *e)
{
    return err_wrap(e, cgroup_folder_write(folder, file, value, e), "%s", option);
}

/* A number; what is not asked is left alone, -1 is written as `unlimited`. */
static int put_number(const char *option, const char *folder, const char *file, long long value,
                      const char *unlimited, struct err *e)
{
    char text[32];

    if (!value)
        return 0;
    snprintf(text, sizeof text, "%lld", value);
    return put(option, folder, file, value < 0 ? unlimited : text, e);
}

static int put_list(const char *option, const char *folder, const char *file, const char *list,
                    struct err *e)
{
    autofree char *above = text_format("%s/..", folder);
    autotext struct text effective = {0};
    char name[32];
    int r = list ? put(option, folder, file, list, e) : 0;

    if (r != -EINVAL && r != -ERANGE && r != -EACCES && r != -ENOSPC)
        return r;
    snprintf(name, sizeof name, "%s.effective", file);
    if (!above || cgroup_folder_read(above, name, &effective, NULL) < 0)
        (void)cgroup_folder_read(above ? above : folder, file, &effective, NULL);
    if (!effective.n)
        return r;
    return err_set(e, -r, "%s: '%s' cannot be had, only %s is there", option, list, effective.s);
}

/* Where a list names more than the groups above have, v2 takes it and uses only what there is. */
static int check_list(const char *option, const char *folder, const char *file, const char *list,
                      struct err *e)
{
    unsigned char want[1024] = {0}, got[1024] = {0};
    autotext struct text effective = {0};
    int r = list ? cgroup_folder_read(folder, file, &effective, e) : 0;

    if (!list || r < 0)
        return r;
    r = cgroup_ask_list_bits(list, want, sizeof want, e);
    if (r < 0)
        return err_wrap(e, r, "%s", option);
    (void)cgroup_ask_list_bits(effective.s, got, sizeof got, NULL);
    return memcmp(want, got, sizeof want) == 0
               ? 0
               : err_set(e, EINVAL, "%s: '%s' cannot be had, only %s is there", option, list,
                         effective.s);
}

/* ---- v2 ---- */

static int apply_memory_v2(const struct cgroup_ask *a, const char *folder, struct err *e)
{
    /* As docker and podman: --memory alone allows as much swap again. */
    long long swap = a->memory_swap > 0   ? a->memory_swap - a->memory
                     : a->memory_swap < 0 ? -1
                                          : a->memory;
    int r = put_number("--memory", folder, "memory.max", a->memory, "max", e);
    char text[32];

    if (r == 0 && (a->memory || a->memory_swap)) {
        snprintf(text, sizeof text, "%lld", swap);
        if (has(folder, "memory.swap.max"))
            r = put("--memory-swap", folder, "memory.swap.max", swap < 0 ? "max" : text, e);
        else if (a->memory_swap > 0)
            r = err_set(e, ENOTSUP,
                        "--memory-swap: this kernel does not count swap (cure: kernel "
                        "option swapaccount=1)");
    }
    return r < 0 ? r
                 : put_number("--memory-reservation", folder, "memory.low", a->reservation, "0", e);
}

static int apply_cpu_v2(const struct cgroup_ask *a, const char *folder, struct err *e)
{
    char text[64], quota[32] = "max";
    int r = 0;

    if (a->cpu_quota_us || a->cpu_period_us) {
        if (a->cpu_quota_us > 0)
            snprintf(quota, sizeof quota, "%lld", a->cpu_quota_us);
        snprintf(text, sizeof text, "%s %lld", quota,
                 a->cpu_period_us > 0 ? a->cpu_period_us : 100000);
        r = put(a->cpu_quota_us ? "--cpus (or --cpu-quota)" : "--cpu-period", folder, "cpu.max",
                text, e);
    }
    if (r < 0 || !a->cpu_shares)
        return r;
    snprintf(text, sizeof text, "%u",
             a->cpu_shares < 0 ? 100 : cgroup_apply_cpu_weight(a->cpu_shares));
    return put("--cpu-shares", folder, "cpu.weight", text, e);
}

static int apply_io_v2(const struct cgroup_ask *a, const char *folder, struct err *e)
{
    char text[32];

    if (!a->blkio_weight)
        return 0;
    if (has(folder, "io.bfq.weight"))
        return put_number("--blkio-weight", folder, "io.bfq.weight", a->blkio_weight, "100", e);
    if (!has(folder, "io.weight"))
        return err_set(e, ENOTSUP,
                       "--blkio-weight: this kernel weighs no input and output of groups (it has "
                       "neither the bfq scheduler nor io.weight); leave it out");
    snprintf(text, sizeof text, "default %u",
             a->blkio_weight < 0 ? 100 : cgroup_apply_io_weight(a->blkio_weight));
    return put("--blkio-weight", folder, "io.weight", text, e);
}

static int apply_conf(const struct cgroup_ask *a, const char *folder, struct err *e)
{
    for (size_t i = 0; i < a->conf.n; i++) {
        const char *equal = strchr(a->conf.v[i], '=');
        autofree char *file = strndup(a->conf.v[i], (size_t)(equal - a->conf.v[i]));
        int r = file ? put("--cgroup-conf", folder, file, equal + 1, e) : err_memory(e);

        if (r < 0)
            return r;
    }
    return 0;
}

int cgroup_apply_v2(const struct cgroup_ask *a, const char *folder, struct err *e)
{
    int r = apply_memory_v2(a, folder, e);

    if (r == 0)
        r = apply_cpu_v2(a, folder, e);
    if (r == 0)
        r = put_list("--cpuset-cpus", folder, "cpuset.cpus", a->cpus, e);
    if (r == 0)
        r = check_list("--cpuset-cpus", folder, "cpuset.cpus.effective", a->cpus, e);
    if (r == 0)
        r = put_list("--cpuset-mems", folder, "cpuset.mems", a->mems, e);
    if (r == 0)
        r = apply_io_v2(a, folder, e);
    if (r == 0)
        r = put_number("--pids-limit", folder, "pids.max", a->pids, "max", e);
    return r < 0 ? r : apply_conf(a, folder, e);
}

/* ---- v1 ---- */

static int put_memory_v1(const struct cgroup_ask *a, const char *folder, struct err *e)
{
    long long swap = a->memory_swap ? a->memory_swap : a->memory > 0 ? 2 * a->memory : a->memory;
    bool counts = has(folder, "memory.memsw.limit_in_bytes");
    const char *memory = "memory.limit_in_bytes", *both = "memory.memsw.limit_in_bytes";
    int r;

    if (a->memory_swap > 0 && !counts)
        return err_set(e, ENOTSUP,
                       "--memory-swap: this kernel does not count swap (cure: kernel "
                       "option swapaccount=1)");
    /* Memory must never be more than both: when it grows, both must grow first. */
    r = put_number("--memory", folder, memory, a->memory, "-1", counts ? NULL : e);
    if (r < 0 && counts) {
        r = put_number("--memory-swap", folder, both, swap, "-1", e);
        return r < 0 ? r : put_number("--memory", folder, memory, a->memory, "-1", e);
    }
    return r == 0 && counts ? put_number("--memory-swap", folder, both, swap, "-1", e) : r;
}

static int apply_memory_v1(const struct cgroup_ask *a, const char *folder, struct err *e)
{
    char text[16];
    int r = put_memory_v1(a, folder, e);

    if (r == 0)
        r = put_number("--memory-reservation", folder, "memory.soft_limit_in_bytes", a->reservation,
                       "-1", e);
    if (r == 0 && a->has_swappiness) {
        snprintf(text, sizeof text, "%d", a->swappiness);
        r = put("--memory-swappiness", folder, "memory.swappiness", text, e);
    }
    if (r == 0 && a->oom_kill_disable)
        r = put("--oom-kill-disable", folder, "memory.oom_control", "1", e);
    return r;
}

static int apply_cpu_v1(const struct cgroup_ask *a, const char *folder, struct err *e)
{
    int r = put_number("--cpu-period", folder, "cpu.cfs_period_us", a->cpu_period_us, "100000", e);

    if (r == 0)
        r = put_number("--cpus (or --cpu-quota)", folder, "cpu.cfs_quota_us", a->cpu_quota_us, "-1",
                       e);
    return r < 0 ? r : put_number("--cpu-shares", folder, "cpu.shares", a->cpu_shares, "1024", e);
}

int cgroup_apply_v1(const struct cgroup_ask *a, char *const folders[CGROUP_V1_ALL], struct err *e)
{
    const char *io = folders[CGROUP_IO];
    int r = folders[CGROUP_MEMORY] ? apply_memory_v1(a, folders[CGROUP_MEMORY], e) : 0;

    if (r == 0 && folders[CGROUP_CPU])
        r = apply_cpu_v1(a, folders[CGROUP_CPU], e);
    if (r == 0 && folders[CGROUP_CPUSET])
        r = put_list("--cpuset-cpus", folders[CGROUP_CPUSET], "cpuset.cpus", a->cpus, e);
    if (r == 0 && folders[CGROUP_CPUSET])
        r = put_list("--cpuset-mems", folders[CGROUP_CPUSET], "cpuset.mems", a->mems, e);
    if (r == 0 && io && a->blkio_weight) {
        const char *file = has(io, "blkio.bfq.weight") ? "blkio.bfq.weight" : "blkio.weight";

        r = has(io, file) ? put_number("--blkio-weight", io, file, a->blkio_weight, "100", e)
                          : err_set(e, ENOTSUP,
                                    "--blkio-weight: this kernel weighs no input and output of "
                                    "groups (it has neither the bfq nor the cfq scheduler)");
    }
    if (r == 0 && folders[CGROUP_PIDS])
        r = put_number("--pids-limit", folders[CGROUP_PIDS], "pids.max", a->pids, "max", e);
    return r;
}
