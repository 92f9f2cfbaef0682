/* Theory of operation.
 *
 * The root is stopped, so that it inherits but reaps nobody: a number that was seen below it stays
 * its descendant's, as a zombie at least, and everything that still lives hangs below it. Then
 * round after round all are listed and killed until two find nobody alive: one whose parent ends
 * while the list is made is found below the root the next time. Then the root goes on, reaps them
 * all and ends; when it does not, it is killed, too. */
#include "core/runtime/family.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/proc.h"

enum { ROUNDS = 500, NAP_NS = 1000000, REAP_MS = 500 };

struct member {
    pid_t pid, parent;
    bool related, dead;
};

static bool read_member(pid_t pid, struct member *ret)
{
    char path[40], line[512], *p, state;
    autofd int fd = -1;
    int parent;
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (n <= 0)
        return false;
    line[n] = 0;
    p = strrchr(line, ')'); /* the program's name may hold spaces and brackets */
    if (!p || sscanf(p + 1, " %c %d", &state, &parent) != 2)
        return false;
    *ret = (struct member){.pid = pid, .parent = parent, .dead = state == 'Z' || state == 'X'};
    return true;
}

static struct member *list_all(size_t *ret_n)
{
    DIR *d = opendir("/proc");
    struct member *v = NULL;
    struct dirent *ent;
    size_t n = 0, room = 0;

    while (d && (ent = readdir(d))) {
        pid_t pid = (pid_t)strtol(ent->d_name, NULL, 10);

        if (pid <= 0)
            continue;
        if (n == room) {
            struct member *more = realloc(v, (room = room ? 2 * room : 256) * sizeof *v);

            if (!more)
                break;
            v = more;
        }
        n += read_member(pid, &v[n]);
    }
    if (d)
        closedir(d);
    *ret_n = n;
    return v;
}

static bool is_related(const struct member *v, size_t n, pid_t pid, pid_t root)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].pid == pid)
            return v[i].related;
    return pid == root;
}

/* Parents may stand behind their children in the list. */
static void mark(struct member *v, size_t n, pid_t root)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (size_t i = 0; i < n; i++)
            if (!v[i].related && v[i].pid != root &&
                (v[i].parent == root || is_related(v, n, v[i].parent, root)))
                v[i].related = changed = true;
    }
}

/* How many were alive. A number may have become another's since it was listed: what is killed is
 * what still has the same parent behind its pidfd. */
static size_t kill_round(pid_t root)
{
    size_t n = 0, alive = 0;
    autofree struct member *v = list_all(&n);

    mark(v, n, root);
    for (size_t i = 0; i < n; i++) {
        struct member now;
        int fd;

        if (!v[i].related || v[i].dead)
            continue;
        alive++;
        fd = proc_pidfd(v[i].pid);
        if (read_member(v[i].pid, &now) && now.parent == v[i].parent)
            (void)proc_signal(fd, v[i].pid, SIGKILL);
        if (fd >= 0)
            close(fd);
    }
    return alive;
}

static bool has_ended(int pidfd, int wait_ms)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    return pidfd == -ESRCH || (pidfd >= 0 && poll(&p, 1, wait_ms) > 0);
}

void family_kill(pid_t root, int pidfd)
{
    (void)proc_signal(pidfd, root, SIGSTOP);
    for (int i = 0, quiet = 0; i < ROUNDS && quiet < 2 && !has_ended(pidfd, 0); i++) {
        quiet = kill_round(root) > 0 ? 0 : quiet + 1;
        (void)nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
    }
    (void)proc_signal(pidfd, root, SIGCONT);
    if (!has_ended(pidfd, REAP_MS))
        (void)proc_signal(pidfd, root, SIGKILL);
}
