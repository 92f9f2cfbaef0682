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
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/walk.h"

enum { FD_PATH_MAX = 32, PATH_LEN_MAX = 4096, DANGLING_MAX = 8 };

/* "/proc/self/fd/N". */
static const char *fd_path(int fd, char buf[FD_PATH_MAX])
{
    static const char prefix[] = "/proc/self/fd/";
    char digits[12];
    unsigned n = 0, at = 0;

    for (; prefix[at]; at++)
        buf[at] = prefix[at];
    do
        digits[n++] = (char)('0' + fd % 10);
    while ((fd /= 10) > 0);
    while (n)
        buf[at++] = digits[--n];
    buf[at] = 0;
    return buf;
}

static int sys(long r)
{
    return r < 0 ? -errno : (int)r;
}

int mount_child_send_fd(int sock, enum barrier b, int fd)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = &b, .iov_len = sizeof b};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control.room};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    *(int *)(void *)CMSG_DATA(c) = fd;
    return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* ---- the root file system ---- */

static int fs_set(int fs, unsigned what, const char *key, const void *value, int aux)
{
    return sys(syscall(SYS_fsconfig, fs, what, key, value, aux));
}

/* Overlay with its layers given as descriptors (6.13+): no limit of a page of options, no paths
 * that are resolved again. Returns a detached mount or -errno. */
static int overlay_by_fds(const struct child_root *r)
{
    int fs = sys(syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC));
    int mnt;

    if (fs < 0)
        return fs;
    mnt = fs_set(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
    for (int i = 0; i < (int)r->lower_count && mnt >= 0; i++)
        mnt = fs_set(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, CHILD_FD_LOWER + i);
    if (mnt >= 0)
        mnt = fs_set(fs, FSCONFIG_SET_FD, "upperdir", NULL, CHILD_FD_UPPER);
    if (mnt >= 0)
        mnt = fs_set(fs, FSCONFIG_SET_FD, "workdir", NULL, CHILD_FD_WORK);
    if (mnt >= 0 && r->is_volatile)
        mnt = fs_set(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0);
    if (mnt >= 0)
        mnt = fs_set(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    if (mnt >= 0)
        mnt = sys(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV));
    close(fs);
    return mnt;
}

static int open_as(const char *path, int fd)
{
    int opened = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), code;

    if (opened < 0)
        return -errno;
    code = sys(dup3(opened, fd, O_CLOEXEC));
    close(opened);
    return code;
}

/* A tree of its own that can be mounted elsewhere; before 5.2 the folder itself. */
static int open_tree_as(const char *path, int fd)
{
    int opened = sys(
        syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    int code;

    if (opened == -ENOSYS)
        return open_as(path, fd);
    if (opened < 0)
        return opened;
    code = sys(dup3(opened, fd, O_CLOEXEC));
    close(opened);
    return code;
}

int mount_child_open_root(const struct child_root *r)
{
    int code = open_as(r->at, CHILD_FD_UPPER);

    if (code >= 0 && r->kind == CHILD_ROOT_BIND)
        code = open_tree_as(r->bind, CHILD_FD_WORK);
    if (code < 0 || r->kind != CHILD_ROOT_OVERLAY)
        return code < 0 ? code : 0;
    code = open_as(r->work, CHILD_FD_WORK);
    for (int i = 0; i < (int)r->lower_count && code >= 0; i++)
        code = open_as(r->lowers[i], CHILD_FD_LOWER + i);
    return code < 0 ? code : 0;
}

int mount_child_open_source(const char *path)
{
    return sys(open(path, O_PATH | O_CLOEXEC));
}

/* Mount the tree `mnt` on r->at. It is a descriptor of the root then. */
static int place(int mnt)
{
    int code = sys(syscall(SYS_move_mount, mnt, "", CHILD_FD_UPPER, "",
                           MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));

    if (code == 0)
        return mnt;
    close(mnt);
    return code;
}

static int reopen(const struct child_root *r, int code)
{
    return code < 0 ? code : sys(open(r->at, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

static int mount_overlay(const struct child_root *r)
{
    char at[FD_PATH_MAX];
    int mnt = overlay_by_fds(r);

    if (mnt >= 0)
        return place(mnt);
    /* An older kernel. */
    return reopen(
        r, sys(mount("overlay", fd_path(CHILD_FD_UPPER, at), "overlay", MS_NODEV, r->options)));
}

static int mount_bind(const struct child_root *r)
{
    int root = place(sys(fcntl(CHILD_FD_WORK, F_DUPFD_CLOEXEC, 3)));
    char at[FD_PATH_MAX], from[FD_PATH_MAX];

    if (root != -ENOSYS)
        return root;
    return reopen(r, sys(mount(fd_path(CHILD_FD_WORK, from), fd_path(CHILD_FD_UPPER, at), NULL,
                               MS_BIND | MS_REC, NULL)));
}

/* The kernel side of a FUSE mount is made here, inside; the parent starts the server on the other
 * end of the device. Requests wait until it serves. */
static int mount_fuse(const struct child_plan *p)
{
    static const char head[] =
        "rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other,fd=";
    char options[sizeof head + FD_PATH_MAX], path[FD_PATH_MAX], at[FD_PATH_MAX];
    int dev = open("/dev/fuse", O_RDWR | O_CLOEXEC), code;
    unsigned n = 0, i = 0;

    if (dev < 0)
        return -errno;
    for (; head[n]; n++)
        options[n] = head[n];
    for (fd_path(dev, path), i = sizeof "/proc/self/fd/" - 1; path[i]; i++)
        options[n++] = path[i];
    options[n] = 0;
    code = sys(mount("fuse-overlayfs", fd_path(CHILD_FD_UPPER, at), "fuse", MS_NODEV, options));
    if (code == 0)
        code = mount_child_send_fd(p->sync_fd, BARRIER_FUSE, dev);
    close(dev);
    return code;
}

int mount_child_root(const struct child_plan *p)
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

/* ---- targets ---- */

/* Split "/a/b/c" into "/a/b" (in parent) and "c"; returns the last part or NULL. */
static const char *split(const char *path, char parent[PATH_LEN_MAX])
{
    size_t n = 0, slash = 0;

    for (; path[n]; n++) {
        if (n + 1 == PATH_LEN_MAX)
            return NULL;
        parent[n] = path[n];
        if (path[n] == '/')
            slash = n;
    }
    parent[slash] = 0;
    return path + slash + 1;
}

static int make_missing(int root, const char *path, bool file, mode_t mode, int links);

/* dir/last leads nowhere yet, as /etc/resolv.conf does in images of a systemd system: make what it
 * names, below the root as always. `parent` is the path of dir. */
static int make_link_target(int root, int dir, const char *parent, const char *last, bool file,
                            mode_t mode, int links)
{
    char path[2 * PATH_LEN_MAX];
    size_t n = 0;
    ssize_t len;

    for (; parent[n]; n++)
        path[n] = parent[n];
    path[n++] = '/';
    len = readlinkat(dir, last, path + n, PATH_LEN_MAX - 1);
    if (len < 0) /* no link: somebody else made it meanwhile, which is as good */
        return errno == EINVAL ? 0 : -errno;
    path[n + (size_t)len] = 0;
    return make_missing(root, path[n] == '/' ? path + n : path, file, mode, links + 1);
}

/* Make the last part of `path`, whose parent is there. */
static int make_part(int root, const char *path, bool file, mode_t mode, int links)
{
    char parent[PATH_LEN_MAX];
    const char *last = split(path, parent);
    int dir, code;

    if (!last)
        return -ENAMETOOLONG;
    dir = walk_open(root, parent, O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT);
    if (dir < 0)
        return dir;
    if (file) {
        code = sys(openat(dir, last, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644));
        if (code >= 0)
            code = sys(close(code));
    } else {
        code = sys(mkdirat(dir, last, mode));
    }
    if (code == -EEXIST)
        code = make_link_target(root, dir, parent, last, file, mode, links);
    close(dir);
    return code;
}

/* Make what is missing of `path`, folders and the last part; each prefix is resolved anew, with
 * all links below the root. */
static int make_missing(int root, const char *path, bool file, mode_t mode, int links)
{
    char prefix[PATH_LEN_MAX];
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
            fd = make_part(root, prefix, file && !path[rest], mode, links);
        else if (fd >= 0)
            close(fd);
        if (fd < 0)
            return fd;
    }
    return 0;
}

/* Open the folder of `path` below root, making what is missing. */
static int open_folder(int root, const char *path, mode_t mode)
{
    int fd = walk_open(root, path, O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT);

    if (fd == -ENOENT)
        fd = make_missing(root, path, false, mode, 0);
    return fd == 0 ? walk_open(root, path, O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT) : fd;
}

/* The parent folder of `path`, and its last part. */
static int open_parent(int root, const char *path, const char **ret_last)
{
    char parent[PATH_LEN_MAX];

    *ret_last = split(path, parent);
    if (!*ret_last)
        return -ENAMETOOLONG;
    return open_folder(root, parent, 0755);
}

static int open_file_target(int root, const char *path)
{
    int fd = walk_open(root, path, O_PATH, 0, WALK_IN_ROOT);

    if (fd == -ENOENT)
        fd = make_missing(root, path, true, 0755, 0);
    return fd == 0 ? walk_open(root, path, O_PATH, 0, WALK_IN_ROOT) : fd;
}

/* A volume or a file of /etc whose place is a link of the image into /proc would cover what the
 * masks rely on. Options that say /proc themselves were checked by volume_opt. */
static bool leads_into_proc(int target, const struct child_act *a)
{
    static const char proc[] = "/proc";
    char path[FD_PATH_MAX];
    struct statfs st;
    size_t n = 0;

    while (proc[n] && a->target[n] == proc[n])
        n++;
    return proc[n] && statfs(fd_path(target, path), &st) == 0 && st.f_type == PROC_SUPER_MAGIC;
}

/* The descriptor to mount on. */
static int open_target(int root, const struct child_act *a)
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
    fd = a->flags & ACT_F_FILE ? open_file_target(root, a->target)
                               : open_folder(root, a->target, 0755);
    if (fd < 0 || !leads_into_proc(fd, a))
        return fd;
    close(fd);
    return -EXDEV;
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
    int tree =
        sys(syscall(SYS_open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | at));
    int code;

    if (tree < 0)
        return tree;
    code = sys(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | at, &attr, sizeof attr));
    if (code == 0)
        code = sys(syscall(SYS_move_mount, tree, "", target, "",
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
    char path[FD_PATH_MAX];
    int code = sys(mount(source, fd_path(target, path), NULL, MS_BIND | rec, NULL)), top;

    if (code < 0 || (!ms && !a->propagation))
        return code;
    top = walk_open(root, a->target, O_PATH, 0, WALK_IN_ROOT);
    if (top < 0)
        return top;
    fd_path(top, path);
    if (ms)
        code = sys(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | ms | locked_flags(path), NULL));
    if (code == 0 && a->propagation)
        code = sys(mount(NULL, path, NULL, a->propagation | MS_REC, NULL));
    close(top);
    return code;
}

static int bind_on(int root, const struct child_act *a, const char *source, int target)
{
    unsigned long ms = a->mount_flags | (a->flags & ACT_F_READONLY ? MS_RDONLY : 0);
    char path[FD_PATH_MAX];
    int code;

    if (!ms && !a->propagation)
        return sys(mount(source, fd_path(target, path), NULL,
                         MS_BIND | (a->flags & ACT_F_RECURSIVE ? MS_REC : 0), NULL));
    code = bind_new(source, target, a->flags & ACT_F_RECURSIVE, ms, a->propagation);
    return code == -ENOSYS || code == -EINVAL ? bind_old(root, a, source, target, ms) : code;
}

/* ---- the acts ---- */

static bool has_parent(int root, const char *path)
{
    char parent[PATH_LEN_MAX];
    int fd =
        split(path, parent) ? walk_open(root, parent, O_PATH | O_DIRECTORY, 0, WALK_IN_ROOT) : -1;

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int act_bind(int root, const struct child_act *a)
{
    char source[FD_PATH_MAX];
    int target, code;

    if (a->source_fd < 0)
        return a->source_fd;
    if ((a->flags & ACT_F_IF_FOLDER) && !has_parent(root, a->target))
        return 0;
    target = open_target(root, a);
    if (target < 0)
        return target;
    code = bind_on(root, a, fd_path(a->source_fd, source), target);
    close(target);
    return code;
}

static int act_fs(int root, const struct child_act *a)
{
    char path[FD_PATH_MAX];
    int target = open_target(root, a), code;

    if (target < 0)
        return target;
    code = sys(mount(a->type, fd_path(target, path), a->type, a->mount_flags, a->data));
    close(target);
    return code;
}

static int act_link(int root, const struct child_act *a)
{
    const char *last;
    int dir = open_parent(root, a->target, &last), code;

    if (dir < 0)
        return dir;
    code = sys(symlinkat(a->source, dir, last));
    close(dir);
    return code == -EEXIST ? 0 : code;
}

static int act_folder(int root, const struct child_act *a)
{
    int fd = open_folder(root, a->target, a->mode ? a->mode : 0755);

    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

static int act_mask(int root, int null_fd, const struct child_act *a)
{
    char path[FD_PATH_MAX], null[FD_PATH_MAX];
    int target = walk_open(root, a->target, O_PATH, 0, WALK_IN_ROOT), code;
    struct stat st;

    if (target < 0)
        return target == -ENOENT || target == -ENOTDIR || target == -EACCES ? 0 : target;
    fd_path(target, path);
    if (fstat(target, &st) < 0)
        code = -errno;
    else if (S_ISDIR(st.st_mode))
        code = sys(mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                         "size=0k,nr_inodes=1"));
    else
        code = sys(mount(fd_path(null_fd, null), path, NULL, MS_BIND, NULL));
    close(target);
    return code;
}

static int act_readonly(int root, const struct child_act *a)
{
    char path[FD_PATH_MAX];
    int target = walk_open(root, a->target, O_PATH, 0, WALK_IN_ROOT), code;
    struct child_act again = *a;

    if (target < 0)
        return target == -ENOENT || target == -ENOTDIR || target == -EACCES ? 0 : target;
    again.flags |= ACT_F_READONLY | ACT_F_RECURSIVE;
    code = bind_on(root, &again, fd_path(target, path), target);
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
