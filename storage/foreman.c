#include "storage/foreman.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/cage.h"
#include "core/base/userns.h"

enum { FDS = 3, WORKERS_MAX = 64 };

struct foreman {
    int sock;
    struct unpack_rules rules;
    struct userns_child child;
    int inside; /* the child's end, while it is being started */
};

/* ---- in the child ---- */

struct crew {
    int sock, signals;
    struct {
        pid_t pid;
        int answer_fd;
    } worker[WORKERS_MAX];
    size_t n;
};

static int receive(int sock, struct worker_job *job, int fds[FDS])
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(FDS * sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = job, .iov_len = sizeof *job};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control.room};
    struct cmsghdr *c;
    ssize_t n;

    do
        n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    c = CMSG_FIRSTHDR(&m);
    if (n != (ssize_t)sizeof *job || !c || c->cmsg_len != CMSG_LEN(FDS * sizeof(int)))
        return 0; /* the other side is gone */
    memcpy(fds, CMSG_DATA(c), FDS * sizeof(int));
    return 1;
}

static void answer_failure(int fd, int r, const struct err *e)
{
    struct worker_answer a = {.r = r, .e = *e};

    if (write(fd, &a, sizeof a) < 0) {
        /* Nobody waits any more. */
    }
}

/* A worker has ended; when it died before it could answer, say what happened. */
static void bury(struct crew *c, pid_t pid, int status)
{
    struct err e = {0};
    int r = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (c->worker[i].pid != pid)
            continue;
        if (WIFSIGNALED(status))
            /* EPIPE, as when this process is gone too: fetch leaves for the next pull what it has
             */
            r = err_set(&e, WTERMSIG(status) == SIGKILL ? EPIPE : EIO,
                        "the unpacking process was killed by signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
        else if (WEXITSTATUS(status) > 1 && WEXITSTATUS(status) != CAGE_STATUS)
            r = err_set(&e, EIO, "the unpacking process ended with status %d", WEXITSTATUS(status));
        if (r < 0)
            answer_failure(c->worker[i].answer_fd, r, &e);
        close(c->worker[i].answer_fd);
        c->worker[i] = c->worker[--c->n];
        return;
    }
}

static void bury_all(struct crew *c, bool wait)
{
    int status;
    pid_t pid;

    while (c->n && (pid = waitpid(-1, &status, wait ? 0 : WNOHANG)) != 0)
        if (pid > 0)
            bury(c, pid, status);
        else if (errno != EINTR)
            break;
}

static void hire(struct crew *c, const struct worker_job *job, const int fds[FDS])
{
    struct err e = {0};
    pid_t pid = -1, self = getpid();
    int r;

    if (c->n == WORKERS_MAX) {
        r = err_set(&e, EBUSY, "more than %d layers at once", WORKERS_MAX);
    } else {
        pid = fork();
        r = pid < 0 ? err_sys(&e, "cannot start the unpacking process") : 0;
    }
    if (pid == 0) {
        sigset_t none;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != self)
            _exit(1);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        worker_run(job, fds[0], fds[1], fds[2]);
    }
    close(fds[0]);
    close(fds[1]);
    if (r < 0) {
        answer_failure(fds[2], r, &e);
        close(fds[2]);
        return;
    }
    c->worker[c->n].pid = pid;
    c->worker[c->n++].answer_fd = fds[2];
}

/* What the child does: jobs come over the socket until it is closed. */
static int run(void *arg, struct err *e)
{
    const struct foreman *f = arg;
    struct crew c = {.sock = f->inside};
    struct pollfd p[2];
    sigset_t chld;
    bool open = true;
    int r;

    close(f->sock); /* so that the end of the starter's copy is the end */
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    c.signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
    if (c.signals < 0)
        return err_sys(e, "cannot watch for the end of workers");
    r = worker_ready(e);
    if (r < 0)
        return r;
    p[0] = (struct pollfd){.fd = c.sock, .events = POLLIN};
    p[1] = (struct pollfd){.fd = c.signals, .events = POLLIN};
    while (open) {
        struct worker_job job;
        struct signalfd_siginfo info;
        int fds[FDS];

        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return err_sys(e, "cannot wait for jobs");
        while (read(c.signals, &info, sizeof info) > 0)
            ;
        bury_all(&c, false);
        if (!p[0].revents)
            continue;
        open = receive(c.sock, &job, fds);
        if (open)
            hire(&c, &job, fds);
    }
    bury_all(&c, true);
    return 0;
}

/* ---- in the starter ---- */

int foreman_start(const struct idmap *map, struct foreman **ret, struct err *e)
{
    struct foreman *f = calloc(1, sizeof *f);
    int pair[2], r;

    if (!f)
        return err_memory(e);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        free(f);
        return err_sys(e, "cannot make a socket pair");
    }
    f->sock = pair[0];
    f->inside = pair[1];
    f->rules = (struct unpack_rules){
        .uids = idmap_span(&map->uid), .gids = idmap_span(&map->gid), .single = map->single};
    r = userns_start(map, run, f, &f->child, e);
    close(pair[1]);
    if (r < 0) {
        close(pair[0]);
        free(f);
        return err_wrap(e, r, "cannot start the unpacking process");
    }
    *ret = f;
    return 0;
}

void foreman_stop(struct foreman *f)
{
    if (!f)
        return;
    close(f->sock);
    (void)userns_finish(&f->child, NULL); /* its failures were told in the answers */
    free(f);
}

struct unpack_rules foreman_rules(const struct foreman *f)
{
    return f->rules;
}

int foreman_work(struct foreman *f, const struct worker_job *job, int in_fd, int tree_fd,
                 int *ret_answer_fd, struct err *e)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(FDS * sizeof(int))];
    } control = {0};
    struct worker_job copy = *job;
    struct iovec iov = {.iov_base = &copy, .iov_len = sizeof copy};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control.room};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    int answer[2];

    if (pipe2(answer, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(FDS * sizeof(int));
    memcpy(CMSG_DATA(c), (int[FDS]){in_fd, tree_fd, answer[1]}, FDS * sizeof(int));
    if (sendmsg(f->sock, &m, MSG_NOSIGNAL) < 0) {
        int r = err_sys(e, "the unpacking process is gone");

        close(answer[0]);
        close(answer[1]);
        return r;
    }
    close(answer[1]);
    *ret_answer_fd = answer[0];
    return 0;
}
