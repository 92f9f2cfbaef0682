#include "core/runtime/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/proc.h"
#include "core/base/userns.h"
#include "core/runtime/explain.h"
#include "core/runtime/fuse.h"
#include "core/runtime/identity.h"
#include "core/runtime/message.h"

/* ---- the child's requests ---- */

struct start {
    struct plan *p;
    const struct parent_hooks *hooks;
    struct parent_running run;
    int sock, inside[3]; /* our end; the child's ends of the pipes */
    int userns;          /* the child's user namespace where it is needed, else -1 */
    int root;            /* the container's root folder, O_PATH */
    bool identified;
    struct {
        enum barrier b;
        struct child_identity who;
    } go;
};

static int open_userns(pid_t pid, struct err *e)
{
    char name[48];
    int fd;

    snprintf(name, sizeof name, "/proc/%d/ns/user", (int)pid);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? err_sys(e, "cannot open the container's user namespace") : fd;
}

static int serve_fuse(struct start *s, int dev, struct err *e)
{
    autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t pid = fork();

    if (pid < 0)
        return err_sys(e, "cannot start fuse-overlayfs");
    if (pid == 0)
        fuse_serve(s->p->rootfs, false, s->userns, dev, getenv("RCTR_FUSE_DEBUG") ? 2 : null);
    s->run.fuse_pid = pid;
    return 0;
}

struct found {
    int r;
    struct err e;
    struct child_identity who;
};

/* A FUSE file system of the container's user namespace does not answer to us outside of it: look
 * from a child that has joined it. */
static int look_up_inside(struct start *s, int root_fd, struct err *e)
{
    struct found f = {0};
    int p[2];
    pid_t pid;

    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    pid = fork();
    if (pid == 0) {
        f.r = setns(s->userns, CLONE_NEWUSER) < 0
                  ? err_sys(&f.e, "cannot join the container's user namespace")
                  : identity_look_up(s->p->spec, root_fd, &f.who, &f.e);
        _exit(file_write_fd(p[1], &f, sizeof f, NULL) < 0);
    }
    close(p[1]);
    if (pid > 0)
        for (size_t n = 0; n < sizeof f;) {
            ssize_t got = read(p[0], (char *)&f + n, sizeof f - n);

            if (got == 0 || (got < 0 && errno != EINTR)) {
                f.r = err_set(&f.e, EIO, "cannot look up the user in the container");
                break;
            }
            n += got > 0 ? (size_t)got : 0;
        }
    close(p[0]);
    if (pid < 0 || proc_wait(pid, &(int){0}, NULL) < 0)
        return err_set(e, ECHILD, "cannot look up the user in the container");
    if (f.r < 0 && e)
        *e = f.e;
    s->go.who = f.who;
    return f.r;
}

static int identify(struct start *s, int root_fd, struct err *e)
{
    int r = s->p->child.root.kind == CHILD_ROOT_FUSE
                ? -EACCES
                : identity_look_up(s->p->spec, root_fd, &s->go.who, e);

    /* Also what only the container's root may read: folders of mode 0. */
    if (r == -EACCES) {
        if (s->userns < 0)
            s->userns = open_userns(s->run.pid, e);
        r = s->userns < 0 ? s->userns : look_up_inside(s, root_fd, e);
    }
    s->identified = r == 0;
    return r;
}

static int send_go(struct start *s, struct err *e)
{
    s->go.b = BARRIER_GO;
    /* A child that failed meanwhile has left its report: that is read next, and says more. */
    if (send(s->sock, &s->go, sizeof s->go, MSG_NOSIGNAL) < 0 && errno != EPIPE &&
        errno != ECONNRESET)
        return err_sys(e, "cannot go on with the container");
    return 0;
}

/* One message of the child. 1: go on reading; 0: the program runs. */
static int receive(struct start *s, struct err *e)
{
    struct {
        enum barrier b;
        struct child_report r;
    } m = {0};
    autofd int fd = -1;
    ssize_t n;
    int r = 0;

    /* ECONNRESET: the child left GO unread. What it said before still waits in the queue. */
    do
        n = message_receive(s->sock, &m, sizeof m, &fd);
    while (n < 0 && errno == ECONNRESET);
    if (n < 0)
        return err_sys(e, "cannot hear from the container's first process");
    if (n == 0)
        return 0;
    switch (m.b) {
    case BARRIER_FUSE: r = serve_fuse(s, fd, e); break;
    case BARRIER_TAP:
        r = s->hooks->network ? s->hooks->network(s->hooks->arg, take_fd(&fd), e) : 0;
        break;
    case BARRIER_ROOT_READY:
        s->root = take_fd(&fd);
        r = identify(s, s->root, e);
        if (r == 0 && s->hooks->ready)
            r = s->hooks->ready(s->hooks->arg, e);
        if (r == 0)
            r = send_go(s, e);
        break;
    case BARRIER_TTY: s->run.tty_fd = take_fd(&fd); break;
    case BARRIER_FAILED: r = explain_report(s->p, s->root, &m.r, e); break;
    case BARRIER_MAPPED:
    case BARRIER_ENTERED:
    case BARRIER_REFUSED:
    case BARRIER_GO: r = err_set(e, EPROTO, "the container's first process is out of step"); break;
    }
    return r < 0 ? r : 1;
}

/* ---- starting ---- */

static int give_stdio(struct start *s, struct err *e)
{
    s->p->child.foreign_stdio = true;
    for (int i = 0; i < 3; i++) {
        s->inside[i] = fcntl(s->hooks->stdio[i], F_DUPFD_CLOEXEC, 3);
        if (s->inside[i] < 0)
            return err_sys(e, "cannot hand over descriptor %d", i);
        s->p->child.stdio[i] = s->inside[i];
    }
    return 0;
}

static int open_pipes(struct start *s, struct err *e)
{
    if (s->hooks->stdio)
        return give_stdio(s, e);
    for (int i = 0; i < 3; i++) {
        int p[2];

        if (i == 0 && !s->p->spec->stdin_open)
            continue;
        if (pipe2(p, O_CLOEXEC) < 0)
            return err_sys(e, "cannot make a pipe");
        s->inside[i] = i == 0 ? p[0] : p[1];
        s->run.stdio[i] = i == 0 ? p[1] : p[0];
        s->p->child.stdio[i] = s->inside[i];
    }
    return 0;
}

static int clone_child(struct start *s, struct err *e)
{
    int pair[2];
    long pid;
    int r;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "cannot make a socket pair");
    s->sock = pair[0];
    s->p->child.sync_fd = pair[1];
    pid = syscall(SYS_clone, s->p->clone_flags | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        close(pair[0]);
        child_run(&s->p->child);
    }
    close(pair[1]);
    if (pid < 0)
        return userns_explain(errno, e);
    s->run.pid = (pid_t)pid;
    s->run.pidfd = proc_pidfd((pid_t)pid);
    /* Now: with --userns keep-id it becomes another user soon, whom we may not look at. */
    if (s->p->child.root.kind != CHILD_ROOT_FUSE)
        return 0;
    r = open_userns(s->run.pid, e);
    if (r >= 0)
        s->userns = r;
    return r < 0 ? r : 0;
}

static int map_users(struct start *s, struct err *e)
{
    static const enum barrier mapped = BARRIER_MAPPED;
    struct idmap_pending *pending = NULL;
    long long t = log_phase_begin();
    int r = idmap_apply_start(&s->p->spec->map, s->run.pid, &pending, e), w = 0;

    if (r < 0)
        return r;
    if (s->hooks->meanwhile)
        w = s->hooks->meanwhile(s->hooks->arg, s->run.pid, e);
    r = idmap_apply_finish(pending, w < 0 ? NULL : e);
    log_phase_end(t, "map users");
    if (w < 0 || r < 0)
        return w < 0 ? w : r;
    if (send(s->sock, &mapped, sizeof mapped, MSG_NOSIGNAL) < 0)
        return err_sys(e, "cannot start the container's first process");
    return 0;
}

static void undo(struct start *s)
{
    if (s->run.pid > 0) {
        (void)proc_signal(s->run.pidfd, s->run.pid, SIGKILL);
        (void)proc_wait(s->run.pid, &(int){0}, NULL);
    }
    if (s->run.fuse_pid > 0) {
        (void)kill(s->run.fuse_pid, SIGKILL);
        (void)proc_wait(s->run.fuse_pid, &(int){0}, NULL);
    }
    parent_close(&s->run);
}

int parent_start(struct plan *p, const struct parent_hooks *hooks, struct parent_running *ret,
                 struct err *e)
{
    struct start *s = calloc(1, sizeof *s); /* 8 KiB of groups */
    long long t = log_phase_begin();
    int r;

    if (!s)
        return err_memory(e);
    *s = (struct start){
        .p = p,
        .hooks = hooks,
        .sock = -1,
        .userns = -1,
        .inside = {-1, -1, -1},
        .root = -1,
        .run = {.pidfd = -1, .tty_fd = -1, .stdio = {-1, -1, -1}},
    };
    r = p->spec->tty ? 0 : open_pipes(s, e);
    if (r == 0)
        r = clone_child(s, e);
    for (int i = 0; i < 3; i++)
        if (s->inside[i] >= 0)
            close(s->inside[i]);
    log_phase_end(t, "clone");
    if (r == 0)
        r = map_users(s, e);
    t = log_phase_begin();
    if (r == 0)
        while ((r = receive(s, e)) > 0)
            continue;
    log_phase_end(t, "child: mounts to exec");
    if (s->sock >= 0)
        close(s->sock);
    if (s->userns >= 0)
        close(s->userns);
    if (s->root >= 0)
        close(s->root);
    if (r == 0 && !s->identified)
        r = err_set(e, ECHILD, "the container's first process ended before its program began");
    if (r < 0)
        undo(s);
    else
        *ret = s->run;
    free(s);
    return r;
}

void parent_close(struct parent_running *r)
{
    int *const fds[] = {&r->pidfd, &r->tty_fd, &r->stdio[0], &r->stdio[1], &r->stdio[2]};

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}
