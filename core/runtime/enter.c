/* Theory of operation.
 *
 *   caller ── fork ──► joiner: control group, setns of all, who is the user? ── clone ──► program
 *      ▲                  └─ stays, waits for the program, ends with its status
 *      └── ENTERED pid, TTY fd, REFUSED err, FAILED report; end of file: it runs
 *
 * The joiner is never inside the container's process id namespace (setns takes that one for
 * children only), so nobody there sees it. It is a plain fork and may use everything, but has the
 * container's files before it: nothing of the C library that loads files (locales, NSS) is called.
 * It stays because a process id namespace cannot end before everybody in it has been waited for: a
 * caller that is stopped, or waits for its pager, would hold up the container's end.
 *
 * The program's process is inside, and so it lets nobody look at its memory (a copy of ours) or
 * descriptors: it was made undumpable before it came in, and that mark stays until it executes. */
#include "core/runtime/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/log.h"
#include "core/base/self.h"
#include "core/runtime/cgroup.h"
#include "core/runtime/enter_child.h"
#include "core/runtime/explain.h"
#include "core/runtime/family.h"
#include "core/runtime/identity.h"
#include "core/runtime/join.h"
#include "core/runtime/message.h"
#include "core/runtime/plan.h"
#include "core/runtime/program_child.h"

struct enter {
    const struct enter_job *job;
    struct plan *p;
    struct join join;
    int sock;
    struct enter_running run;
};

/* ---- the joiner ---- */

static _Noreturn void refuse(int sock, const struct err *e)
{
    struct {
        enum barrier b;
        struct err e;
    } m = {BARRIER_REFUSED, *e};

    (void)!send(sock, &m, sizeof m, MSG_NOSIGNAL); /* nobody there: nobody to tell */
    _exit(126);
}

static void move_socket(struct child_plan *c)
{
    int to = fcntl(c->sync_fd, F_DUPFD_CLOEXEC, 3 + (int)c->kept_fds);

    program_child_check(c, STEP_SYNC, 0, to);
    c->sync_fd = to;
}

/* The container's root, as far as it has one: its files are read with these ids. */
static void become_root(const struct child_plan *c)
{
    if (!c->has_root)
        return;
    if (c->set_groups)
        (void)syscall(SYS_setgroups, 0, NULL);
    program_child_check(c, STEP_SETID, 0, setresgid(0, 0, 0));
    program_child_check(c, STEP_SETID, 1, setresuid(0, 0, 0));
}

static void look_up(struct enter *n, struct child_identity *who)
{
    autofd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct err e;

    program_child_check(&n->p->child, STEP_PIVOT, 0, root);
    if (identity_look_up(n->p->spec, root, who, &e) < 0)
        refuse(n->p->child.sync_fd, &e);
}

static pid_t stays_for;

static void end_program(int signo)
{
    (void)signo;
    (void)kill(stays_for, SIGKILL);
}

/* The program dies with the caller by our hand, and is waited for by us: not every host has a
 * process 1 that does, and the container could not end before. */
static void follow_caller(const struct child_plan *c)
{
    struct sigaction end = {.sa_handler = end_program};

    (void)sigaction(SIGUSR2, &end, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGUSR2);
    if (program_child_is_orphan(c)) /* since before that */
        end_program(SIGUSR2);
}

/* Nothing is kept open meanwhile: pipes must end when the program or the caller closes them. */
static _Noreturn void stay(const struct child_plan *c, pid_t program)
{
    int status = 0;

    stays_for = program;
    if (c->die_with_parent)
        follow_caller(c);
    if (syscall(SYS_close_range, 0, ~0U, 0) < 0)
        for (int fd = 0; fd < 1 << 16; fd++)
            close(fd);
    while (waitpid(program, &status, 0) < 0 && errno == EINTR)
        continue;
    _exit(proc_status(status));
}

static _Noreturn void join_and_start(struct enter *n)
{
    static struct child_identity who; /* 8 KiB */
    struct child_plan *c = &n->p->child;
    struct {
        enum barrier b;
        pid_t pid;
    } m = {.b = BARRIER_ENTERED};
    struct err e;
    long pid;

    if (c->die_with_parent)
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    program_child_signals();
    self_title("rctr: exec"); /* of the program's process, too: ps inside shows it for a moment */
    (void)setsid();           /* keys pressed meanwhile are for the program */
    move_socket(c);
    if (cgroup_join(&n->job->spec->cgroup, n->job->cgroup, getpid(), &e) < 0)
        refuse(c->sync_fd, &e);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    program_child_check_code(c, STEP_JOIN, 0, join_enter(&n->join, ~0UL));
    join_close(&n->join);
    become_root(c);
    if (c->die_with_parent) /* changing ids has cleared the one and may have set the other */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    look_up(n, &who);
    pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    program_child_check(c, STEP_JOIN, 2, pid);
    if (pid == 0)
        enter_child_run(c, &who, n->job->detach);
    m.pid = (pid_t)pid;
    (void)!send(c->sync_fd, &m, sizeof m, MSG_NOSIGNAL);
    stay(c, (pid_t)pid);
}

/* ---- the caller ---- */

static int explain(struct enter *n, const struct child_report *report, struct err *e)
{
    int r;

    if (report->step == STEP_JOIN && report->index > 0 && report->code == EAGAIN)
        return err_set(e, EAGAIN,
                       "cannot start a process in the container: it has as many as it may have "
                       "(--pids-limit)");
    r = explain_report(n->p, n->join.root, report, e);

    if (e && report->step == STEP_CHDIR) /* as podman and docker say it */
        e->status = report->code == ENOENT || report->code == ENOTDIR ? 127 : 126;
    return r;
}

/* One message. 1: go on reading; 0: the end. */
static int receive(struct enter *n, struct err *e)
{
    struct {
        enum barrier b;
        union {
            struct child_report report;
            struct err e;
            pid_t pid;
        } u;
    } m = {0};
    autofd int fd = -1;
    ssize_t got = message_receive(n->sock, &m, sizeof m, &fd);

    if (got < 0) {
        err_sys(e, "cannot hear from the process in the container");
        return -EPROTO;
    }
    if (got == 0)
        return 0;
    if (m.b == BARRIER_ENTERED) {
        n->run.program = m.u.pid;
        return 1;
    }
    if (m.b == BARRIER_TTY) {
        if (n->run.tty_fd < 0)
            n->run.tty_fd = take_fd(&fd);
        return 1;
    }
    if (m.b == BARRIER_FAILED)
        return explain(n, &m.u.report, e);
    if (m.b != BARRIER_REFUSED)
        return err_set(e, EPROTO, "the process in the container is out of step");
    if (e)
        *e = m.u.e;
    return m.u.e.code > 0 ? -m.u.e.code : -EIO;
}

static int fork_joiner(struct enter *n, pid_t *ret_joiner, struct err *e)
{
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "cannot make a socket pair");
    n->p->child.sync_fd = pair[1];
    pid = fork();
    if (pid == 0) {
        close(pair[0]);
        join_and_start(n);
    }
    close(pair[1]);
    n->sock = pair[0];
    if (pid < 0)
        return err_sys(e, "cannot fork");
    *ret_joiner = pid;
    return 0;
}

/* A signal of the user's while the program is on its way. 1: one to be passed on later. */
static int take_signal(struct enter *n, sigset_t *later, struct err *e)
{
    struct signalfd_siginfo info;
    int r;

    if (read(n->job->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return 0;
    switch (info.ssi_signo) {
    case SIGHUP:
    case SIGINT:
    case SIGQUIT:
    case SIGTERM:
        r = err_set(e, EINTR, "interrupted before the program ran");
        if (e)
            e->status = 128 + (int)info.ssi_signo;
        return r;
    case SIGCHLD: return 0;
    default: sigaddset(later, (int)info.ssi_signo); return 1;
    }
}

/* Wait for a message. A hostile container can stop a process of ours there; the user can still end
 * the waiting. */
static int await(struct enter *n, sigset_t *later, struct err *e)
{
    struct pollfd p[2] = {{.fd = n->sock, .events = POLLIN},
                          {.fd = n->job->signals, .events = POLLIN}};

    for (int r = 0; r >= 0;) {
        if (poll(p, n->job->signals > 0 ? 2 : 1, -1) < 0 && errno != EINTR)
            return err_sys(e, "cannot wait for the process in the container");
        if (p[0].revents)
            return 0;
        r = p[1].revents ? take_signal(n, later, e) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* A failure may come before its process has been named: everything is read. */
static int hear(struct enter *n, pid_t joiner, struct err *e)
{
    sigset_t later;
    int r, first = 0;

    sigemptyset(&later);
    for (;;) {
        r = await(n, &later, first < 0 ? NULL : e);
        if (r == 0)
            r = receive(n, first < 0 ? NULL : e);
        if (r < 0 && first == 0)
            first = r;
        if (r == 0)
            break;
        if (r == -EINTR || r == -EPROTO) {
            (void)kill(joiner, SIGKILL);
            if (n->run.program > 0)
                (void)kill(n->run.program, SIGKILL);
            break;
        }
    }
    for (int signo = 1; signo < NSIG; signo++)
        if (sigismember(&later, signo) == 1)
            (void)kill(getpid(), signo); /* held, and read again by the caller */
    if (first == 0 && n->run.program <= 0)
        first = err_set(e, ECHILD, "the process ended before it was in the container");
    return first;
}

static int run(struct enter *n, struct err *e)
{
    pid_t joiner = 0;
    int r = fork_joiner(n, &joiner, e);

    if (r < 0)
        return r;
    r = hear(n, joiner, e);
    if (r < 0 || n->job->detach) { /* it has ended, or does at once */
        (void)proc_wait(joiner, &(int){0}, NULL);
        n->run.program = 0;
        return r;
    }
    n->run.pid = joiner;
    n->run.pidfd = proc_pidfd(joiner);
    n->run.program_pidfd = proc_pidfd(n->run.program);
    return 0;
}

static void tell_plan(struct enter *n)
{
    struct child_plan *c = &n->p->child;

    memcpy(c->stdio, n->job->stdio, sizeof c->stdio);
    c->kept_fds = n->job->kept_fds;
    c->die_with_parent = n->job->die_with_caller;
    c->init = n->job->supervise;
}

int enter_start(const struct enter_job *j, struct enter_running *ret, struct err *e)
{
    struct enter n = {
        .job = j, .sock = -1, .run = {.pidfd = -1, .program_pidfd = -1, .tty_fd = -1}};
    long long t = log_phase_begin();
    int r = join_open(j->init, &n.join, e);

    if (r < 0)
        return r;
    r = plan_make(j->spec, NULL, &n.p, e);
    if (r == 0) {
        tell_plan(&n);
        r = run(&n, e);
    }
    if (n.sock >= 0)
        close(n.sock);
    join_close(&n.join);
    plan_free(n.p);
    log_phase_end(t, "enter container");
    if (r < 0)
        enter_close(&n.run);
    else
        *ret = n.run;
    return r;
}

void enter_kill(const struct enter_running *r)
{
    family_kill(r->program, r->program_pidfd);
}

void enter_signal(const struct enter_running *r, int signo)
{
    (void)proc_signal(r->program_pidfd, r->program, signo);
}

void enter_close(struct enter_running *r)
{
    int *const fds[] = {&r->pidfd, &r->program_pidfd, &r->tty_fd};

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        if (*fds[i] >= 0)
            close(take_fd(fds[i]));
}
