#include "core/build/held_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/path.h"
#include "core/base/proc.h"
#include "core/base/walk.h"
#include "core/runtime/inside.h"
#include "core/runtime/message.h"

enum { PAIRS_MAX = 32, PIECE = 16384 };

/* In the child. */
struct holding {
    int sock, other; /* ours, and the parent's */
    const struct idmap *map;

    const char *path;
    bool writable;

    const char *at;
    const struct held_mount_owner *owner;
    const void *bytes;
    size_t n;
    const char *to;
};

/* ---- handing over ---- */

static int send_fd(int sock, int fd, struct err *e)
{
    char byte = 0;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? err_sys(e, "cannot hand a mount over") : 0;
}

/* A mount of its own of what `fd` stands for. */
static int loosen(int fd, bool writable, int *ret, struct err *e)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_NODEV | (writable ? 0 : MOUNT_ATTR_RDONLY)};
    int tree = (int)syscall(SYS_open_tree, fd, "",
                            OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);

    if (tree < 0 && errno == ENOSYS)
        return err_set(e, ENOTSUP, "this kernel cannot hand a mount over (Linux 5.2 can)");
    if (tree < 0)
        return err_sys(e, "cannot take a mount apart");
    /* Before 5.12 it cannot be said; then only what the step itself gets could be written. */
    if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) <
            0 &&
        errno != ENOSYS) {
        err_sys(e, "cannot make a mount read-only");
        close(tree);
        return -EPERM;
    }
    *ret = tree;
    return 0;
}

static int hand_over(const struct holding *h, int fd, bool writable, struct err *e)
{
    autofd int tree = -1;
    int r = loosen(fd, writable, &tree, e);

    return r < 0 ? r : send_fd(h->sock, tree, e);
}

/* Until the parent lets go. */
static void hold(const struct holding *h)
{
    char byte;

    while (read(h->sock, &byte, 1) < 0 && errno == EINTR)
        ;
}

/* ---- a root file system ---- */

static int in_rootfs(int root_fd, void *arg, struct err *e)
{
    const struct holding *h = arg;
    autofd int fd = -1;
    int r;

    close(h->other);
    if (h->path) {
        r = path_open(root_fd, h->path, O_PATH, 0, &fd, e);
        if (r == -ENOENT || r == -ENOTDIR)
            return err_set(e, ENOENT, "'%s' is not there", h->path);
        if (r < 0)
            return r;
        r = hand_over(h, fd, h->writable, e);
    } else {
        r = send_fd(h->sock, root_fd, e);
    }
    if (r == 0)
        hold(h);
    return r;
}

/* ---- a file and a socket in memory ---- */

static int open_memory(const struct holding *h, int *ret, struct err *e)
{
    close(h->other);
    (void)umask(077);
    if (mount("tmpfs", h->at, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700,size=4m") < 0)
        return err_sys(e, "cannot mount a tmpfs");
    *ret = open(h->at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret < 0 ? err_sys(e, "cannot open a tmpfs") : 0;
}

static int give_to(const struct holding *h, int dir, const char *name, struct err *e)
{
    const struct held_mount_owner *o = h->owner;

    if (fchownat(dir, name, o->uid, o->gid, AT_SYMLINK_NOFOLLOW) < 0 && !h->map->single)
        return err_sys(e, "cannot give it to %u:%u", o->uid, o->gid);
    return fchmodat(dir, name, o->mode, 0) < 0 ? err_sys(e, "cannot set its mode") : 0;
}

static int hand_over_name(const struct holding *h, int dir, const char *name, bool writable,
                          struct err *e)
{
    autofd int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? err_sys(e, "cannot open it") : hand_over(h, fd, writable, e);
}

static int in_memory_file(void *arg, struct err *e)
{
    const struct holding *h = arg;
    autofd int dir = -1, fd = -1;
    int r = open_memory(h, &dir, e);

    if (r < 0)
        return r;
    fd = openat(dir, "file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "cannot make a file in memory");
    r = file_write_fd(fd, h->bytes, h->n, e);
    if (r == 0)
        r = give_to(h, dir, "file", e);
    return r < 0 ? r : hand_over_name(h, dir, "file", false, e);
}

struct pairs {
    int fds[PAIRS_MAX][2]; /* of the step, of the agent */
    size_t n;
};

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static void take_connection(struct pairs *p, int listener, const char *to)
{
    int one = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    int other = one >= 0 && p->n < PAIRS_MAX ? connect_to(to) : -1;

    if (other >= 0) {
        p->fds[p->n][0] = one;
        p->fds[p->n++][1] = other;
    } else if (one >= 0) {
        close(one);
    }
}

static bool pass_on(int from, int to)
{
    char piece[PIECE];
    ssize_t n = read(from, piece, sizeof piece);

    if (n < 0 && errno == EINTR)
        return true;
    return n > 0 && file_write_fd(to, piece, (size_t)n, NULL) == 0;
}

static void serve_pairs(struct pairs *p, const struct pollfd *polled)
{
    for (size_t i = p->n; i-- > 0;) {
        bool lives = true;

        for (int side = 0; side < 2 && lives; side++)
            if (polled[2 * i + (size_t)side].revents)
                lives = pass_on(p->fds[i][side], p->fds[i][1 - side]);
        if (lives)
            continue;
        close(p->fds[i][0]);
        close(p->fds[i][1]);
        p->n--;
        memmove(p->fds[i], p->fds[p->n], sizeof p->fds[i]);
    }
}

/* Until the parent lets go. */
static void serve(const struct holding *h, int listener)
{
    struct pairs p = {0};
    struct pollfd polled[2 + 2 * PAIRS_MAX];

    (void)signal(SIGPIPE, SIG_IGN);
    for (;;) {
        size_t n = p.n;

        polled[0] = (struct pollfd){.fd = h->sock, .events = POLLIN};
        polled[1] = (struct pollfd){.fd = listener, .events = POLLIN};
        for (size_t i = 0; i < 2 * n; i++)
            polled[2 + i] = (struct pollfd){.fd = p.fds[i / 2][i % 2], .events = POLLIN};
        if (poll(polled, 2 + 2 * n, -1) < 0 && errno != EINTR)
            return;
        if (polled[0].revents)
            return;
        serve_pairs(&p, polled + 2);
        if (polled[1].revents)
            take_connection(&p, listener, h->to);
    }
}

static int in_memory_socket(void *arg, struct err *e)
{
    const struct holding *h = arg;
    struct sockaddr_un here = {.sun_family = AF_UNIX, .sun_path = "agent"};
    autofd int dir = -1, listener = -1;
    int r = open_memory(h, &dir, e);

    if (r < 0)
        return r;
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || fchdir(dir) < 0 ||
        bind(listener, (struct sockaddr *)&here, sizeof here) < 0 || listen(listener, 8) < 0)
        return err_sys(e, "cannot make a socket in memory");
    r = give_to(h, dir, "agent", e);
    if (r == 0)
        r = hand_over_name(h, dir, "agent", true, e);
    (void)!chdir("/");
    if (r == 0)
        serve(h, listener);
    return r;
}

/* ---- the parent's side ---- */

typedef int begin_fn(struct holding *h, const void *how, struct userns_child *ret, struct err *e);

static int begin_inside(struct holding *h, const void *how, struct userns_child *ret, struct err *e)
{
    return inside_start(how, in_rootfs, h, ret, e);
}

static int begin_file(struct holding *h, const void *how, struct userns_child *ret, struct err *e)
{
    (void)how;
    return userns_start(h->map, in_memory_file, h, ret, e);
}

static int begin_socket(struct holding *h, const void *how, struct userns_child *ret, struct err *e)
{
    (void)how;
    return userns_start(h->map, in_memory_socket, h, ret, e);
}

static int start(struct holding *h, begin_fn *begin, const void *how, struct held_mount *ret,
                 struct err *e)
{
    struct held_mount m = HELD_MOUNT_NONE;
    int ends[2], r;
    char byte;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return err_sys(e, "cannot make a socket");
    h->sock = ends[1];
    h->other = ends[0];
    r = begin(h, how, &m.child, e);
    close(ends[1]);
    m.hold_fd = ends[0];
    if (r < 0) {
        close(ends[0]);
        return r;
    }
    if (message_receive(ends[0], &byte, 1, &m.fd) == 1 && m.fd >= 0) {
        *ret = m;
        return 0;
    }
    r = userns_finish(&m.child, e);
    close(ends[0]);
    return r < 0 ? r : err_set(e, EPIPE, "the process that mounts has ended");
}

int held_mount_rootfs(const struct rootfs *fs, const struct idmap *map, const char *path,
                      bool writable, struct held_mount *ret, struct err *e)
{
    const struct inside_job job = {
        .rootfs = fs, .map = map, .read_only = !writable, .root_only = true};
    struct holding h = {.map = map, .path = path, .writable = writable};

    return start(&h, begin_inside, &job, ret, e);
}

int held_mount_file(const struct idmap *map, const char *at, const struct held_mount_owner *owner,
                    const void *bytes, size_t n, struct held_mount *ret, struct err *e)
{
    struct holding h = {.map = map, .at = at, .owner = owner, .bytes = bytes, .n = n};
    struct held_mount m;
    int r = start(&h, begin_file, NULL, &m, e);

    if (r < 0)
        return r;
    close(take_fd(&m.hold_fd));
    r = userns_finish(&m.child, e); /* the mount lasts without it */
    m.child.pid = 0;
    if (r < 0)
        held_mount_close(&m);
    else
        *ret = m;
    return r;
}

int held_mount_socket(const struct idmap *map, const char *at, const struct held_mount_owner *owner,
                      const char *to, struct held_mount *ret, struct err *e)
{
    struct holding h = {.map = map, .at = at, .owner = owner, .to = to};

    if (strlen(to) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return err_set(e, ENAMETOOLONG, "the path of the socket '%.60s…' is too long", to);
    return start(&h, begin_socket, NULL, ret, e);
}

/* Killed, not asked: another child of ours may hold a copy of our end, and then it would wait. */
void held_mount_close(struct held_mount *m)
{
    if (m->fd >= 0)
        close(take_fd(&m->fd));
    if (m->hold_fd >= 0)
        close(take_fd(&m->hold_fd));
    if (m->child.pid > 0) {
        (void)kill(m->child.pid, SIGKILL);
        (void)userns_finish(&m->child, NULL);
        m->child.pid = 0;
    }
}
