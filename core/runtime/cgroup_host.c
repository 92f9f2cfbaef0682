#include "core/runtime/cgroup_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/cgroup_folder.h"
#include "core/base/file.h"
#include "core/runtime/cgroup_scope.h"

enum { PROC_FILE_MAX = 4 << 20 };

static const char *const names_v1[CGROUP_V1_ALL] = {
    [CGROUP_MEMORY] = "memory",      [CGROUP_CPU] = "cpu",   [CGROUP_CPUSET] = "cpuset",
    [CGROUP_IO] = "blkio",           [CGROUP_PIDS] = "pids", [CGROUP_V1_CPUACCT] = "cpuacct",
    [CGROUP_V1_FREEZER] = "freezer",
};

/* ---- what is there ---- */

/* Is `word` one of the comma-separated `list` of n bytes? */
static bool listed(const char *list, size_t n, const char *word)
{
    size_t m = strlen(word);

    for (const char *p = list; p < list + n; p++) {
        size_t one = strcspn(p, ", :\n");

        if (one == m && memcmp(p, word, m) == 0)
            return true;
        p += one;
    }
    return false;
}

/* The path in the line "N:LIST:PATH" of /proc/self/cgroup; new, or NULL. word "": v2's line. */
static char *own_path(const char *text, const char *word)
{
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        const char *list, *path;

        line += *line == '\n';
        list = strchr(line, ':');
        path = list ? strchr(list + 1, ':') : NULL;
        if (!path)
            return NULL;
        list++;
        if (*word ? listed(list, (size_t)(path - list), word) : path == list)
            return strndup(path + 1, strcspn(path + 1, "\n"));
    }
    return NULL;
}

/* mount + path, where `root` is what the mount shows of the hierarchy. */
static char *join(const char *mount, const char *root, const char *path)
{
    size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);

    if (strncmp(path, root, n) == 0 && (path[n] == '/' || !path[n]))
        path += n;
    return text_format("%s%s", mount, strcmp(path, "/") == 0 ? "" : path);
}

/* One line of /proc/self/mountinfo; see proc(5). */
static void look_at_mount(char *line, const char *own, struct cgroup_host *h)
{
    char *save = NULL, *root = NULL, *mount = NULL, *type, *options = NULL;
    char *tail = strstr(line, " - ");

    if (!tail || strncmp(tail, " - cgroup ", 10) != 0)
        return;
    *tail = 0;
    for (int i = 0; i < 5; i++) {
        char *word = strtok_r(i ? NULL : line, " ", &save);

        root = i == 3 ? word : root;
        mount = i == 4 ? word : mount;
    }
    type = strtok_r(tail + 3, " ", &save);
    if (type && strtok_r(NULL, " ", &save))
        options = strtok_r(NULL, " \n", &save);
    for (int c = 0; mount && root && options && c < CGROUP_V1_ALL; c++) {
        autofree char *path = NULL;

        if (h->v1[c] || !listed(options, strlen(options), names_v1[c]))
            continue;
        path = own_path(own, names_v1[c]);
        if (path)
            h->v1[c] = join(mount, root, path);
        h->version = h->v1[c] ? 1 : h->version;
    }
}

int cgroup_host_load(struct cgroup_host *ret, struct err *e)
{
    struct cgroup_host h = {.mount = strdup("/sys/fs/cgroup")};
    autotext struct text own = {0}, mounts = {0};
    autofree char *path = NULL;
    char *save = NULL;
    int r =
        h.mount ? file_read(AT_FDCWD, "/proc/self/cgroup", PROC_FILE_MAX, &own, e) : err_memory(e);

    if (r == 0 && cgroup_folder_is_v2(h.mount)) {
        h.version = 2;
        path = own_path(own.s, "");
        h.own = join(h.mount, "/", path ? path : "/");
        r = h.own ? 0 : err_memory(e);
    } else if (r == 0) {
        r = file_read(AT_FDCWD, "/proc/self/mountinfo", PROC_FILE_MAX, &mounts, e);
        for (char *line = r == 0 ? strtok_r(mounts.s, "\n", &save) : NULL; line;
             line = strtok_r(NULL, "\n", &save))
            look_at_mount(line, own.s, &h);
    }
    if (r < 0) {
        cgroup_host_free(&h);
        return err_wrap(e, r, "cannot see what cgroups there are");
    }
    *ret = h;
    return 0;
}

void cgroup_host_free(struct cgroup_host *h)
{
    free(h->mount);
    free(h->own);
    for (int c = 0; c < CGROUP_V1_ALL; c++)
        free(h->v1[c]);
    *h = (struct cgroup_host){0};
}

unsigned cgroup_host_controllers(const char *folder)
{
    autotext struct text t = {0};
    unsigned bits = 0;

    if (cgroup_folder_read(folder, "cgroup.controllers", &t, NULL) < 0)
        return 0;
    for (int c = 0; c < CGROUP_CONTROLLERS; c++)
        if (listed(t.s, t.n, cgroup_ask_controller_name((enum cgroup_controller)c)))
            bits |= 1U << c;
    return bits;
}

int cgroup_host_need(const struct cgroup_ask *ask, unsigned have, struct err *e)
{
    unsigned lack = cgroup_ask_controllers(ask) & ~have;

    for (int c = 0; c < CGROUP_CONTROLLERS; c++) {
        const char *name = cgroup_ask_controller_name((enum cgroup_controller)c);

        if (lack & 1U << c)
            return err_set(e, ENOTSUP,
                           "%s needs the cgroup controller \"%s\", which is not delegated to this "
                           "user (cure, as root: systemctl edit user@.service, put the lines "
                           "[Service] and Delegate=cpu cpuset io memory pids there, and log in "
                           "again; or leave it to rctr: --limits best-effort)",
                           cgroup_ask_option(ask, (enum cgroup_controller)c), name);
    }
    return 0;
}

/* ---- where we may ---- */

static bool writable(const char *folder, const char *file)
{
    autofree char *path = text_format("%s/%s", folder, file);

    return path && access(path, W_OK) == 0;
}

static bool is_ours(const char *folder)
{
    return writable(folder, "") && writable(folder, "cgroup.procs") &&
           writable(folder, "cgroup.subtree_control");
}

/* systemd marks what it has given away for good; what is not marked it may change at any time,
 * although the folders in a user's session belong to the user. */
static bool is_delegated(const char *folder)
{
    char mark[2] = "";

    return getxattr(folder, "user.delegate", mark, sizeof mark) == 1 && *mark == '1';
}

char *cgroup_host_manager(const struct cgroup_host *h)
{
    autofree char *unit = text_format("/user@%u.service", (unsigned)geteuid());
    const char *at = unit && h->own ? strstr(h->own, unit) : NULL;
    char *path;

    if (!unit || h->version != 2)
        return NULL;
    path = at ? strndup(h->own, (size_t)(at - h->own) + strlen(unit))
              : text_format("%s/user.slice/user-%u.slice%s", h->mount, (unsigned)geteuid(), unit);
    if (path && access(path, F_OK) < 0) {
        free(path);
        path = NULL;
    }
    return path;
}

static bool is_slice(const char *parent)
{
    return text_ends(parent, ".slice") && !strchr(parent, '/');
}

/* --cgroup-parent /some/group */
static int find_parent(const struct cgroup_host *h, const struct cgroup_ask *ask,
                       struct cgroup_site *ret, struct err *e)
{
    const char *p = ask->parent;

    if (text_starts(p, h->mount))
        p += strlen(h->mount);
    ret->base = text_format("%s%s%s", h->mount, *p == '/' ? "" : "/", p);
    if (!ret->base)
        return err_memory(e);
    if (access(ret->base, F_OK) < 0)
        return err_set(e, ENOENT,
                       "--cgroup-parent %s: there is no cgroup %s (name one that you may write, or "
                       "a slice of your systemd, such as app.slice)",
                       ask->parent, ret->base);
    if (!is_ours(ret->base))
        return err_set(e, EACCES,
                       "--cgroup-parent %s: you may not write the cgroup %s (cure: a slice of "
                       "your own systemd, such as app.slice)",
                       ask->parent, ret->base);
    ret->way = CGROUP_WAY_FOLDER;
    return cgroup_host_need(ask, cgroup_host_controllers(ret->base), e);
}

/* After the first container the caller's shell is in a leaf that we have made below `own`. */
static char *own_base(const struct cgroup_host *h)
{
    char *base = strdup(h->own);

    if (base && text_ends(base, CGROUP_SCOPE_LEAF))
        base[strlen(base) - strlen(CGROUP_SCOPE_LEAF)] = 0;
    return base;
}

static int nowhere_v2(const struct cgroup_host *h, const struct cgroup_ask *ask, struct err *e)
{
    return err_set(e, EACCES,
                   "%s needs a cgroup of its own, but the session's (%s) is not writable and no "
                   "systemd of this user answers (cure: log in by ssh or at the screen, or as "
                   "root: loginctl enable-linger %u; or leave it to rctr: --limits best-effort)",
                   cgroup_ask_first(ask), h->own, (unsigned)geteuid());
}

static int find_v2(const struct cgroup_host *h, const struct cgroup_ask *ask,
                   struct cgroup_site *ret, struct err *e)
{
    bool systemd = cgroup_scope_possible();
    autofree char *manager = NULL;

    if (ask->has_swappiness || ask->oom_kill_disable)
        return err_set(e, ENOTSUP,
                       "%s: cgroup v2, which this host has, knows no such setting; leave it out",
                       ask->has_swappiness ? "--memory-swappiness" : "--oom-kill-disable");
    if (ask->parent && !is_slice(ask->parent))
        return find_parent(h, ask, ret, e);
    ret->base = own_base(h);
    if (!ret->base)
        return err_memory(e);
    if (!(ask->parent && systemd) && is_ours(ret->base) &&
        (!systemd || is_delegated(ret->base) || ask->mode == CGROUP_SPLIT)) {
        ret->way = CGROUP_WAY_FOLDER;
        return cgroup_host_need(ask, cgroup_host_controllers(ret->base), e);
    }
    if (ask->mode == CGROUP_SPLIT)
        return err_set(e, EACCES, "--cgroups split: the session's own cgroup %s is not writable",
                       ret->base);
    if (!systemd)
        return nowhere_v2(h, ask, e);
    ret->way = CGROUP_WAY_SYSTEMD;
    ret->slice = ask->parent;
    manager = cgroup_host_manager(h);
    return manager ? cgroup_host_need(ask, cgroup_host_controllers(manager), e) : 0;
}

static int find_v1(const struct cgroup_host *h, const struct cgroup_ask *ask,
                   struct cgroup_site *ret, struct err *e)
{
    unsigned need = cgroup_ask_controllers(ask);

    if (ask->conf.n)
        return err_set(e, ENOTSUP, "--cgroup-conf writes cgroup v2; this host has v1");
    for (int c = 0; c < CGROUP_V1_ALL; c++) {
        bool needed = c < CGROUP_CONTROLLERS && need & 1U << c;
        autofree char *folder = NULL;

        if (!h->v1[c]) {
            if (needed)
                return err_set(e, ENOTSUP,
                               "%s needs the cgroup controller \"%s\", which this kernel does not "
                               "have (or not mounted)",
                               cgroup_ask_option(ask, (enum cgroup_controller)c), names_v1[c]);
            continue;
        }
        folder = ask->parent ? text_format("%s/%s", h->v1[c], ask->parent) : strdup(h->v1[c]);
        if (!folder)
            return err_memory(e);
        if (access(folder, W_OK) == 0)
            ret->base_v1[c] = take_ptr(&folder);
        else if (needed)
            return err_set(e, EACCES,
                           "%s needs the cgroup v1 folder %s, which you may not write (cure: a "
                           "host with cgroup v2, kernel option systemd.unified_cgroup_hierarchy=1; "
                           "or root gives you that folder; or leave it to rctr: --limits "
                           "best-effort)",
                           cgroup_ask_option(ask, (enum cgroup_controller)c), folder);
        if (ret->base_v1[c])
            ret->way = CGROUP_WAY_V1;
    }
    return 0;
}

int cgroup_host_find(const struct cgroup_host *h, const struct cgroup_ask *ask,
                     struct cgroup_site *ret, struct err *e)
{
    const char *first = cgroup_ask_first(ask);
    struct cgroup_site s = {0};
    int r = 0;

    if (ask->mode != CGROUP_DISABLED && (first || ask->mode == CGROUP_ENABLED)) {
        if (h->version == 2)
            r = find_v2(h, ask, &s, e);
        else if (h->version == 1)
            r = find_v1(h, ask, &s, e);
        else if (first)
            r = err_set(e, ENOTSUP,
                        "%s needs cgroups, and none are mounted on /sys/fs/cgroup (or leave it to "
                        "rctr: --limits best-effort)",
                        first);
    }
    if (r < 0 && !first) { /* --cgroups enabled is a wish, not a limit */
        cgroup_host_site_free(&s);
        r = 0;
    }
    if (r < 0)
        cgroup_host_site_free(&s);
    else
        *ret = s;
    return r;
}

void cgroup_host_site_free(struct cgroup_site *s)
{
    free(s->base);
    for (int c = 0; c < CGROUP_V1_ALL; c++)
        free(s->base_v1[c]);
    *s = (struct cgroup_site){0};
}
