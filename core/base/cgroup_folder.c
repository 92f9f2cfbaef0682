#include "core/base/cgroup_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"

enum {
    FILE_MAX = 1 << 20,
    DEPTH_MAX = 32,
    WAIT_STEP_MS = 2,
    WAIT_STEPS = 100,
    CGROUP2_MAGIC = 0x63677270,
};

bool cgroup_folder_is_v2(const char *folder)
{
    struct statfs st;

    return statfs(folder, &st) == 0 && st.f_type == CGROUP2_MAGIC;
}

int cgroup_folder_each(const char *place, int (*fn)(void *arg, const char *folder, struct err *e),
                       void *arg, struct err *e)
{
    for (const char *p = place; *p;) {
        size_t n = strcspn(p, "\n");
        autofree char *folder = strndup(p, n);
        int r = folder ? fn(arg, folder, e) : err_memory(e);

        if (r < 0)
            return r;
        p += n + (p[n] == '\n');
    }
    return 0;
}

static int open_in(const char *folder, const char *file, int flags)
{
    char path[PATH_MAX];

    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, file) >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, flags | O_CLOEXEC);
}

int cgroup_folder_read(const char *folder, const char *file, struct text *ret, struct err *e)
{
    autofd int fd = open_in(folder, file, O_RDONLY);
    int r;

    if (fd < 0)
        return err_sys(e, "cannot read %s/%s", folder, file);
    r = file_read_fd(fd, FILE_MAX, ret, e);
    if (r < 0)
        return err_wrap(e, r, "%s/%s", folder, file);
    if (ret->n && strchr(ret->s, '\n') == ret->s + ret->n - 1)
        ret->s[--ret->n] = 0;
    return 0;
}

static int parse(const char *s, long long *ret)
{
    char *end;

    if (strncmp(s, "max", 3) == 0) {
        *ret = -1;
        return 0;
    }
    errno = 0;
    *ret = (long long)strtoull(s, &end, 10);
    return end == s || errno || *ret < 0 ? -EINVAL : 0;
}

int cgroup_folder_number(const char *folder, const char *file, long long *ret)
{
    autotext struct text t = {0};
    int r = cgroup_folder_read(folder, file, &t, NULL);

    return r < 0 ? r : parse(t.s, ret);
}

int cgroup_folder_keyed(const char *folder, const char *file, const char *key, long long *ret)
{
    autotext struct text t = {0};
    int r = cgroup_folder_read(folder, file, &t, NULL);
    size_t n = strlen(key);

    for (const char *line = t.s; r == 0 && line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) == 0 && line[n] == ' ')
            return parse(line + n + 1, ret);
    }
    return r < 0 ? r : -ENOENT;
}

int cgroup_folder_write(const char *folder, const char *file, const char *value, struct err *e)
{
    autofd int fd = open_in(folder, file, O_WRONLY);
    ssize_t n;

    if (fd < 0)
        return err_sys(e, "cannot write %s/%s", folder, file);
    do
        n = write(fd, value, strlen(value));
    while (n < 0 && errno == EINTR);
    return n < 0 ? err_sys(e, "cannot write '%s' into %s/%s", value, folder, file) : 0;
}

int cgroup_folder_enter(const char *folder, pid_t pid, struct err *e)
{
    char text[16];
    int r;

    snprintf(text, sizeof text, "%d", (int)pid);
    r = cgroup_folder_write(folder, "cgroup.procs", text, e);
    return r == -ESRCH ? 0 : r;
}

/* ---- with all that is below ---- */

/* Call fn for the folder and all below, the deepest first. */
static int each_below(const char *folder, unsigned depth,
                      int (*fn)(void *arg, const char *folder, struct err *e), void *arg,
                      struct err *e)
{
    DIR *d = opendir(folder);
    const struct dirent *ent;
    int r = 0;

    if (!d)
        return errno == ENOENT ? 0 : err_sys(e, "cannot open %s", folder);
    while (r == 0 && (ent = readdir(d))) {
        char below[PATH_MAX];

        if (ent->d_type != DT_DIR || ent->d_name[0] == '.')
            continue;
        if (depth == DEPTH_MAX ||
            (size_t)snprintf(below, sizeof below, "%s/%s", folder, ent->d_name) >= sizeof below)
            r = err_set(e, ELOOP, "the groups below %s are nested too deeply", folder);
        else
            r = each_below(below, depth + 1, fn, arg, e);
    }
    closedir(d);
    return r < 0 ? r : fn(arg, folder, e);
}

struct pids {
    pid_t *v;
    size_t n;
};

static int add_pids(void *arg, const char *folder, struct err *e)
{
    struct pids *l = arg;
    autotext struct text t = {0};
    char *save = NULL;
    int r = cgroup_folder_read(folder, "cgroup.procs", &t, e);

    /* A group that was removed meanwhile has none; a threaded one's are in its parent's file. */
    if (r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP)
        return 0;
    for (char *w = r == 0 && t.s ? strtok_r(t.s, "\n", &save) : NULL; w;
         w = strtok_r(NULL, "\n", &save)) {
        pid_t *v = realloc(l->v, (l->n + 1) * sizeof *v);

        if (!v)
            return err_memory(e);
        l->v = v;
        l->v[l->n++] = (pid_t)atoi(w);
    }
    return r;
}

int cgroup_folder_pids(const char *folder, pid_t **ret, size_t *ret_n, struct err *e)
{
    struct pids l = {*ret, *ret_n};
    int r = each_below(folder, 0, add_pids, &l, e);

    *ret = l.v;
    *ret_n = l.n;
    return r;
}

/* Also what is frozen: v1 holds it back even from SIGKILL. */
static void kill_all(const char *folder)
{
    autofree pid_t *v = NULL;
    size_t n = 0;

    if (cgroup_folder_write(folder, "cgroup.kill", "1", NULL) == 0)
        return;
    (void)cgroup_folder_pids(folder, &v, &n, NULL); /* before kernel 5.14, and v1 */
    for (size_t i = 0; i < n; i++)
        if (v[i] > 0)
            (void)kill(v[i], SIGKILL);
    if (!cgroup_folder_is_v2(folder))
        (void)cgroup_folder_write(folder, "freezer.state", "THAWED", NULL);
}

static int remove_one(void *arg, const char *folder, struct err *e)
{
    int *steps = arg;

    while (rmdir(folder) < 0) {
        if (errno == ENOENT)
            return 0;
        if (errno != EBUSY || --*steps < 0)
            return err_sys(e, "cannot remove the cgroup %s", folder);
        (void)nanosleep(&(struct timespec){.tv_nsec = WAIT_STEP_MS * 1000000L}, NULL);
    }
    return 0;
}

static int remove_tree(void *arg, const char *folder, struct err *e)
{
    if (!strstr(folder, "/rctr-"))
        return err_set(e, EPERM, "%s is not a cgroup of rctr's", folder);
    if (access(folder, F_OK) == 0)
        kill_all(folder);
    return each_below(folder, 0, remove_one, arg, e);
}

int cgroup_folder_remove(const char *place, struct err *e)
{
    int steps = WAIT_STEPS;

    return cgroup_folder_each(place, remove_tree, &steps, e);
}
