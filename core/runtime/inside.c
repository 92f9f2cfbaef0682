/* Theory of operation. A running container's namespaces are joined (core/runtime/join.h). After the
 * setns the root of our own process is the root of the container's mount namespace, which the
 * container cannot change; everything below it it can, so whatever is opened there is opened in
 * steps that follow no link out (core/base/walk.h).
 *
 * Processes of the container must not get at us while we are in their user namespace: we are not in
 * their process namespace (but they may be in the host's), and we are not dumpable, so nobody who
 * has no capabilities outside may trace us or look into our /proc/PID/fd.
 *
 * A stopped container's folders are opened while we are still the caller, the rest is done as root
 * inside: what child.c does for a start, without /proc, /dev and a program. The upper folder is
 * never mounted "volatile": the kernel would refuse the next mount. */
#include "core/runtime/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/runtime/fuse.h"
#include "core/runtime/join.h"
#include "core/runtime/message.h"
#include "core/runtime/mount_child.h"
#include "core/runtime/root_child.h"

struct inside {
    const struct inside_job *job;
    inside_fn *fn;
    void *arg;

    struct join join; /* running */

    /* stopped */
    struct child_root root;
    struct child_act *binds;
    size_t bind_count;
    char *options;       /* of the overlay, for kernels that take no descriptors */
    const char **lowers; /* the upper folder above the layers, when read-only */
};

/* ---- running ---- */

/* A copy of the root's own mount, without what is mounted on it. */
static int bare_root(int *root, struct err *e)
{
    int fd =
        (int)syscall(SYS_open_tree, *root, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

    if (fd < 0 && errno == ENOSYS) /* before 5.2: who walks there looks at the device numbers */
        return 0;
    if (fd < 0)
        return err_sys(e, "cannot take the container's root apart from what is mounted on it");
    close(*root);
    *root = fd;
    return 0;
}

static int join(struct inside *in, struct err *e)
{
    int r;

    /* Before: nobody inside (--pid host) finds us traceable even for a moment. */
    (void)prctl(PR_SET_DUMPABLE, 0);
    r = join_enter(&in->join, CLONE_NEWUSER | CLONE_NEWNS);
    if (r < 0) {
        errno = -r;
        return r == -ESRCH ? err_set(e, ESRCH, "the container has ended")
                           : err_sys(e, "cannot join the container's namespaces");
    }
    (void)!setresgid(0, 0, 0); /* where nobody is user 0, the capabilities do */
    (void)!setresuid(0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0);        /* changing the user may have set it, */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* and clears this */
    return 0;
}

static int in_running(void *arg, struct err *e)
{
    struct inside *in = arg;
    autofd int root = -1;
    int r = join(in, e);

    if (r < 0)
        return r;
    (void)umask(0);
    root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_sys(e, "cannot open the container's root");
    r = in->job->root_only ? bare_root(&root, e) : 0;
    return r < 0 ? r : in->fn(root, in->arg, e);
}

/* ---- stopped ---- */

/* In the order of the container's own start; a source that is gone is left out. */
static void open_binds(struct inside *in)
{
    const struct inside_job *job = in->job;

    for (size_t i = 0; i < job->volume_count && !job->root_only; i++) {
        const struct volume_opt *v = &job->volumes[i];
        struct stat st;
        int fd = v->kind != VOLUME_OPT_TMPFS && v->source ? mount_child_open_source(v->source) : -1;

        if (fd < 0 || fstat(fd, &st) < 0)
            continue;
        in->binds[in->bind_count++] = (struct child_act){
            .kind = ACT_BIND,
            .flags = (S_ISDIR(st.st_mode) ? 0 : ACT_F_FILE) | ACT_F_RECURSIVE,
            .source = v->source,
            .target = v->destination,
            .mount_flags = v->flags & MS_RDONLY,
            .source_fd = fd,
        };
    }
}

static int open_folders(void *arg, struct err *e)
{
    struct inside *in = arg;
    int code = root_child_open(&in->root);

    if (code < 0) {
        errno = -code;
        return err_sys(e, "cannot open the container's root file system");
    }
    open_binds(in);
    return 0;
}

/* The server's process waits for the device, which arrives once it can be mounted. Its end is the
 * end of the mount. It has mounts of its own, where the new root does not cover the upper folder:
 * fuse-overlayfs looks the folders up again by name. */
static int start_server(const struct inside *in, int sock, pid_t *ret, struct err *e)
{
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);

    if (pid < 0)
        return err_sys(e, "cannot start fuse-overlayfs");
    if (pid == 0) {
        enum barrier b;
        int fuse, null = open("/dev/null", O_RDWR | O_CLOEXEC);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (message_receive(sock, &b, sizeof b, &fuse) <= 0 || fuse < 0)
            _exit(1);
        fuse_serve(in->job->rootfs, in->job->read_only, -1, fuse, null);
    }
    *ret = pid;
    return 0;
}

static int mount_root(const struct inside *in, int *ret_root, pid_t *ret_server, struct err *e)
{
    int pair[2] = {-1, -1}, r = 0, root;
    struct child_plan plan = {.root = in->root, .sync_fd = -1};

    if (in->root.kind == CHILD_ROOT_FUSE) {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
            return err_sys(e, "cannot make a socket pair");
        plan.sync_fd = pair[1];
        r = start_server(in, pair[0], ret_server, e);
        close(pair[0]);
    }
    if (r == 0) {
        root = root_child_mount(&plan);
        errno = -root;
        if (root < 0)
            r = err_sys(e, "cannot mount the root file system (%s)",
                        rootfs_driver_name(in->job->rootfs->driver));
        else
            *ret_root = root;
    }
    if (pair[1] >= 0)
        close(pair[1]);
    return r;
}

static int mount_binds(const struct inside *in, int root, struct err *e)
{
    for (size_t i = 0; i < in->bind_count; i++) {
        int code = mount_child_act(root, -1, &in->binds[i]);

        close(in->binds[i].source_fd);
        if (code == -EROFS && in->job->read_only) /* a place that no start has made yet */
            continue;
        errno = -code;
        if (code < 0)
            return err_sys(e, "cannot mount %s on %s", in->binds[i].source, in->binds[i].target);
    }
    return 0;
}

/* What was written reaches the server and its folders before anybody is told; then it goes. */
static void end_server(int root, pid_t server)
{
    autofd int whole = root < 0 ? -1 : openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status;

    if (server <= 0)
        return;
    if (whole >= 0)
        (void)syncfs(whole);
    (void)kill(server, SIGKILL);
    (void)proc_wait(server, &status, NULL);
}

static int in_stopped(void *arg, struct err *e)
{
    const struct inside *in = arg;
    autofd int root = -1;
    pid_t server = 0;
    int r;

    (void)umask(0);
    (void)prctl(PR_SET_DUMPABLE, 0);
    r = mount_root(in, &root, &server, e);
    if (r == 0)
        r = mount_binds(in, root, e);
    if (r == 0)
        r = in->fn(root, in->arg, e);
    end_server(root, server);
    return r;
}

static int overlay_options(struct inside *in, struct err *e)
{
    autotext struct text t = {0};

    text_add(&t, "userxattr,lowerdir=");
    for (size_t i = 0; i < in->root.lower_count; i++)
        text_addf(&t, "%s/proc/self/fd/%zu", i ? ":" : "", CHILD_FD_LOWER + i);
    if (in->root.upper)
        text_addf(&t, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d", CHILD_FD_UPPER,
                  CHILD_FD_WORK);
    in->options = text_take(&t);
    in->root.options = in->options;
    return in->options ? 0 : err_memory(e);
}

static int plan_overlay(struct inside *in, const struct rootfs *fs, struct err *e)
{
    size_t n = 0;

    in->lowers = calloc(fs->lower_count + 2, sizeof *in->lowers);
    if (!in->lowers)
        return err_memory(e);
    if (in->job->read_only)
        in->lowers[n++] = fs->upper;
    for (size_t i = 0; i < fs->lower_count; i++)
        in->lowers[n++] = fs->lowers[i];
    in->root.lowers = in->lowers;
    in->root.lower_count = n;
    if (!in->job->read_only) {
        in->root.upper = fs->upper;
        in->root.work = fs->work;
    }
    return overlay_options(in, e);
}

static int plan(struct inside *in, struct err *e)
{
    const struct rootfs *fs = in->job->rootfs;

    in->binds = calloc(in->job->volume_count + 1, sizeof *in->binds);
    if (!in->binds)
        return err_memory(e);
    in->root = (struct child_root){.at = fs->upper};
    switch (fs->driver) {
    case ROOTFS_OVERLAY: in->root.kind = CHILD_ROOT_OVERLAY; return plan_overlay(in, fs, e);
    case ROOTFS_FUSE: in->root.kind = CHILD_ROOT_FUSE; return 0;
    case ROOTFS_COPY:
    case ROOTFS_FOLDER: break;
    }
    in->root.kind = CHILD_ROOT_BIND;
    in->root.bind = in->root.at = fs->path;
    return 0;
}

int inside_start(const struct inside_job *job, inside_fn *fn, void *arg, struct userns_child *ret,
                 struct err *e)
{
    struct inside in = {.job = job, .fn = fn, .arg = arg};
    int r;

    if (job->init) {
        r = join_open(job->init, &in.join, e);
        if (r < 0)
            return r;
        r = userns_fork(in_running, &in, ret, e);
        join_close(&in.join);
        return r;
    }
    r = plan(&in, e);
    if (r == 0)
        r = userns_start_first(job->map, open_folders, in_stopped, &in, ret, e);
    free(in.binds);
    free(in.options);
    free(in.lowers);
    return r;
}

int inside_run(const struct inside_job *job, inside_fn *fn, void *arg, struct err *e)
{
    struct userns_child c;
    int r = inside_start(job, fn, arg, &c, e);

    return r < 0 ? r : userns_finish(&c, e);
}
