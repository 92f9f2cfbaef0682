/* remove_damaged - a container whose record cannot be read. Declared in remove.h.
 *
 * The record would say which process is its monitor. Without it the monitor is known by its title
 * and by the files of the container's folder that it holds open. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/proc.h"
#include "core/engine/remove.h"
#include "storage/record_name.h"

enum { END_WAIT_MS = 5000, CHILDREN_MAX = 64 };

static bool damaged(const struct store *s, const char *id)
{
    autorecord struct record r = {.dir_fd = -1};
    char path[RECORD_ID_HEX + 32];
    int n = record_load(s, id, &r, NULL);

    if (n == 0)
        return false;
    if (n != -ENOENT)
        return true;
    /* A folder without a record may be one that is just being made: the sweep knows. */
    snprintf(path, sizeof path, "containers/%s/config.json", id);
    return faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int remove_find_damaged(const struct store *s, const char *word, char ret_id[RECORD_ID_HEX + 1])
{
    autostrv struct strv ids = {0};
    size_t found = 0, length = strlen(word);

    if (record_name_check(word, NULL) == 0 && record_name_owner(s, word, ret_id) == 0)
        return damaged(s, ret_id) ? 0 : -ENOENT;
    if (length == 0 || strspn(word, "0123456789abcdef") != length || record_ids(s, &ids, NULL) < 0)
        return -ENOENT;
    for (size_t i = 0; i < ids.n; i++)
        if (text_starts(ids.v[i], word) && found++ == 0)
            snprintf(ret_id, RECORD_ID_HEX + 1, "%s", ids.v[i]);
    return found == 1 && damaged(s, ret_id) ? 0 : -ENOENT;
}

/* ---- its processes ---- */

static bool is_monitor(int proc)
{
    autotext struct text t = {0};

    return file_read(proc, "cmdline", 65536, &t, NULL) == 0 && t.s &&
           text_starts(t.s, "rctr: monitor");
}

/* Does it hold a file below `folder`, or the folder itself? */
static bool holds(int proc, const char *folder)
{
    int fd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    size_t length = strlen(folder);
    const struct dirent *ent;
    bool found = false;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    while (!found && (ent = readdir(d))) {
        char to[PATH_MAX];
        ssize_t n = readlinkat(dirfd(d), ent->d_name, to, sizeof to - 1);

        if (n < 0)
            continue;
        to[n] = 0;
        found = text_starts(to, folder) && (to[length] == 0 || to[length] == '/');
    }
    closedir(d);
    return found;
}

static void kill_and_wait(pid_t pid)
{
    autofd int fd = proc_pidfd(pid);
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (proc_signal(fd, pid, SIGKILL) == 0 && fd >= 0)
        (void)poll(&p, 1, END_WAIT_MS);
}

/* The monitor first, or it would write a record again; what it had started dies with it, and is
 * killed here all the same. */
static void kill_monitor(int proc, pid_t pid)
{
    autotext struct text t = {0};
    char path[64], *at;
    pid_t children[CHILDREN_MAX];
    size_t n = 0;

    snprintf(path, sizeof path, "task/%d/children", (int)pid);
    if (file_read(proc, path, 65536, &t, NULL) == 0)
        for (at = t.s; at && *at && n < CHILDREN_MAX;) {
            char *end;
            long child = strtol(at, &end, 10);

            if (end == at)
                break;
            children[n++] = (pid_t)child;
            at = end;
        }
    kill_and_wait(pid);
    for (size_t i = 0; i < n; i++)
        kill_and_wait(children[i]);
}

static int end_processes(const struct store *s, const char *id, struct err *e)
{
    autofree char *folder = NULL, *store = realpath(s->path, NULL);
    DIR *d = opendir("/proc");
    const struct dirent *ent;

    folder = store ? text_format("%s/containers/%s", store, id) : NULL;
    if (!d || !folder) {
        if (d)
            closedir(d);
        return err_sys(e, "cannot look for the processes of container %s", id);
    }
    while ((ent = readdir(d))) {
        char *end;
        long pid = strtol(ent->d_name, &end, 10);
        autofd int proc = -1;

        if (*end || pid <= 0)
            continue;
        proc = openat(dirfd(d), ent->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (proc >= 0 && is_monitor(proc) && holds(proc, folder))
            kill_monitor(proc, (pid_t)pid);
    }
    closedir(d);
    return 0;
}

/* The names that lead to it: its own is in the record. */
static void free_names(const struct store *s, const char *id)
{
    int fd = openat(s->fd, "names", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *ent;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((ent = readdir(d)))
        (void)record_name_free(s, ent->d_name, id, NULL); /* of others: does nothing */
    closedir(d);
}

int remove_damaged(const struct store *s, const char *id, struct err *e)
{
    char path[RECORD_ID_HEX + 16];
    int r = end_processes(s, id, e);

    if (r < 0)
        return r;
    free_names(s, id);
    snprintf(path, sizeof path, "containers/%s", id);
    r = store_discard(s, s->fd, path, e);
    return r == -ENOENT ? 0 : err_wrap(e, r, "container %s", id);
}

int remove_end_damaged(const struct store *s, struct err *e)
{
    autostrv struct strv ids = {0};
    int r = record_ids(s, &ids, e);

    for (size_t i = 0; r == 0 && i < ids.n; i++)
        if (damaged(s, ids.v[i]))
            r = end_processes(s, ids.v[i], e);
    return r;
}
