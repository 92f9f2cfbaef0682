#include "core/runtime/join.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"

/* In the order in which they are joined one by one: the user namespace gives the right to join the
 * others; after the mount namespace /proc is another. */
static const struct {
    const char *name;
    unsigned long flag;
} kinds[] = {
    {"user", CLONE_NEWUSER}, {"cgroup", CLONE_NEWCGROUP}, {"ipc", CLONE_NEWIPC},
    {"uts", CLONE_NEWUTS},   {"net", CLONE_NEWNET},       {"pid", CLONE_NEWPID},
    {"mnt", CLONE_NEWNS},
};
_Static_assert(ARRAY_SIZE(kinds) == JOIN_KINDS, "a namespace without a place");

static bool no_pidfd;

void join_forbid_pidfd(bool forbid)
{
    no_pidfd = forbid;
}

void join_close(struct join *j)
{
    if (j->pidfd >= 0)
        close(j->pidfd);
    if (j->root >= 0)
        close(j->root);
    j->pidfd = j->root = -1;
    for (size_t i = 0; i < JOIN_KINDS; i++) {
        if (j->ns[i] >= 0)
            close(j->ns[i]);
        j->ns[i] = -1;
    }
}

/* Which namespaces of `pid` are not ours; -EACCES when it does not let us look. */
static int compare(pid_t pid, unsigned long *ret_flags)
{
    unsigned long flags = 0;
    struct stat own, its;
    char path[48];

    for (size_t i = 0; i < JOIN_KINDS; i++) {
        snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, kinds[i].name);
        if (stat(path, &its) < 0)
            return -errno;
        snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i].name);
        if (stat(path, &own) < 0)
            return -errno;
        if (own.st_ino != its.st_ino || own.st_dev != its.st_dev)
            flags |= kinds[i].flag;
    }
    *ret_flags = flags;
    return 0;
}

/* The first of its children: what rctr's own init runs. */
static pid_t program_of(pid_t init)
{
    autotext struct text t = {0};
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)init, (int)init);
    if (file_read(AT_FDCWD, path, 1 << 20, &t, NULL) < 0 || !t.s)
        return -1;
    return (pid_t)strtol(t.s, NULL, 10);
}

pid_t join_whose(const struct proc_id *init)
{
    unsigned long flags;
    int r = compare(init->pid, &flags);
    pid_t program = r == -EACCES || r == -EPERM ? program_of(init->pid) : -1;

    return program > 0 ? program : init->pid;
}

static int open_each(struct join *j, struct err *e)
{
    char path[48];

    for (size_t i = 0; i < JOIN_KINDS; i++) {
        if (!(j->flags & kinds[i].flag))
            continue;
        snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)j->pid, kinds[i].name);
        j->ns[i] = open(path, O_RDONLY | O_CLOEXEC);
        if (j->ns[i] < 0)
            return err_sys(e, "cannot open the container's %s namespace", kinds[i].name);
    }
    return 0;
}

static int look(const struct proc_id *init, struct join *j, struct err *e)
{
    char path[48];
    int r;

    j->pid = init->pid;
    r = compare(j->pid, &j->flags);
    if (r == -EACCES || r == -EPERM) {
        j->pid = join_whose(init);
        r = compare(j->pid, &j->flags);
    }
    if (r < 0) {
        errno = -r;
        return err_sys(e, "cannot look at the namespaces of process %d", (int)j->pid);
    }
    snprintf(path, sizeof path, "/proc/%d/root", (int)j->pid);
    j->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (j->root < 0)
        return err_sys(e, "cannot open the root folder of process %d", (int)j->pid);
    if (!no_pidfd)
        j->pidfd = proc_pidfd(j->pid);
    if (j->pidfd < 0 && (r = open_each(j, e)) < 0)
        return r;
    /* The number is still that child's? Then what was opened by it is, too. */
    if (j->pid != init->pid && program_of(init->pid) != j->pid)
        return err_set(e, ESRCH, "the container's program has ended");
    return 0;
}

int join_open(const struct proc_id *init, struct join *ret, struct err *e)
{
    struct join j = {.pidfd = -1, .root = -1};
    int r;

    memset(j.ns, -1, sizeof j.ns);
    r = look(init, &j, e);
    /* What was opened by number is the container's when its first process is still there. */
    if ((r == 0 || r == -ENOENT || r == -ESRCH) && !proc_alive(init))
        r = err_set(e, ESRCH, "the container has ended");
    if (r < 0) {
        join_close(&j);
        return r;
    }
    *ret = j;
    return 0;
}

int join_enter(struct join *j, unsigned long which)
{
    unsigned long flags = j->flags & which;

    if (!flags || (j->pidfd >= 0 && setns(j->pidfd, (int)flags) == 0))
        return 0;
    if (j->pidfd >= 0) { /* EINVAL: a kernel before 5.8 */
        int r = errno == EINVAL ? open_each(j, NULL) : -errno;

        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < JOIN_KINDS; i++)
        if (flags & kinds[i].flag && setns(j->ns[i], (int)kinds[i].flag) < 0)
            return -errno;
    return 0;
}
