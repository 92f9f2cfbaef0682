#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/cgroup_folder.h"
#include "core/runtime/cgroup.h"
#include "core/runtime/cgroup_apply.h"
#include "core/runtime/cgroup_enable.h"
#include "core/runtime/cgroup_host.h"

enum { FREEZE_STEP_MS = 1, FREEZE_STEPS = 3000 };

struct v1_folders {
    char *v[CGROUP_V1_ALL];
};

/* Which controller a folder of v1 belongs to is seen by its files. */
static int sort_v1(void *arg, const char *folder, struct err *e)
{
    static const char *const files[CGROUP_V1_ALL] = {
        [CGROUP_MEMORY] = "memory.limit_in_bytes",
        [CGROUP_CPU] = "cpu.shares",
        [CGROUP_CPUSET] = "cpuset.cpus",
        [CGROUP_IO] = "blkio.reset_stats",
        [CGROUP_PIDS] = "pids.max",
        [CGROUP_V1_CPUACCT] = "cpuacct.usage",
        [CGROUP_V1_FREEZER] = "freezer.state",
    };
    struct v1_folders *f = arg;

    for (int c = 0; c < CGROUP_V1_ALL; c++) {
        autofree char *path = text_format("%s/%s", folder, files[c]);

        if (!path)
            return err_memory(e);
        if (!f->v[c] && access(path, F_OK) == 0 && !(f->v[c] = strdup(folder)))
            return err_memory(e);
    }
    return 0;
}

int cgroup_update(const struct cgroup_ask *ask, const char *place, struct err *e)
{
    struct v1_folders f = {0};
    unsigned lack;
    int r;

    if (cgroup_folder_is_v2(place)) {
        lack = cgroup_ask_controllers(ask) & ~cgroup_host_controllers(place);
        if (lack) { /* not enabled when the group was made: not needed then */
            autofree char *base = strndup(place, (size_t)(strrchr(place, '/') - place));

            r = base ? cgroup_enable(base, lack, e) : err_memory(e);
            if (r == 0)
                r = cgroup_host_need(ask, cgroup_host_controllers(place), e);
            if (r < 0)
                return r;
        }
        return cgroup_apply_v2(ask, place, e);
    }
    r = cgroup_folder_each(place, sort_v1, &f, e);
    if (r == 0)
        r = cgroup_apply_v1(ask, f.v, e);
    for (int c = 0; c < CGROUP_V1_ALL; c++)
        free(f.v[c]);
    return r;
}

static int add_kills(void *arg, const char *folder, struct err *e)
{
    long long n = 0, *sum = arg;

    (void)e;
    if (cgroup_folder_keyed(folder, "memory.events", "oom_kill", &n) == 0 ||
        cgroup_folder_keyed(folder, "memory.oom_control", "oom_kill", &n) == 0)
        *sum += n;
    return 0;
}

long long cgroup_oom_kills(const char *place)
{
    long long n = 0;

    if (place)
        (void)cgroup_folder_each(place, add_kills, &n, NULL);
    return n;
}

struct freeze {
    bool frozen, done;
};

static bool is_frozen(const char *folder)
{
    autotext struct text state = {0};
    long long frozen = 0;

    if (cgroup_folder_read(folder, "freezer.state", &state, NULL) == 0)
        return strcmp(state.s, "FROZEN") == 0;
    return cgroup_folder_keyed(folder, "cgroup.events", "frozen", &frozen) == 0 && frozen == 1;
}

static int freeze_one(void *arg, const char *folder, struct err *e)
{
    struct freeze *f = arg;
    bool v2 = cgroup_folder_is_v2(folder);
    const char *file = v2 ? "cgroup.freeze" : "freezer.state";
    autofree char *path = text_format("%s/%s", folder, file);
    int r;

    if (!path || access(path, W_OK) < 0)
        return path ? 0 : err_memory(e);
    r = cgroup_folder_write(folder, file,
                            v2 ? (f->frozen ? "1" : "0") : (f->frozen ? "FROZEN" : "THAWED"), e);
    for (int i = 0; r == 0 && is_frozen(folder) != f->frozen; i++) {
        if (i == FREEZE_STEPS) {
            if (f->frozen)
                (void)cgroup_folder_write(folder, file, v2 ? "0" : "THAWED", NULL);
            return err_set(e, ETIMEDOUT, "its processes did not %s in time",
                           f->frozen ? "stand still" : "go on");
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = FREEZE_STEP_MS * 1000000L}, NULL);
    }
    f->done = r == 0;
    return r;
}

int cgroup_freeze(const char *place, bool frozen, struct err *e)
{
    struct freeze f = {.frozen = frozen};
    int r = place ? cgroup_folder_each(place, freeze_one, &f, e) : 0;

    return r < 0 || f.done ? r : err_set(e, ENOTSUP, "it has no cgroup with a freezer");
}

int cgroup_remove(const char *place, struct err *e)
{
    return place ? cgroup_folder_remove(place, e) : 0;
}
