/* Theory of operation.
 *
 * We are root in a new user namespace, in a mount namespace that began as a copy of the host's. The
 * image's bytes are an attacker: it may hold links, FIFOs or files where folders are expected.
 * Therefore every target is opened below the new root with walk_open (a link cannot lead out) and
 * what is mounted goes onto that descriptor, never onto a path that is resolved again. Volumes may
 * be changed by other containers meanwhile, which changes nothing about a descriptor.
 *
 * What is named by a path of the host's (layers, sources of binds) is opened first, while we are
 * still the caller: root inside is another user (--userns nomap, keep-id), and a file server may
 * not know it. But it is opened by us, not by the parent: the kernel mounts only what is of our own
 * mount namespace.
 *
 * "/proc/self/fd/N" names a descriptor for mount(2), which every kernel knows; read-only binds use
 * open_tree, mount_setattr and move_mount where the kernel has them (5.12), because a remount in a
 * user namespace must repeat all locked flags. */
#include "core/runtime/mount_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/walk.h"
#include "core/runtime/fd_child.h"
#include "core/runtime/target_child.h"

int mount_child_open_source(const char *path)
{
    return fd_child_result(open(path, O_PATH | O_CLOEXEC));
}

/* ---- binds ---- */

static unsigned long long attr_of(unsigned long ms)
{
    return (ms & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0) | (ms & MS_NOSUID ? MOUNT_ATTR_NOSUID : 0) |
           (ms & MS_NODEV ? MOUNT_ATTR_NODEV : 0) | (ms & MS_NOEXEC ? MOUNT_ATTR_NOEXEC : 0);
}

/* Bind with attributes, on kernels from 5.12. */
static int bind_new(const char *source, int target, bool recursive, unsigned long ms,
                    unsigned long propagation)
{
    unsigned at = recursive ? AT_RECURSIVE : 0;
    struct mount_attr attr = {.attr_set = attr_of(ms), .propagation = propagation};
    int tree = fd_child_result(
        syscall(SYS_open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | at));
    int code;

    if (tree < 0)
        return tree;
    code = fd_child_result(
        syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | at, &attr, sizeof attr));
    if (code == 0)
        code = fd_child_result(syscall(SYS_move_mount, tree, "", target, "",
                                       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
    close(tree);
    return code;
}

static unsigned long locked_flags(const char *path)
{
    struct statfs st;
    unsigned long ms = 0;

    if (statfs(path, &st) < 0)
        return 0;
    ms |= st.f_flags & ST_RDONLY ? MS_RDONLY : 0;
    ms |= st.f_flags & ST_NOSUID ? MS_NOSUID : 0;
    ms |= st.f_flags & ST_NODEV ? MS_NODEV : 0;
    ms |= st.f_flags & ST_NOEXEC ? MS_NOEXEC : 0;
    ms |= st.f_flags & ST_NOATIME ? MS_NOATIME : 0;
    ms |= st.f_flags & ST_NODIRATIME ? MS_NODIRATIME : 0;
    ms |= st.f_flags & ST_RELATIME ? MS_RELATIME : 0;
    return ms;
}

/* Before 5.12: bind, find the new mount again below the root, remount it with the old flags too.
 * Mounts below it keep their own flags. */
static int bind_old(int root, const struct child_act *a, const char *source, int target,
                    unsigned long ms)
{
    unsigned long rec = a->flags & ACT_F_RECURSIVE ? MS_REC : 0;
    char path[FD_CHILD_PATH_MAX];
    int code =
            fd_child_result(mount(source, fd_child_path(target, path), NULL, MS_BIND | rec, NULL)),
        top;

    if (code < 0 || (!ms && !a->propagation))
        return code;
    top = walk_open(root, a->target, O_PATH, 0, WALK_IN_ROOT);
    if (top < 0)
        return top;
    fd_child_path(top, path);
    if (ms)
        code = fd_child_result(
            mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | ms | locked_flags(path), NULL));
    if (code == 0 && a->propagation)
        code = fd_child_result(mount(NULL, path, NULL, a->propagation | MS_REC, NULL));
    close(top);
    return code;
}

/* It is nobody's yet, and has its attributes. */
static int move_on(int source, int target)
{
    return fd_child_result(syscall(SYS_move_mount, source, "", target, "",
                                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

static int bind_on(int root, const struct child_act *a, const char *source, int target)
{
    unsigned long ms = a->mount_flags | (a->flags & ACT_F_READONLY ? MS_RDONLY : 0);
    char path[FD_CHILD_PATH_MAX];
    int code;

    if (!ms && !a->propagation)
        return fd_child_result(mount(source, fd_child_path(target, path), NULL,
                                     MS_BIND | (a->flags & ACT_F_RECURSIVE ? MS_REC : 0), NULL));
    code = bind_new(source, target, a->flags & ACT_F_RECURSIVE, ms, a->propagation);
    return code == -ENOSYS || code == -EINVAL ? bind_old(root, a, source, target, ms) : code;
}

/* ---- the acts ---- */

static bool has_parent(int root, const char *path)
{
    char parent[TARGET_CHILD_PATH_MAX];
    int fd = target_child_split(path, parent)
                 ? walk_open(root, parent, O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT)
                 : -1;

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int act_bind(int root, const struct child_act *a)
{
    char source[FD_CHILD_PATH_MAX];
    int target, code;

    if (a->source_fd < 0)
        return a->source_fd;
    if ((a->flags & ACT_F_IF_FOLDER) && !has_parent(root, a->target))
        return 0;
    target = target_child_open(root, a);
    if (target < 0)
        return target;
    code = a->flags & ACT_F_LOOSE ? move_on(a->source_fd, target)
                                  : bind_on(root, a, fd_child_path(a->source_fd, source), target);
    close(target);
    return code;
}

static int act_fs(int root, const struct child_act *a)
{
    char path[FD_CHILD_PATH_MAX];
    int target = target_child_open(root, a), code;

    if (target < 0)
        return target;
    code = fd_child_result(
        mount(a->type, fd_child_path(target, path), a->type, a->mount_flags, a->data));
    close(target);
    return code;
}

static int act_link(int root, const struct child_act *a)
{
    const char *last;
    int dir = target_child_parent(root, a->target, &last), code;

    if (dir < 0)
        return dir;
    code = fd_child_result(symlinkat(a->source, dir, last));
    close(dir);
    return code == -EEXIST ? 0 : code;
}

static int act_folder(int root, const struct child_act *a)
{
    int fd = target_child_folder(root, a->target, a->mode ? a->mode : 0755);

    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

static int act_mask(int root, int null_fd, const struct child_act *a)
{
    char path[FD_CHILD_PATH_MAX], null[FD_CHILD_PATH_MAX];
    int target = walk_open(root, a->target, O_PATH, 0, WALK_IN_ROOT), code;
    struct stat st;

    if (target < 0)
        return target == -ENOENT || target == -ENOTDIR || target == -EACCES ? 0 : target;
    fd_child_path(target, path);
    if (fstat(target, &st) < 0)
        code = -errno;
    else if (S_ISDIR(st.st_mode))
        code = fd_child_result(mount("tmpfs", path, "tmpfs",
                                     MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                                     "size=0k,nr_inodes=1"));
    else
        code = fd_child_result(mount(fd_child_path(null_fd, null), path, NULL, MS_BIND, NULL));
    close(target);
    return code;
}

static int act_readonly(int root, const struct child_act *a)
{
    char path[FD_CHILD_PATH_MAX];
    int target = walk_open(root, a->target, O_PATH, 0, WALK_IN_ROOT), code;
    struct child_act again = *a;

    if (target < 0)
        return target == -ENOENT || target == -ENOTDIR || target == -EACCES ? 0 : target;
    again.flags |= ACT_F_READONLY | ACT_F_RECURSIVE;
    code = bind_on(root, &again, fd_child_path(target, path), target);
    close(target);
    return code;
}

static int act_sysctl(int root, const struct child_act *a)
{
    int fd = walk_open(root, a->target, O_WRONLY, 0, WALK_NO_LINKS), code;
    size_t n = 0;

    if (fd < 0)
        return fd;
    while (a->source[n])
        n++;
    code = write(fd, a->source, n) < 0 ? -errno : 0;
    close(fd);
    return code;
}

int mount_child_act(int root, int null_fd, const struct child_act *a)
{
    int code = -EINVAL;

    switch (a->kind) {
    case ACT_BIND: code = act_bind(root, a); break;
    case ACT_FS: code = act_fs(root, a); break;
    case ACT_LINK: code = act_link(root, a); break;
    case ACT_FOLDER: code = act_folder(root, a); break;
    case ACT_MASK: code = act_mask(root, null_fd, a); break;
    case ACT_READONLY: code = act_readonly(root, a); break;
    case ACT_SYSCTL: code = act_sysctl(root, a); break;
    }
    return code < 0 && (a->flags & ACT_F_OPTIONAL) ? 0 : code;
}

int mount_child_pivot(int root, bool read_only)
{
    if (fchdir(root) < 0)
        return -errno;
    if (read_only &&
        mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | locked_flags("."), NULL) < 0)
        return -errno;
    /* Both on one folder: the old root is stacked below "." and falls away with the umount. */
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return -errno;
    return 0;
}
