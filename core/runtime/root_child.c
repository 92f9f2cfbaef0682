#include "core/runtime/root_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/runtime/fd_child.h"

static int fs_set(int fs, unsigned what, const char *key, const void *value, int aux)
{
    return fd_child_result(syscall(SYS_fsconfig, fs, what, key, value, aux));
}

/* Overlay with its layers given as descriptors (6.13+): no limit of a page of options, no paths
 * that are resolved again. Returns a detached mount or -errno. */
static int overlay_by_fds(const struct child_root *r)
{
    int fs = fd_child_result(syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC));
    int mnt;

    if (fs < 0)
        return fs;
    mnt = fs_set(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
    for (int i = 0; i < (int)r->lower_count && mnt >= 0; i++)
        mnt = fs_set(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, CHILD_FD_LOWER + i);
    if (mnt >= 0 && r->upper)
        mnt = fs_set(fs, FSCONFIG_SET_FD, "upperdir", NULL, CHILD_FD_UPPER);
    if (mnt >= 0 && r->upper)
        mnt = fs_set(fs, FSCONFIG_SET_FD, "workdir", NULL, CHILD_FD_WORK);
    if (mnt >= 0 && r->is_volatile)
        mnt = fs_set(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0);
    if (mnt >= 0)
        mnt = fs_set(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    if (mnt >= 0)
        mnt = fd_child_result(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV));
    close(fs);
    return mnt;
}

static int open_as(const char *path, int fd)
{
    int opened = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), code;

    if (opened < 0)
        return -errno;
    code = fd_child_result(dup3(opened, fd, O_CLOEXEC));
    close(opened);
    return code;
}

/* A tree of its own that can be mounted elsewhere; before 5.2 the folder itself. */
static int open_tree_as(const char *path, int fd)
{
    int opened = fd_child_result(
        syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    int code;

    if (opened == -ENOSYS)
        return open_as(path, fd);
    if (opened < 0)
        return opened;
    code = fd_child_result(dup3(opened, fd, O_CLOEXEC));
    close(opened);
    return code;
}

int root_child_open(const struct child_root *r)
{
    int code = open_as(r->at, CHILD_FD_UPPER);

    if (code >= 0 && r->kind == CHILD_ROOT_BIND)
        code = open_tree_as(r->bind, CHILD_FD_WORK);
    if (code < 0 || r->kind != CHILD_ROOT_OVERLAY)
        return code < 0 ? code : 0;
    code = r->upper ? open_as(r->work, CHILD_FD_WORK) : 0;
    for (int i = 0; i < (int)r->lower_count && code >= 0; i++)
        code = open_as(r->lowers[i], CHILD_FD_LOWER + i);
    return code < 0 ? code : 0;
}

/* Mount the tree `mnt` on r->at. It is a descriptor of the root then. */
static int place(int mnt)
{
    int code = fd_child_result(syscall(SYS_move_mount, mnt, "", CHILD_FD_UPPER, "",
                                       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));

    if (code == 0)
        return mnt;
    close(mnt);
    return code;
}

static int reopen(const struct child_root *r, int code)
{
    return code < 0 ? code : fd_child_result(open(r->at, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

static int mount_overlay(const struct child_root *r)
{
    char at[FD_CHILD_PATH_MAX];
    int mnt = overlay_by_fds(r);

    if (mnt >= 0)
        return place(mnt);
    /* An older kernel. */
    return reopen(r, fd_child_result(mount("overlay", fd_child_path(CHILD_FD_UPPER, at), "overlay",
                                           MS_NODEV, r->options)));
}

static int mount_bind(const struct child_root *r)
{
    int root = place(fd_child_result(fcntl(CHILD_FD_WORK, F_DUPFD_CLOEXEC, 3)));
    char at[FD_CHILD_PATH_MAX], from[FD_CHILD_PATH_MAX];

    if (root != -ENOSYS)
        return root;
    return reopen(
        r, fd_child_result(mount(fd_child_path(CHILD_FD_WORK, from),
                                 fd_child_path(CHILD_FD_UPPER, at), NULL, MS_BIND | MS_REC, NULL)));
}

/* The kernel side of a FUSE mount is made here, inside; the parent starts the server on the other
 * end of the device. Requests wait until it serves. */
static int mount_fuse(const struct child_plan *p)
{
    static const char head[] =
        "rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other,fd=";
    char options[sizeof head + FD_CHILD_PATH_MAX], path[FD_CHILD_PATH_MAX], at[FD_CHILD_PATH_MAX];
    int dev = open("/dev/fuse", O_RDWR | O_CLOEXEC), code;
    unsigned n = 0, i = 0;

    if (dev < 0)
        return -errno;
    for (; head[n]; n++)
        options[n] = head[n];
    for (fd_child_path(dev, path), i = sizeof "/proc/self/fd/" - 1; path[i]; i++)
        options[n++] = path[i];
    options[n] = 0;
    code = fd_child_result(
        mount("fuse-overlayfs", fd_child_path(CHILD_FD_UPPER, at), "fuse", MS_NODEV, options));
    if (code == 0)
        code = fd_child_send(p->sync_fd, BARRIER_FUSE, dev);
    close(dev);
    return code;
}

int root_child_mount(const struct child_plan *p)
{
    const struct child_root *r = &p->root;
    int root = -EINVAL;

    switch (r->kind) {
    case CHILD_ROOT_OVERLAY: root = mount_overlay(r); break;
    case CHILD_ROOT_FUSE: root = reopen(r, mount_fuse(p)); break;
    case CHILD_ROOT_BIND: root = mount_bind(r); break;
    }
    for (int fd = CHILD_FD_WORK; fd < CHILD_FD_LOWER + (int)r->lower_count; fd++)
        close(fd);
    return root;
}
