#include "core/runtime/cgroup_enable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/auto.h"
#include "core/base/cgroup_folder.h"
#include "core/runtime/cgroup_host.h"
#include "core/runtime/cgroup_scope.h"

enum { TRIES = 20, COUNTING = 1 << CGROUP_MEMORY | 1 << CGROUP_PIDS | 1 << CGROUP_CPU };

/* What runs in the group itself: ourselves, the caller's shell. */
static int empty_into_leaf(const char *base, struct err *e)
{
    autofree char *leaf = text_format("%s%s", base, CGROUP_SCOPE_LEAF);
    autotext struct text pids = {0};
    char *save = NULL;
    int r;

    if (!leaf)
        return err_memory(e);
    if (mkdir(leaf, 0755) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make the cgroup %s", leaf);
    r = cgroup_folder_read(base, "cgroup.procs", &pids, e);
    for (char *w = r == 0 ? strtok_r(pids.s, "\n", &save) : NULL; w && r == 0;
         w = strtok_r(NULL, "\n", &save))
        r = cgroup_folder_enter(leaf, (pid_t)atoi(w), e);
    return r;
}

static bool enabled(const char *base, unsigned bits)
{
    autotext struct text now = {0};

    if (cgroup_folder_read(base, "cgroup.subtree_control", &now, NULL) < 0)
        return false;
    for (int c = 0; c < CGROUP_CONTROLLERS; c++) {
        const char *name = cgroup_ask_controller_name((enum cgroup_controller)c);
        const char *at = now.s;
        size_t n = strlen(name);

        while (bits & 1U << c && at && !(strncmp(at, name, n) == 0 && (at[n] == ' ' || !at[n]))) {
            at = strchr(at, ' ');
            at = at ? at + 1 : NULL;
        }
        if (bits & 1U << c && !at)
            return false;
    }
    return true;
}

/* The controllers that the limits need, and those that only count where they are there. */
int cgroup_enable(const char *base, unsigned needed, struct err *e)
{
    unsigned want = (needed | COUNTING) & cgroup_host_controllers(base);
    autotext struct text words = {0};
    int r = 0;

    for (int c = 0; c < CGROUP_CONTROLLERS; c++)
        if (want & 1U << c)
            text_addf(&words, "%s+%s", words.n ? " " : "",
                      cgroup_ask_controller_name((enum cgroup_controller)c));
    r = text_check(&words, e);
    if (r < 0 || !words.n || enabled(base, want))
        return r;
    for (int i = 0; i < TRIES; i++) { /* the caller's shell may fork meanwhile */
        r = cgroup_folder_write(base, "cgroup.subtree_control", words.s, e);
        if (r != -EBUSY)
            break;
        r = empty_into_leaf(base, e);
        if (r < 0)
            break;
        r = -EBUSY;
    }
    if (r < 0 && enabled(base, needed)) /* none is needed, or they are there already */
        return 0;
    return err_wrap(e, r, "cannot enable the cgroup controllers %s", words.s);
}
