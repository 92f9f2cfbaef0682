/* record_sweep - what crashed commands and killed monitors left behind. Declared in record.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/cgroup_folder.h"
#include "core/base/log.h"
#include "storage/event.h"
#include "storage/record.h"
#include "storage/record_name.h"

enum { KILL_WAIT_MS = 2000 };

/* A container's first process must not outlive its monitor; when the monitor was killed between
 * two system calls it may. */
static void kill_init(const struct record *r)
{
    autofd int pidfd = -1;

    if (r->init.pid <= 0 || proc_open(&r->init, &pidfd, NULL) < 0)
        return;
    if (proc_signal(pidfd, r->init.pid, SIGKILL) == 0) {
        struct pollfd p = {.fd = pidfd, .events = POLLIN};

        /* Its mounts go with it; a moment later the folder can be removed. */
        (void)poll(&p, 1, KILL_WAIT_MS);
    }
}

static bool needs_work(const struct record *r)
{
    switch (r->state) {
    case RECORD_CREATING:
    case RECORD_STARTING: return !proc_alive(&r->creator) && !proc_alive(&r->monitor);
    case RECORD_INITIALIZED:
    case RECORD_RUNNING:
    case RECORD_PAUSED:
    case RECORD_RESTARTING: return !proc_alive(&r->monitor);
    case RECORD_CREATED: return false;
    case RECORD_EXITED: return r->rm && !proc_alive(&r->monitor) && !proc_alive(&r->creator);
    }
    return false;
}

static long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* One that was only about to start is what it was before. */
static void tell_end(struct record *r)
{
    bool ran = record_has_monitor(r->state) && r->state != RECORD_INITIALIZED;

    if (ran) {
        r->exit_code = -1;
        r->finished_ns = now_ns();
    }
    r->state = ran || r->started_ns ? RECORD_EXITED : RECORD_CREATED;
    r->monitor = r->init = r->creator = (struct proc_id){0};
    free(r->health);
    free(r->cgroup);
    r->health = r->cgroup = NULL;
}

/* A killed monitor has left its socket; containers/ID/socket leads to it (core/monitor/server). */
static void remove_socket(const struct store *s, struct record *r)
{
    char path[PATH_MAX];
    struct stat st;
    ssize_t n;
    int dir = -1;

    if (record_folder(s, r, &dir, NULL) < 0)
        return;
    n = readlinkat(dir, "socket", path, sizeof path - 1);
    if (n <= 0)
        return;
    path[n] = 0;
    if (text_ends(path, r->id) && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        (void)unlink(path);
    (void)unlinkat(dir, "socket", 0);
}

/* Under the record's lock. */
static int mend(const struct store *s, const char *id, struct err *e)
{
    autorecord struct record r = {.dir_fd = -1};
    int n = record_load(s, id, &r, e);
    bool ran;

    if (n < 0 || !needs_work(&r))
        return n;
    kill_init(&r);
    if (r.cgroup) /* at worst an empty folder stays */
        (void)cgroup_folder_remove(r.cgroup, NULL);
    remove_socket(s, &r);
    if (r.state == RECORD_CREATING || r.rm) {
        n = record_remove(s, &r, e);
        if (n == 0 && r.state != RECORD_CREATING)
            event_container(s, &r, "remove", NULL, NULL);
        return n;
    }
    ran = record_has_monitor(r.state);
    tell_end(&r);
    n = record_save(s, &r, e);
    if (n == 0 && ran)
        event_container(s, &r, "die", "exitCode", "-1");
    return n;
}

static int put_right(const struct store *s, struct record *seen, struct err *e)
{
    autofd int lock = -1;
    int n = record_lock(s, seen, LOCK_EX | LOCK_NB, &lock, e);

    if (n == -EWOULDBLOCK || n == -ENOENT)
        return 0; /* somebody is at it */
    return n < 0 ? n : mend(s, seen->id, e);
}

int record_settle(const struct store *s, struct record *r, struct err *e)
{
    int n;

    if (!needs_work(r))
        return 0;
    n = put_right(s, r, e);
    return n < 0 ? n : record_update(s, r, NULL, NULL, e);
}

/* A folder whose maker died before the record was written. */
static int remove_unrecorded(const struct store *s, const char *id, struct err *e)
{
    char path[RECORD_ID_HEX + 32];
    autofd int fd = -1;
    int r = store_folder(s, "containers", &fd, e);
    bool bare;

    if (r < 0)
        return r;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return 0; /* one is being made just now */
    snprintf(path, sizeof path, "containers/%s/record.json", id);
    bare = faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
    if (!bare) {
        struct stat st; /* an empty file is a record that was just about to be written */

        bare = fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size == 0;
    }
    snprintf(path, sizeof path, "containers/%s", id);
    r = bare ? store_discard(s, s->fd, path, e) : 0;
    return r == -ENOENT ? 0 : r;
}

/* A removal was killed between the name and the folder: the container is there, so it has its name
 * again. (Not removed after all: somebody may have emptied names/ by hand.) */
static int mend_name(const struct store *s, struct record *seen, struct err *e)
{
    autorecord struct record r = {.dir_fd = -1}, again = {.dir_fd = -1};
    char owner[RECORD_ID_HEX + 1];
    autofd int lock = -1;
    int n;

    if (seen->state == RECORD_CREATING || record_name_owner(s, seen->name, owner) != -ENOENT ||
        record_lock(s, seen, LOCK_EX | LOCK_NB, &lock, NULL) < 0 ||
        record_load(s, seen->id, &r, NULL) < 0)
        return 0;
    n = record_name_claim(s, r.name, r.id, e);
    /* A monitor removes its container without the lock. */
    if (n == 0 && record_load(s, r.id, &again, NULL) == -ENOENT)
        n = record_name_free(s, r.name, r.id, e);
    return n;
}

/* A second name: a rename was killed between two steps. Under the lock that rename holds; one that
 * is being made has no lock yet, and may be trying names. */
static int drop_second_name(const struct store *s, const char *name, const char *id, struct err *e)
{
    autorecord struct record seen = {.dir_fd = -1}, r = {.dir_fd = -1};
    autofd int lock = -1;

    if (record_load(s, id, &seen, NULL) < 0 || strcmp(seen.name, name) == 0 ||
        record_lock(s, &seen, LOCK_EX | LOCK_NB, &lock, NULL) < 0 ||
        record_load(s, id, &r, NULL) < 0 || r.state == RECORD_CREATING || strcmp(r.name, name) == 0)
        return 0;
    return record_name_free(s, name, id, e);
}

static int sweep_names(const struct store *s, struct err *e)
{
    autostrv struct strv names = {0};
    int fd = openat(s->fd, "names", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *ent;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    while (r == 0 && (ent = readdir(d)))
        if (ent->d_name[0] != '.')
            r = strv_add(&names, ent->d_name, e);
    closedir(d);
    for (size_t i = 0; r == 0 && i < names.n; i++) {
        char id[RECORD_ID_HEX + 1];

        if (record_name_owner(s, names.v[i], id) == 0)
            r = drop_second_name(s, names.v[i], id, e);
    }
    return r;
}

int record_sweep(const struct store *s, struct err *e)
{
    autostrv struct strv ids = {0};
    int r = record_ids(s, &ids, e);

    for (size_t i = 0; r == 0 && i < ids.n; i++) {
        autorecord struct record rec = {.dir_fd = -1};
        struct err why = {0};
        int n = record_load(s, ids.v[i], &rec, &why);

        if (n == 0 && needs_work(&rec))
            n = put_right(s, &rec, &why);
        else if (n == 0)
            n = mend_name(s, &rec, &why);
        else if (n == -ENOENT || n == -EINVAL)
            n = remove_unrecorded(s, ids.v[i], &why);
        if (n < 0 && n != -ENOENT)
            log_warn("container %.12s cannot be cleaned up: %s", ids.v[i], why.text);
    }
    return r < 0 ? r : sweep_names(s, e);
}
