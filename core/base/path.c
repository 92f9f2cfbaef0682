#include "core/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

static int empty_folder(int fd, dev_t dev, struct err *e);

/* One entry of the folder `dir`: unlink it, or empty and remove it. */
static int remove_entry(int dir, const char *name, dev_t dev, struct err *e)
{
    autofd int sub = -1;
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
    sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sub < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
        sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sub < 0)
        return err_sys(e, "cannot open '%s' to remove it", name);
    if ((st.st_mode & 0700) != 0700)
        (void)fchmod(sub, 0700); /* when it fails, the unlinks below tell */
    r = empty_folder(sub, st.st_dev, e);
    if (r < 0)
        return r;
    if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return err_sys(e, "cannot remove the folder '%s'", name);
    return 0;
}

static int empty_folder(int fd, dev_t dev, struct err *e)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), r = 0;
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *ent;

    if (!d) {
        r = err_sys(e, "cannot list a folder");
        if (copy >= 0)
            close(copy);
        return r;
    }
    while (r == 0 && (ent = readdir(d)))
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            r = remove_entry(fd, ent->d_name, dev, e);
    closedir(d);
    return r;
}

int path_remove_tree(int dir_fd, const char *name, struct err *e)
{
    return remove_entry(dir_fd, name, 0, e);
}
