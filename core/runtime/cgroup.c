/* Theory of operation.
 *
 * v2: a group with processes cannot have controllers for groups below, and a process may only be
 * moved by who may write the nearest group above both its old and its new place. So:
 *   a folder of our own (the session's group is delegated, or a container of another engine): what
 *     runs in it moves into a leaf "rctr.self", the controllers are enabled, and each container
 *     gets a folder "rctr-ID" beside the leaf;
 *   a scope of systemd (an ordinary login, whose own group is root's): systemd moves the cloned
 *     process and its monitor into a new scope, which is ours; in it we make the folder "container"
 *     for the process and the leaf for the monitor, enable the controllers, and set the limits.
 *     systemd removes the scope with all below when the last process, the monitor, is gone.
 * v1: one folder "rctr-ID" in each hierarchy that is needed; there is no rule about processes.
 *
 * All is done while the cloned process waits for its user map: it makes its cgroup namespace after
 * that, whose root is then the container's folder. */
#include "core/runtime/cgroup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/cgroup_folder.h"
#include "core/runtime/cgroup_apply.h"
#include "core/runtime/cgroup_enable.h"
#include "core/runtime/cgroup_host.h"
#include "core/runtime/cgroup_instead.h"
#include "core/runtime/cgroup_scope.h"

enum { SHORT_ID = 12 };

static bool wants_group(const struct cgroup_ask *ask)
{
    return ask->mode != CGROUP_DISABLED && (cgroup_ask_first(ask) || ask->mode == CGROUP_ENABLED);
}

int cgroup_check(const struct cgroup_ask *ask, bool *ret_instead, struct err *e)
{
    autocgroup_host struct cgroup_host h = {0};
    struct cgroup_site site = {0};
    int r;

    if (ret_instead)
        *ret_instead = false;
    if (ask->mode == CGROUP_DISABLED && cgroup_ask_first(ask) && ret_instead)
        *ret_instead = true; /* the ask has been judged: it says best-effort */
    if (!wants_group(ask))
        return 0;
    r = cgroup_host_load(&h, e);
    if (r == 0)
        r = cgroup_host_find(&h, ask, &site, ask->best_effort ? NULL : e);
    cgroup_host_site_free(&site);
    if (r < 0 && ask->best_effort) {
        if (ret_instead)
            *ret_instead = true;
        r = 0;
    }
    return r;
}

/* ---- v2 ---- */

static int fill_v2(const struct cgroup_ask *ask, const char *base, const char *name, pid_t pid,
                   char **ret_place, struct err *e)
{
    autofree char *folder = text_format("%s/%s", base, name);
    int r;

    if (!folder)
        return err_memory(e);
    if (mkdir(folder, 0755) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make the cgroup %s", folder);
    r = cgroup_folder_enter(folder, pid, e);
    if (r == 0)
        r = cgroup_enable(base, cgroup_ask_controllers(ask), e);
    if (r == 0)
        r = cgroup_apply_v2(ask, folder, e);
    *ret_place = take_ptr(&folder); /* for the caller to undo, too */
    return r;
}

/* Where process `pid` is now: absolute, new. */
static char *group_of(const struct cgroup_host *h, pid_t pid, struct err *e)
{
    autotext struct text t = {0};
    char proc[32], *path;
    int r;

    snprintf(proc, sizeof proc, "/proc/%d", (int)pid);
    r = cgroup_folder_read(proc, "cgroup", &t, e);
    path = r == 0 && t.s ? strstr(t.s, "0::/") : NULL;
    if (!path) {
        (void)err_set(e, r < 0 ? -r : EPROTO, "cannot see the cgroup of process %d", (int)pid);
        return NULL;
    }
    path += 3;
    path[strcspn(path, "\n")] = 0;
    path = text_format("%s%s", h->mount, path);
    if (!path)
        (void)err_memory(e);
    return path;
}

static int make_scope(const struct cgroup_ask *ask, const struct cgroup_host *h, const char *slice,
                      const char *id, pid_t pid, char **ret_place, struct err *e)
{
    autofree char *base = NULL;
    char name[64], description[64];
    int r;

    /* A scope of the same container's last run may still be on its way out. */
    snprintf(name, sizeof name, "rctr-%.*s-%d.scope", SHORT_ID, id, (int)pid);
    snprintf(description, sizeof description, "rctr container %.*s", SHORT_ID, id);
    r = cgroup_scope_start(name, slice, description, pid, e);
    if (r < 0)
        return err_wrap(e, r, "%s needs a cgroup of its own",
                        cgroup_ask_first(ask) ? cgroup_ask_first(ask) : "--cgroups enabled");
    base = group_of(h, pid, e);
    if (!base)
        return -EPROTO;
    if (!text_ends(base, name))
        return err_set(e, EPROTO, "systemd made the scope %s, but the process is in %s", name,
                       base);
    r = cgroup_host_need(ask, cgroup_host_controllers(base), e);
    return r < 0 ? r : fill_v2(ask, base, "container", pid, ret_place, e);
}

/* ---- v1 ---- */

/* A new group of cpuset has no processors at all: it takes those of the one above. */
static int copy_above(const char *base, const char *folder, const char *file, struct err *e)
{
    autotext struct text t = {0};
    int r = cgroup_folder_read(base, file, &t, e);

    return r < 0 ? r : cgroup_folder_write(folder, file, t.s, e);
}

static int make_v1(const struct cgroup_ask *ask, const struct cgroup_site *site, const char *id,
                   pid_t pid, char **ret_place, struct err *e)
{
    char *folders[CGROUP_V1_ALL] = {NULL};
    autotext struct text place = {0};
    int r = 0;

    for (int c = 0; c < CGROUP_V1_ALL && r == 0; c++) {
        const char *base = site->base_v1[c];

        if (!base)
            continue;
        folders[c] = text_format("%s/rctr-%s", base, id);
        if (!folders[c]) {
            r = err_memory(e);
            break;
        }
        if (mkdir(folders[c], 0755) < 0 && errno != EEXIST)
            r = err_sys(e, "cannot make the cgroup %s", folders[c]);
        else if (!place.s || !strstr(place.s, folders[c])) /* cpu and cpuacct may be one */
            text_addf(&place, "%s%s", place.n ? "\n" : "", folders[c]);
        if (r == 0 && c == CGROUP_CPUSET)
            r = copy_above(base, folders[c], "cpuset.cpus", e);
        if (r == 0 && c == CGROUP_CPUSET)
            r = copy_above(base, folders[c], "cpuset.mems", e);
    }
    if (r == 0)
        r = text_check(&place, e);
    if (r == 0)
        r = cgroup_apply_v1(ask, folders, e);
    if (place.n && !place.failed)
        *ret_place = text_take(&place); /* for the caller to undo, too */
    if (r == 0)
        r = cgroup_enter(*ret_place, pid, e);
    for (int c = 0; c < CGROUP_V1_ALL; c++)
        free(folders[c]);
    return r;
}

/* ---- making and entering ---- */

static int set_oom_score(int score, pid_t pid, struct err *e)
{
    char proc[32], text[16];
    int r;

    snprintf(proc, sizeof proc, "/proc/%d", (int)pid);
    snprintf(text, sizeof text, "%d", score);
    r = cgroup_folder_write(proc, "oom_score_adj", text, e);
    if (r == -EACCES || r == -EPERM)
        return err_set(e, -r,
                       "--oom-score-adj %d: only root may make a process less likely to be killed "
                       "for want of memory than the session's own are; ask for more, or leave it "
                       "out",
                       score);
    return err_wrap(e, r, "--oom-score-adj");
}

/* The place that we make ourselves, before it is there: new, "" when systemd chooses it. */
static char *foresee(const struct cgroup_site *site, const char *id)
{
    autotext struct text t = {0};

    if (site->way == CGROUP_WAY_FOLDER)
        text_addf(&t, "%s/rctr-%s", site->base, id);
    for (int c = 0; c < CGROUP_V1_ALL && site->way == CGROUP_WAY_V1; c++)
        if (site->base_v1[c])
            text_addf(&t, "%s%s/rctr-%s", t.n ? "\n" : "", site->base_v1[c], id);
    return text_check(&t, NULL) < 0 ? NULL : text_take(&t);
}

static int promise_place(const struct cgroup_job *job, const struct cgroup_site *site,
                         struct err *e)
{
    autofree char *place = foresee(site, job->id);

    if (!place)
        return err_memory(e);
    return *place && job->promise ? job->promise(job->arg, place, e) : 0;
}

static int make_group(const struct cgroup_job *job, char **ret_place, struct err *e)
{
    const struct cgroup_ask *ask = job->ask;
    const char *id = job->id;
    pid_t pid = job->pid;
    autocgroup_host struct cgroup_host h = {0};
    struct cgroup_site site = {0};
    char name[96];
    int r = cgroup_host_load(&h, e);

    if (r == 0)
        r = cgroup_host_find(&h, ask, &site, e);
    if (r == 0)
        r = promise_place(job, &site, e);
    if (r == 0)
        switch (site.way) {
        case CGROUP_WAY_NONE: break;
        case CGROUP_WAY_FOLDER:
            snprintf(name, sizeof name, "rctr-%s", id);
            r = fill_v2(ask, site.base, name, pid, ret_place, e);
            break;
        case CGROUP_WAY_SYSTEMD: r = make_scope(ask, &h, site.slice, id, pid, ret_place, e); break;
        case CGROUP_WAY_V1: r = make_v1(ask, &site, id, pid, ret_place, e); break;
        }
    cgroup_host_site_free(&site);
    return r;
}

/* A limit that cannot be set is a failure; a group that cannot be made is one unless something else
 * may stand in. Takes place. */
static int undo_group(const struct cgroup_ask *ask, pid_t pid, char *place, int r, struct err *e)
{
    if (!place)
        return ask->best_effort ? cgroup_instead_set(ask, pid, e) : r;
    (void)kill(pid, SIGKILL); /* a group with a process cannot be removed */
    (void)cgroup_remove(place, NULL);
    free(place);
    return r;
}

int cgroup_make(const struct cgroup_job *job, char **ret_place, struct err *e)
{
    const struct cgroup_ask *ask = job->ask;
    pid_t pid = job->pid;
    char *place = NULL;
    bool instead;
    int r = ask->has_oom_score_adj ? set_oom_score(ask->oom_score_adj, pid, e) : 0;

    *ret_place = NULL;
    if (r == 0)
        r = cgroup_check(ask, &instead, e);
    if (r < 0)
        return r;
    if (instead)
        return cgroup_instead_set(ask, pid, e);
    if (!wants_group(ask))
        return 0;
    r = make_group(job, &place, e);
    if (r < 0 && cgroup_ask_first(ask)) /* --cgroups enabled is a wish */
        return undo_group(ask, pid, place, r, e);
    *ret_place = place;
    return 0;
}

struct entry {
    pid_t pid;
};

/* The name of our scope in the path, and what is below it. */
static bool find_scope(const char *folder, char *ret_name, size_t size, const char **ret_below)
{
    const char *end, *p = strstr(folder, "/rctr-");

    end = p ? strstr(p, ".scope/") : NULL;
    if (!end || memchr(p + 1, '/', (size_t)(end - p)) ||
        (size_t)snprintf(ret_name, size, "%.*s.scope", (int)(end - p) - 1, p + 1) >= size)
        return false;
    *ret_below = end + 6;
    return true;
}

static int enter_one(void *arg, const char *folder, struct err *e)
{
    const struct entry *in = arg;
    const char *below;
    char name[128];
    int r = cgroup_folder_enter(folder, in->pid, e);

    /* From a login's own scope only systemd may move it over. */
    if ((r == -EACCES || r == -EPERM) && find_scope(folder, name, sizeof name, &below))
        r = cgroup_scope_attach(name, below, in->pid, e);
    return r;
}

int cgroup_enter(const char *place, pid_t pid, struct err *e)
{
    struct entry in = {.pid = pid};

    return place ? cgroup_folder_each(place, enter_one, &in, e) : 0;
}

int cgroup_join(const struct cgroup_ask *ask, const char *place, pid_t pid, struct err *e)
{
    int r = cgroup_enter(place, pid, e);

    if (r == 0 && ask->has_oom_score_adj)
        r = set_oom_score(ask->oom_score_adj, pid, e);
    return r == 0 && !place && ask->best_effort ? cgroup_instead_set(ask, pid, e) : r;
}
