#include "core/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/auto.h"

int path_open(int root_fd, const char *path, int flags, mode_t mode, int *ret_fd, struct err *e)
{
    int fd = walk_open(root_fd, path, flags, mode, WALK_IN_ROOT);

    if (fd < 0) {
        errno = -fd;
        return err_sys(e, "cannot open '%s'", path);
    }
    *ret_fd = fd;
    return 0;
}

int path_mkdirs(int root_fd, const char *path, mode_t mode, int *ret_fd, struct err *e)
{
    autofd int at = -1;
    char so_far[PATH_MAX];
    size_t n = strlen(path), i = 0;

    if (n >= sizeof so_far)
        return err_set(e, ENAMETOOLONG, "a path of %zu bytes is too long", n);
    at = walk_open(root_fd, path, O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT);
    while (at < 0 && i < n) {
        autofd int parent = -1;
        size_t begin = strspn(path + i, "/") + i, end = begin + strcspn(path + begin, "/");

        memcpy(so_far, path, begin);
        so_far[begin] = 0;
        parent = walk_open(root_fd, so_far, O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT);
        if (parent < 0) {
            errno = -parent;
            return err_sys(e, "cannot open the folder '%s'", so_far);
        }
        memcpy(so_far, path, end);
        so_far[end] = 0;
        if (end > begin && mkdirat(parent, so_far + begin, mode) < 0 && errno != EEXIST)
            return err_sys(e, "cannot make the folder '%s'", so_far);
        i = end;
        if (i == n || path[i + strspn(path + i, "/")] == 0) {
            at = walk_open(root_fd, path, O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT);
            break;
        }
    }
    if (at < 0) {
        errno = -at;
        at = -1;
        return err_sys(e, "cannot open the folder '%s'", path);
    }
    *ret_fd = take_fd(&at);
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int path_list(int dir_fd, struct strv *ret, struct err *e)
{
    int own = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *d = own < 0 ? NULL : fdopendir(own);
    const struct dirent *ent;
    size_t before = ret->n;

    if (!d) {
        r = err_sys(e, "cannot list a folder");
        if (own >= 0)
            close(own);
        return r;
    }
    while (r == 0 && (errno = 0, ent = readdir(d)))
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            r = strv_add(ret, ent->d_name, e);
    if (r == 0 && errno)
        r = err_sys(e, "cannot list a folder");
    closedir(d);
    if (ret->n > before)
        qsort(ret->v + before, ret->n - before, sizeof *ret->v, compare_names);
    return r;
}

/* Removing a tree. Down to RECURSION_MAX levels one descriptor a level is held. Below that, one
 * descriptor goes down and comes up again by "..", looking at a list of the folders it came
 * through: a folder that was moved meanwhile must not lead us into another tree. */
enum { RECURSION_MAX = 64 };

/* Open the folder dir/name, whatever its mode, and let it be emptied. */
static int open_to_empty(int dir, const char *name, mode_t mode, struct err *e)
{
    autofd int at = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    char self[40];
    int fd;

    if (at < 0)
        return err_sys(e, "cannot open '%s' to remove it", name);
    if ((mode & 0700) != 0700) { /* by descriptor: a name could have become a link */
        snprintf(self, sizeof self, "/proc/self/fd/%d", at);
        (void)chmod(self, 0700); /* when it fails, what follows tells */
    }
    fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? err_sys(e, "cannot open '%s' to remove it", name) : fd;
}

/* One entry of the folder `dir`: 0 when it is gone; 1 when it is a folder with something in it,
 * which is opened then. */
static int remove_entry(int dir, const char *name, dev_t dev, int *ret_sub, struct err *e)
{
    struct stat st;
    int r;

    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return err_sys(e, "cannot remove '%s'", name);
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "cannot look at '%s'", name);
    if (dev && st.st_dev != dev)
        return err_set(e, EXDEV, "'%s' is on another file system: not removed", name);
    r = open_to_empty(dir, name, st.st_mode, e);
    if (r < 0)
        return r;
    *ret_sub = r;
    return 1;
}

/* Call remove_entry for what is in the folder until one answer is not 0. */
static int remove_entries(DIR *d, dev_t dev, int *ret_sub, const char **ret_name, struct err *e)
{
    const struct dirent *ent;
    int r = 0;

    while (r == 0 && (errno = 0, ent = readdir(d))) {
        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
            continue;
        *ret_name = ent->d_name;
        r = remove_entry(dirfd(d), ent->d_name, dev, ret_sub, e);
    }
    return r == 0 && errno ? err_sys(e, "cannot list a folder") : r;
}

static DIR *list(int *fd, struct err *e)
{
    DIR *d = fdopendir(*fd);

    if (d)
        *fd = -1; /* the DIR's now */
    else
        err_sys(e, "cannot list a folder");
    return d;
}

struct level {
    dev_t dev;
    ino_t ino;
};

struct levels {
    struct level *v;
    size_t n;
};

static int go_down(struct levels *l, int *at, int sub, struct err *e)
{
    struct level *v = realloc(l->v, (l->n + 1) * sizeof *v);
    struct stat st;

    if (!v || fstat(*at, &st) < 0) {
        close(sub);
        l->v = v ? v : l->v;
        return v ? err_sys(e, "cannot look at a folder") : err_memory(e);
    }
    l->v = v;
    v[l->n++] = (struct level){st.st_dev, st.st_ino};
    close(*at);
    *at = sub;
    return 0;
}

static int go_up(struct levels *l, int *at, struct err *e)
{
    int up = openat(*at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct level *want = &l->v[--l->n];
    struct stat st;

    if (up < 0 || fstat(up, &st) < 0 || st.st_dev != want->dev || st.st_ino != want->ino) {
        if (up >= 0)
            close(up);
        return err_set(e, EBUSY, "a folder was moved while it was being removed");
    }
    close(*at);
    *at = up;
    return 0;
}

/* What was emptied is found again, and removed, when its parent is listed anew. */
static int empty_deep(int top, dev_t dev, struct err *e)
{
    struct levels l = {0};
    int r = 0, at = top;

    while (r >= 0) {
        int copy = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), sub = -1;
        DIR *d = copy < 0 ? NULL : list(&copy, e);
        const char *name;

        if (!d) {
            r = copy < 0 ? err_sys(e, "cannot list a folder") : -EIO;
            if (copy >= 0)
                close(copy);
            break;
        }
        r = remove_entries(d, dev, &sub, &name, e);
        closedir(d);
        if (r == 0 && l.n == 0)
            break;
        if (r >= 0)
            r = r == 1 ? go_down(&l, &at, sub, e) : go_up(&l, &at, e);
    }
    close(at);
    free(l.v);
    return r;
}

/* Takes fd. */
static int empty_folder(int fd, dev_t dev, int depth, struct err *e)
{
    int r, sub = -1;
    const char *name;
    DIR *d;

    if (depth == RECURSION_MAX)
        return empty_deep(fd, dev, e);
    d = list(&fd, e);
    if (!d) {
        close(fd);
        return -EIO;
    }
    while ((r = remove_entries(d, dev, &sub, &name, e)) == 1) {
        r = empty_folder(sub, dev, depth + 1, e);
        if (r == 0 && unlinkat(dirfd(d), name, AT_REMOVEDIR) < 0 && errno != ENOENT)
            r = err_sys(e, "cannot remove the folder '%s'", name);
        if (r < 0)
            break;
    }
    closedir(d);
    return r;
}

int path_remove_tree(int dir_fd, const char *name, struct err *e)
{
    struct stat st;
    int sub = -1, r = remove_entry(dir_fd, name, 0, &sub, e);

    if (r <= 0)
        return r;
    if (fstat(sub, &st) < 0) {
        r = err_sys(e, "cannot look at '%s'", name);
        close(sub);
        return r;
    }
    r = empty_folder(sub, st.st_dev, 1, e);
    if (r == 0 && unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        r = err_sys(e, "cannot remove the folder '%s'", name);
    return r;
}
