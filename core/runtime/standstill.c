/* Theory of operation.
 *
 * A process that runs may fork between our look and our signal, so one round is not enough: rounds
 * go on until one finds nobody running. A child of a stopped process cannot be new, therefore that
 * round is the last. A number is looked at, opened as a pidfd and looked at again before it is
 * signalled: it cannot be another process's then. */
#include "core/runtime/standstill.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/runtime/join.h"

enum { ROUNDS = 2000, NAP_MS = 1, LEVELS = 32 /* of nested process namespaces, as the kernel's */ };

struct space {
    dev_t dev;
    ino_t ino;
};

static int open_space(pid_t pid)
{
    char path[40];

    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static bool same(const struct stat *st, const struct space *s)
{
    return st->st_dev == s->dev && st->st_ino == s->ino;
}

/* Is the process in the namespace, or in one below it? */
static bool is_in(pid_t pid, const struct space *s)
{
    int fd = open_space(pid);
    struct stat st;
    bool found = false;

    for (int i = 0; fd >= 0 && i < LEVELS; i++) {
        int above;

        found = fstat(fd, &st) == 0 && same(&st, s);
        if (found)
            break;
        above = ioctl(fd, NS_GET_PARENT);
        close(fd);
        fd = above;
    }
    if (fd >= 0)
        close(fd);
    return found;
}

static int find_space(const struct proc_id *init, struct space *ret, struct err *e)
{
    autofd int pidfd = -1, fd = -1, own = open_space(getpid());
    struct stat st, mine;
    int r = proc_open(init, &pidfd, e);

    if (r < 0 && r != -ENOSYS)
        return r;
    fd = open_space(join_whose(init));
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "cannot see the container's process namespace");
    if (own >= 0 && fstat(own, &mine) == 0 && st.st_dev == mine.st_dev && st.st_ino == mine.st_ino)
        return err_set(e, ENOTSUP,
                       "it shares the host's process namespace (--pid host), and has no cgroup "
                       "with a freezer: its processes cannot be told from others");
    *ret = (struct space){st.st_dev, st.st_ino};
    return 0;
}

/* 'R', 'S', 'T', …; 0: it is gone. */
static char state_of(pid_t pid)
{
    char path[40], line[512], *p;
    autofd int fd = -1;
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (n <= 0)
        return 0;
    line[n] = 0;
    p = strrchr(line, ')'); /* the program's name may hold spaces and brackets */
    return p && p[1] ? p[2] : 0;
}

static bool stands(char state)
{
    return state == 'T' || state == 't' || state == 'Z' || state == 'X' || state == 0;
}

static void send(pid_t pid, const struct space *s, int signo)
{
    autofd int pidfd = proc_pidfd(pid);

    if ((pidfd >= 0 || pidfd == -ENOSYS) && is_in(pid, s))
        (void)proc_signal(pidfd, pid, signo);
}

static int list(const struct space *s, pid_t **ret, size_t *ret_n, struct err *e)
{
    DIR *d = opendir("/proc");
    const struct dirent *ent;
    pid_t *v = NULL;
    size_t n = 0, room = 0;

    if (!d)
        return err_sys(e, "cannot list /proc");
    while ((ent = readdir(d))) {
        pid_t pid = (pid_t)strtol(ent->d_name, NULL, 10);

        if (pid <= 0 || !is_in(pid, s))
            continue;
        if (n == room) {
            pid_t *more = realloc(v, (room = room ? 2 * room : 64) * sizeof *v);

            if (!more) {
                free(v);
                closedir(d);
                return err_memory(e);
            }
            v = more;
        }
        v[n++] = pid;
    }
    closedir(d);
    *ret = v;
    *ret_n = n;
    return 0;
}

/* One round; how many were still running, or -errno. */
static int stop_round(const struct space *s, struct err *e)
{
    autofree pid_t *v = NULL;
    size_t n = 0;
    int running = 0, r = list(s, &v, &n, e);

    for (size_t i = 0; i < n && r == 0; i++)
        if (!stands(state_of(v[i]))) {
            send(v[i], s, SIGSTOP);
            running++;
        }
    return r < 0 ? r : running;
}

int standstill_begin(const struct proc_id *init, struct err *e)
{
    struct space s;
    int r = find_space(init, &s, e);

    for (int i = 0; r == 0 && i < ROUNDS; i++) {
        int n = stop_round(&s, e);

        if (n <= 0)
            return n;
        (void)nanosleep(&(struct timespec){.tv_nsec = NAP_MS * 1000000L}, NULL);
    }
    if (r < 0)
        return r;
    (void)standstill_end(init, NULL);
    return err_set(e, ETIMEDOUT, "its processes did not stop in time");
}

int standstill_end(const struct proc_id *init, struct err *e)
{
    autofree pid_t *v = NULL;
    struct space s;
    size_t n = 0;
    int r = find_space(init, &s, e);

    if (r == 0)
        r = list(&s, &v, &n, e);
    for (size_t i = 0; i < n && r == 0; i++)
        send(v[i], &s, SIGCONT);
    return r;
}

int standstill_pids(const struct proc_id *init, pid_t **ret, size_t *ret_n, struct err *e)
{
    struct space s;
    int r = find_space(init, &s, e);

    return r < 0 ? r : list(&s, ret, ret_n, e);
}
