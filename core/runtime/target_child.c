#include "core/runtime/target_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/walk.h"
#include "core/runtime/fd_child.h"
#include "storage/diff.h"

enum { DANGLING_MAX = 8 };

/* Split "/a/b/c" into "/a/b" (in parent) and "c"; returns the last part or NULL. */
const char *target_child_split(const char *path, char parent[TARGET_CHILD_PATH_MAX])
{
    size_t n = 0, slash = 0;

    for (; path[n]; n++) {
        if (n + 1 == TARGET_CHILD_PATH_MAX)
            return NULL;
        parent[n] = path[n];
        if (path[n] == '/')
            slash = n;
    }
    parent[slash] = 0;
    return path + slash + 1;
}

static int make_missing(int root, const char *path, bool file, mode_t mode, unsigned marks,
                        int links);

/* dir/last leads nowhere yet, as /etc/resolv.conf does in images of a systemd system: make what it
 * names, below the root as always. `parent` is the path of dir. */
static int make_link_target(int root, int dir, const char *parent, const char *last, bool file,
                            mode_t mode, unsigned marks, int links)
{
    char path[2 * TARGET_CHILD_PATH_MAX];
    size_t n = 0;
    ssize_t len;

    for (; parent[n]; n++)
        path[n] = parent[n];
    path[n++] = '/';
    len = readlinkat(dir, last, path + n, TARGET_CHILD_PATH_MAX - 1);
    if (len < 0) /* no link: somebody else made it meanwhile, which is as good */
        return errno == EINVAL ? 0 : -errno;
    path[n + (size_t)len] = 0;
    return make_missing(root, path[n] == '/' ? path + n : path, file, mode, marks, links + 1);
}

/* Make the last part of `path`, whose parent is there. */
static int make_part(int root, const char *path, bool file, mode_t mode, unsigned marks, int links)
{
    char parent[TARGET_CHILD_PATH_MAX];
    const char *last = target_child_split(path, parent);
    int dir, code;

    if (!last)
        return -ENAMETOOLONG;
    dir = walk_open(root, parent, O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT);
    if (dir < 0)
        return dir;
    if (file) {
        code = fd_child_result(
            openat(dir, last, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644));
    } else {
        code = fd_child_result(mkdirat(dir, last, mode));
        if (code == 0)
            code =
                fd_child_result(openat(dir, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }
    if (code >= 0) {
        if (marks) /* a file system without attributes is fine: the place stays, empty */
            (void)fsetxattr(code, DIFF_PLACE_MARK, "y", 1, 0);
        code = fd_child_result(close(code));
    }
    if (code == -EEXIST)
        code = make_link_target(root, dir, parent, last, file, mode, marks, links);
    close(dir);
    return code;
}

/* Make what is missing of `path`, folders and the last part; each prefix is resolved anew, with
 * all links below the root. */
static int make_missing(int root, const char *path, bool file, mode_t mode, unsigned marks,
                        int links)
{
    char prefix[TARGET_CHILD_PATH_MAX];
    size_t n = 0;

    if (links > DANGLING_MAX)
        return -ELOOP;
    while (path[n]) {
        size_t rest;
        int fd;

        for (; path[n] == '/' && n + 1 < sizeof prefix; n++)
            prefix[n] = '/';
        for (; path[n] && path[n] != '/' && n + 1 < sizeof prefix; n++)
            prefix[n] = path[n];
        if (n + 1 >= sizeof prefix)
            return -ENAMETOOLONG;
        prefix[n] = 0;
        for (rest = n; path[rest] == '/';)
            rest++;
        fd = walk_open(root, prefix, O_PATH, 0, WALK_IN_ROOT);
        if (fd == -ENOENT)
            fd = make_part(root, prefix, file && !path[rest], mode, marks, links);
        else if (fd >= 0)
            close(fd);
        if (fd < 0)
            return fd;
    }
    return 0;
}

/* Open the folder of `path` below root, making what is missing. */
static int open_folder(int root, const char *path, mode_t mode, unsigned marks)
{
    int fd = walk_open(root, path, O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT);

    if (fd == -ENOENT)
        fd = make_missing(root, path, false, mode, marks, 0);
    return fd == 0 ? walk_open(root, path, O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT) : fd;
}

int target_child_folder(int root, const char *path, mode_t mode)
{
    return open_folder(root, path, mode, 0);
}

/* The parent folder of `path`, and its last part. */
int target_child_parent(int root, const char *path, const char **ret_last)
{
    char parent[TARGET_CHILD_PATH_MAX];

    *ret_last = target_child_split(path, parent);
    if (!*ret_last)
        return -ENAMETOOLONG;
    return target_child_folder(root, parent, 0755);
}

static int open_file_target(int root, const char *path, unsigned marks)
{
    int fd = walk_open(root, path, O_PATH, 0, WALK_IN_ROOT);

    if (fd == -ENOENT)
        fd = make_missing(root, path, true, 0755, marks, 0);
    return fd == 0 ? walk_open(root, path, O_PATH, 0, WALK_IN_ROOT) : fd;
}

/* A volume or a file of /etc whose place is a link of the image into /proc would cover what the
 * masks rely on. Options that say /proc themselves were checked by volume_opt. */
static bool leads_into_proc(int target, const struct child_act *a)
{
    static const char proc[] = "/proc";
    char path[FD_CHILD_PATH_MAX];
    struct statfs st;
    size_t n = 0;

    while (proc[n] && a->target[n] == proc[n])
        n++;
    return proc[n] && statfs(fd_child_path(target, path), &st) == 0 &&
           st.f_type == PROC_SUPER_MAGIC;
}

/* The descriptor to mount on. */
int target_child_open(int root, const struct child_act *a)
{
    struct stat st;
    int fd;

    if (a->flags & ACT_F_NO_LINK) {
        fd = walk_open(root, a->target, O_PATH | O_NOFOLLOW, 0, WALK_NO_LINKS);
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode)) {
            close(fd);
            return -ELOOP;
        }
        if (fd != -ENOENT)
            return fd;
    }
    fd = a->flags & ACT_F_FILE ? open_file_target(root, a->target, a->flags & ACT_F_MARK)
                               : open_folder(root, a->target, 0755, a->flags & ACT_F_MARK);
    if (fd < 0 || !leads_into_proc(fd, a))
        return fd;
    close(fd);
    return -EXDEV;
}
