/* Theory of operation.
 *
 * One poll loop. Its sources: the streams (relay), the end of the container's first process
 * (program), clients that knock (server), signals, timers, and libslirp as the guest. What happens
 * is turned into events; the table in life.c says what each means in the present state; below is a
 * function for each action.
 *
 * How others speak to a monitor: the record is the message, a signal the knock. SIGUSR1: look at
 * the record, a command has changed it; and make the socket, somebody wants to talk. SIGTERM: the
 * host goes down (or the user logs out): stop the container, and do not count that as the user's
 * wish. Streams go over the socket.
 *
 * How it ends: what is still in the pipes goes to the log, then the record is written (or the
 * container forgotten), and only then a client is told. What nobody waits for comes last: a removed
 * container's files, the tap, traces of commands that were killed.
 *
 * When it is killed: the container's first process dies with it (PR_SET_PDEATHSIG), unless the
 * program inside has switched that off, which only process 1 itself can do (so not with --init);
 * then the next command that looks at the container kills it (record_settle): the record named it
 * before the program's first instruction. Until the record says that it runs, the monitor likewise
 * dies with the command that started it. */
#include "core/monitor/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/log.h"
#include "core/base/proc.h"
#include "core/monitor/book.h"
#include "core/monitor/health.h"
#include "core/monitor/idle.h"
#include "core/monitor/life.h"
#include "core/monitor/logfile.h"
#include "core/monitor/program.h"
#include "core/monitor/relay.h"
#include "core/monitor/restart.h"
#include "core/monitor/server.h"
#include "core/monitor/watch.h"
#include "core/runtime/limits.h"
#include "storage/event.h"

enum { STOP_GRACE_S = 10 };
enum timer { TIMER_GRACE, TIMER_TIMEOUT, TIMER_RESTART, TIMER_COUNT };

struct monitor {
    const struct monitor_job *job;
    struct policy policy; /* as it is now; its texts are the job's */
    struct loop *loop;
    struct relay relay;
    struct program program;
    struct server server;
    struct book book;
    struct logfile *log;
    struct watch watch;
    struct health *health;
    enum life_state state;
    int signals, timers[TIMER_COUNT]; /* -1: not set */
    int status;                       /* of the last life; wire_exit has the same fields */
    bool timed_out;
    bool no_restart, again; /* whatever the policy says */
    long long pause_ms, began_ms;
    struct err why; /* it could not start, or not start again */
};

static void raise_event(struct monitor *m, enum life_event event);

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void tell(struct monitor *m, const char *action, const char *key, const char *value)
{
    event_container(m->job->store, m->job->record, action, key, value);
}

/* ---- timers ---- */

static void on_grace(void *arg)
{
    struct monitor *m = arg;

    m->timers[TIMER_GRACE] = -1;
    raise_event(m, LIFE_GRACE_OVER);
}

static void on_timeout(void *arg)
{
    struct monitor *m = arg;

    m->timers[TIMER_TIMEOUT] = -1;
    m->timed_out = true;
    raise_event(m, LIFE_TIMEOUT);
}

static void on_due(void *arg)
{
    struct monitor *m = arg;

    m->timers[TIMER_RESTART] = -1;
    raise_event(m, LIFE_DUE);
}

static void set_timer(struct monitor *m, enum timer which, long long after_ms)
{
    static void (*const fns[])(void *) = {on_grace, on_timeout, on_due};

    m->timers[which] = loop_timer(m->loop, after_ms, fns[which], m, NULL);
}

static void cancel_timers(struct monitor *m)
{
    for (int i = 0; i < TIMER_COUNT; i++) {
        if (m->timers[i] >= 0)
            loop_cancel(m->loop, m->timers[i]);
        m->timers[i] = -1;
    }
}

/* ---- what others want ---- */

/* What commands have written into the record. */
static void look(struct monitor *m)
{
    const struct record *r = m->job->record;
    struct policy now = m->policy;

    if (book_look(&m->book, NULL) < 0)
        return; /* gone or damaged: nothing to be learnt from it */
    if (policy_parse_restart(r->restart ? r->restart : "", &now, NULL) == 0)
        m->policy = now;
    m->no_restart = m->no_restart || r->stopped_by_user;
}

static void on_signal(void *arg, short revents)
{
    struct monitor *m = arg;
    struct signalfd_siginfo info;

    (void)revents;
    relay_touch(&m->relay);
    if (read(m->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_signo == SIGTERM) {
        m->no_restart = true;
        raise_event(m, LIFE_STOP);
        return;
    }
    look(m);
    server_offer(&m->server);
    if (m->job->record->stopped_by_user)
        raise_event(m, LIFE_TOLD_STOP);
    else if (m->job->record->state == RECORD_PAUSED)
        raise_event(m, LIFE_PAUSE);
    else if (m->job->record->state == RECORD_RUNNING)
        raise_event(m, LIFE_RESUME);
}

static void give_up(void *arg, bool stop, bool again)
{
    struct monitor *m = arg;

    m->no_restart = m->no_restart || stop;
    m->again = again;
    raise_event(m, stop ? LIFE_STOP : LIFE_KILL);
}

static void pass_signal(void *arg, int signo)
{
    struct monitor *m = arg;

    program_signal(&m->program, signo);
}

static void on_go(void *arg)
{
    raise_event(arg, LIFE_GO);
}

static void keep_output(void *arg, int stream, const void *bytes, size_t n)
{
    struct monitor *m = arg;

    logfile_write(m->log, stream, bytes, n);
}

__attribute__((hot)) static void on_idle(void *arg)
{
    struct monitor *m = arg;

    logfile_rest(m->log);
    idle_settle();
}

static void on_client(void *arg, int sock)
{
    struct monitor *m = arg;

    (void)relay_add(&m->relay, sock, false, NULL); /* one too many finds itself let go */
}

/* ---- beside a running program: health checks and the like (watch.h) ---- */

static void begin_watch(struct monitor *m, bool resumed)
{
    m->watch = (struct watch){.loop = m->loop,
                              .store = m->job->store,
                              .record = m->job->record,
                              .spec = m->job->spec,
                              .policy = &m->policy,
                              .init = m->program.run.pid,
                              .init_pidfd = m->program.run.pidfd,
                              .give_up = give_up,
                              .monitor = m};
    /* At worst nobody asks for its health; its owner sees that it stays "starting". */
    (void)health_begin(&m->watch, resumed, &m->health, NULL);
}

static void wake(struct monitor *m)
{
    begin_watch(m, true);
}

static void end_watch(struct monitor *m)
{
    health_end(m->health);
    m->health = NULL;
    m->watch = (struct watch){.init_pidfd = -1};
}

/* ---- the program's life ---- */

static bool wanted_again(struct monitor *m)
{
    /* A command that stops it writes so before it sends the first signal. */
    if (m->policy.restart != POLICY_RESTART_NO || m->again)
        look(m);
    if (m->no_restart)
        return false;
    return m->again || restart_wanted(&m->policy, m->status, m->job->record->restart_count);
}

static void leave_cgroup(struct monitor *m)
{
    book_leave_cgroup(&m->book);
    if (m->book.oom_killed)
        tell(m, "oom", NULL, NULL);
}

static void on_ended(void *arg)
{
    struct monitor *m = arg;
    char status[12];

    if (!program_has_ended(&m->program))
        return;
    end_watch(m);
    (void)program_reap(&m->program, &m->status);
    cancel_timers(m);
    relay_end(&m->relay);
    program_end(&m->program, m->job->record->rm);
    leave_cgroup(m);
    snprintf(status, sizeof status, "%d", m->status);
    tell(m, "die", "exitCode", status);
    raise_event(m, wanted_again(m) ? LIFE_EXITED_AGAIN : LIFE_EXITED_LAST);
}

static int on_cloned(void *arg, pid_t init, struct err *e)
{
    struct monitor *m = arg;
    int r = book_enter_cgroup(&m->book, &m->job->spec->cgroup, init, e);

    return r < 0 ? r : book_cloned(&m->book, init, e);
}

static void on_held_end(void *arg, short revents)
{
    struct monitor *m = arg;

    (void)revents;
    loop_stop(m->loop, -ECHILD);
}

/* The program waits for us, and we in a loop of its own for the word. */
static int on_ready(void *arg, struct err *e)
{
    struct monitor *m = arg;
    autofd int pidfd = -1;
    int handle, r;

    if (!m->job->hold || m->book.has_run)
        return 0;
    pidfd = proc_pidfd(m->program.run.pid);
    handle = pidfd < 0 ? err_set(e, ENOSYS, "rctr init needs a kernel with pidfds (5.3)")
                       : loop_add(m->loop, pidfd, POLLIN, on_held_end, m, e);
    r = handle < 0 ? handle : book_held(&m->book, e);
    if (r < 0)
        return r;
    raise_event(m, LIFE_READY);
    r = loop_run(m->loop, e);
    loop_remove(m->loop, handle);
    return r == -ECHILD ? err_set(e, ECHILD, "the container was stopped before its program began")
                        : r;
}

static int bring_up(struct monitor *m, struct err *e)
{
    struct parent_running *run = &m->program.run;
    int r = program_start(&m->program, e);

    if (r < 0) {
        book_leave_cgroup(&m->book);
        return r;
    }
    r = book_running(&m->book, e);
    if (r == 0) {
        r = relay_begin(&m->relay, run->stdio[0], run->stdio[1], run->stdio[2], run->tty_fd,
                        run->pid, e);
        run->stdio[0] = run->stdio[1] = run->stdio[2] = -1; /* the relay closes them */
    }
    if (r == 0)
        return 0;
    program_signal(&m->program, SIGKILL);
    (void)program_reap(&m->program, &(int){0});
    relay_end(&m->relay);
    program_end(&m->program, true);
    program_end_network(&m->program);
    book_leave_cgroup(&m->book);
    return r;
}

static void begin(struct monitor *m)
{
    bool again;

    m->began_ms = now_ms();
    m->timed_out = m->again = false;
    m->why = (struct err){0};
    if (bring_up(m, &m->why) == 0) {
        raise_event(m, LIFE_STARTED);
        return;
    }
    m->status = m->why.status ? m->why.status : 125;
    again = m->book.has_run && wanted_again(m);
    raise_event(m, again ? LIFE_FAILED_AGAIN : LIFE_FAILED_LAST);
}

/* ---- actions ---- */

static void hold(struct monitor *m)
{
    tell(m, "init", NULL, NULL);
    relay_hold(&m->relay, m->program.run.pid);
}

static void let_go_program(struct monitor *m)
{
    loop_stop(m->loop, 0);
}

static void serve(struct monitor *m)
{
    tell(m, m->job->record->restart_count ? "restart" : "start", NULL, NULL);
    if (m->policy.timeout_s)
        set_timer(m, TIMER_TIMEOUT, m->policy.timeout_s * 1000);
    begin_watch(m, false);
    relay_touch(&m->relay);
    /* The command may have found no process to send its signal to. */
    if (m->job->record->stopped_by_user)
        raise_event(m, LIFE_STOP);
}

static void slay(struct monitor *m)
{
    program_signal(&m->program, SIGKILL);
}

static void ask(struct monitor *m)
{
    const struct record *r = m->job->record;
    long long grace = r->stop_timeout_s < 0 ? STOP_GRACE_S : r->stop_timeout_s;
    int signo = SIGTERM;

    if (r->stop_signal)
        (void)limits_parse_signal(r->stop_signal, &signo, NULL);
    program_signal(&m->program, signo);
    set_timer(m, TIMER_GRACE, grace * 1000);
}

static void tell_clients(struct monitor *m, const struct err *why)
{
    struct wire_exit x = {.status = m->status, .timed_out = m->timed_out};

    if (why)
        x.why = *why;
    relay_tell_end(&m->relay, &x);
}

static void rest(struct monitor *m)
{
    (void)book_resting(&m->book, m->status, NULL); /* at worst it is said to run */
    tell_clients(m, NULL);
    relay_close(&m->relay);
    program_end_network(&m->program);
    set_timer(m, TIMER_RESTART, restart_pause(&m->pause_ms, now_ms() - m->began_ms));
    if (m->job->record->stopped_by_user)
        raise_event(m, LIFE_TOLD_STOP);
}

static void end(struct monitor *m)
{
    long long t = log_phase_begin();
    const struct err *why = m->why.text[0] ? &m->why : NULL;
    struct err failed = {0};
    char gone[NAME_MAX];

    cancel_timers(m);
    logfile_close(m->log);
    server_close(&m->server);
    (void)book_end(&m->book, m->status, why, gone, &failed);
    if (gone[0])
        tell(m, "remove", NULL, NULL);
    tell_clients(m, failed.text[0] ? &failed : NULL);
    log_phase_end(t, gone[0] ? "forget container" : "record the end");
    /* No command finds them any more; if we are killed, the cleaner of tmp/ does it. */
    t = log_phase_begin();
    if (gone[0])
        (void)store_bury(m->job->store, gone, NULL);
    log_phase_end(t, "remove the container's files");
    program_end_network(&m->program);
    relay_close(&m->relay); /* the clients go now */
    loop_stop(m->loop, 0);
}

static void fail(struct monitor *m)
{
    if (m->book.has_run) { /* it had been started again */
        end(m);
        return;
    }
    server_close(&m->server);
    logfile_close(m->log);
    book_failed(&m->book, &m->why);
    relay_tell(&m->relay, WIRE_FAILED, &m->why, sizeof m->why);
    relay_close(&m->relay);
    loop_stop(m->loop, 0);
}

static void (*const actions[LIFE_ACTION_COUNT])(struct monitor *m) = {
    [LIFE_HOLD] = hold,   [LIFE_LET_GO] = let_go_program,
    [LIFE_SERVE] = serve, [LIFE_ASK] = ask,
    [LIFE_SLAY] = slay,   [LIFE_HUSH] = end_watch,
    [LIFE_WAKE] = wake,   [LIFE_REST] = rest,
    [LIFE_BEGIN] = begin, [LIFE_END] = end,
    [LIFE_FAIL] = fail,
};

static void raise_event(struct monitor *m, enum life_event event)
{
    struct life_step step = life_step(m->state, event);
    long long t = log_phase_begin();

    log_phase_end(t, "life: %s, %s: %s", life_state_word(m->state), life_event_word(event),
                  life_action_word(step.action));
    m->state = step.next;
    if (actions[step.action])
        actions[step.action](m);
}

/* ---- the process ---- */

static int open_log(struct monitor *m, struct err *e)
{
    const struct policy *p = m->job->policy;
    struct record *rec = m->job->record;
    struct logfile_setup s = {.max_bytes = p->log_max_size,
                              .max_files = p->log_max_files,
                              .path = p->log_path,
                              .tag = p->log_tag,
                              .id = rec->id,
                              .name = rec->name,
                              .image = rec->image};
    int dir = -1, r = logfile_parse_driver(p->log_driver, &s.driver, e);

    if (r == 0)
        r = record_folder(m->job->store, rec, &dir, e);
    return r == 0 ? logfile_open(&s, dir, &m->log, e) : r;
}

/* Before the record names us: a SIGUSR1 would end us else. SIGCHLD: before the clone, or that of a
 * program that ends at once would be lost. */
static int catch_signals(struct monitor *m, struct err *e)
{
    sigset_t set;
    int handle;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGHUP, SIG_IGN); /* a logout; SIGTERM is what ends us */
    m->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (m->signals < 0)
        return err_sys(e, "cannot catch signals");
    handle = loop_add(m->loop, m->signals, POLLIN, on_signal, m, e);
    return handle < 0 ? handle : 0;
}

static int set_up(struct monitor *m, int client, struct err *e)
{
    int r = loop_new(&m->loop, e);

    if (r < 0)
        return r;
    m->relay.loop = m->program.loop = m->server.loop = m->loop;
    r = relay_open(&m->relay, e);
    if (r == 0)
        r = relay_add(&m->relay, client, true, e);
    if (r == 0)
        r = catch_signals(m, e);
    if (r == 0)
        r = open_log(m, e);
    return r;
}

void monitor_run(const struct monitor_job *job, int client)
{
    static const int callers[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    struct monitor *m;
    struct err e = {0};

    idle_begin();
    m = calloc(1, sizeof *m);
    if (!m)
        return;
    m->job = job;
    m->policy = *job->policy;
    for (int i = 0; i < TIMER_COUNT; i++)
        m->timers[i] = -1;
    m->relay.log = keep_output;
    m->relay.signal = pass_signal;
    m->relay.go = on_go;
    m->relay.idle = on_idle;
    m->program.spec = job->spec;
    m->program.rootfs = job->rootfs;
    m->program.stdio = logfile_passes_through(job->policy->log_driver) ? callers : NULL;
    m->program.cloned = on_cloned;
    m->program.ready = on_ready;
    m->program.ended = on_ended;
    m->server.store = job->store;
    m->server.record = job->record;
    m->server.on_client = on_client;
    m->relay.arg = m->program.arg = m->server.arg = m;
    program_init(&m->program);
    server_init(&m->server);
    book_open(&m->book, job->store, job->record);
    if (set_up(m, client, &m->why) < 0) {
        raise_event(m, LIFE_FAILED_LAST);
        return;
    }
    begin(m);
    if (m->state != LIFE_OVER && loop_run(m->loop, &e) < 0) {
        /* The loop itself failed: nobody can be served any more. */
        m->no_restart = true;
        m->why = e;
        slay(m);
        (void)program_reap(&m->program, &m->status);
        leave_cgroup(m);
        end(m);
    }
    idle_sweep(job->store);
}
