/* The questions are asked by a child process: libsystemd and a connection would stay in the monitor
 * of every container with limits otherwise, which lives as long as the container. */
#include "core/runtime/cgroup_scope.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/text.h"

/* "/run/user/1000/bus"; new. */
static char *socket_path(const char *name)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (geteuid() == 0)
        return strdup("/run/dbus/system_bus_socket");
    return runtime && *runtime ? text_format("%s/%s", runtime, name)
                               : text_format("/run/user/%u/%s", (unsigned)geteuid(), name);
}

/* The session's bus, else the manager's own socket, which is there without dbus-user-session. */
static char *find_socket(bool *ret_private)
{
    static const char *const names[] = {"bus", "systemd/private"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char *path = socket_path(names[i]);

        *ret_private = i == 1 && geteuid() != 0;
        if (path && access(path, W_OK) == 0)
            return path;
        free(path);
    }
    return NULL;
}

bool cgroup_scope_possible(void)
{
    bool is_private;
    autofree char *path = find_socket(&is_private);

#ifdef HAVE_SD_BUS
    return path && access("/run/systemd/system", F_OK) == 0;
#else
    return false;
#endif
}

#ifdef HAVE_SD_BUS
#    include <fcntl.h>
#    include <signal.h>
#    include <sys/prctl.h>
#    include <systemd/sd-bus.h>

#    include "core/base/dl.h"
#    include "core/base/file.h"
#    include "core/base/proc.h"

enum { TIMEOUT_US = 10 * 1000 * 1000 };

#    define MANAGER \
        "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"

static struct {
    __typeof__(sd_bus_new) *new;
    __typeof__(sd_bus_set_address) *set_address;
    __typeof__(sd_bus_set_bus_client) *set_bus_client;
    __typeof__(sd_bus_start) *start;
    __typeof__(sd_bus_match_signal) *match_signal;
    __typeof__(sd_bus_message_new_method_call) *message_new_method_call;
    __typeof__(sd_bus_message_append) *message_append;
    __typeof__(sd_bus_message_open_container) *message_open_container;
    __typeof__(sd_bus_message_close_container) *message_close_container;
    __typeof__(sd_bus_message_read) *message_read;
    __typeof__(sd_bus_call) *call;
    __typeof__(sd_bus_process) *process;
    __typeof__(sd_bus_wait) *wait;
} bus;

#    define BUS(function) \
        { \
            "sd_bus_" #function, &bus.function \
        }

static int load(struct err *e)
{
    static const struct dl_symbol symbols[] = {
        BUS(new),
        BUS(set_address),
        BUS(set_bus_client),
        BUS(start),
        BUS(match_signal),
        BUS(message_new_method_call),
        BUS(message_append),
        BUS(message_read),
        BUS(message_open_container),
        BUS(message_close_container),
        BUS(call),
        BUS(process),
        BUS(wait),
    };

    return dl_open(SONAME_SYSTEMD, symbols, ARRAY_SIZE(symbols), e);
}

struct question {
    const char *name, *slice, *description, *below; /* below: attach, else start */
    pid_t pid, self;
    /* of the answer to "start" */
    char job[256];
    char removed[256]; /* the last job that ended, and how */
    char result[64];
};

static int translate(int r, const sd_bus_error *error, const char *what, struct err *e)
{
    return err_set(e, -r, "systemd does not %s: %s", what,
                   error && error->message ? error->message : strerror(-r));
}

static int open_bus(sd_bus **ret, struct err *e)
{
    bool is_private;
    autofree char *path = find_socket(&is_private), *address = NULL;
    int r;

    if (!path)
        return err_set(e, ENOENT, "no systemd of this user listens");
    address = text_format("unix:path=%s", path);
    if (!address)
        return err_memory(e);
    r = bus.new(ret);
    if (r >= 0)
        r = bus.set_address(*ret, address);
    if (r >= 0 && !is_private)
        r = bus.set_bus_client(*ret, 1);
    if (r >= 0)
        r = bus.start(*ret);
    return r < 0 ? err_set(e, -r, "cannot reach systemd at %s: %s", path, strerror(-r)) : 0;
}

static int on_removed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
    struct question *q = arg;
    const char *path, *unit, *result;
    uint32_t id;

    (void)error;
    if (bus.message_read(m, "uoss", &id, &path, &unit, &result) < 0 || strcmp(unit, q->name) != 0)
        return 0;
    snprintf(q->removed, sizeof q->removed, "%s", path);
    snprintf(q->result, sizeof q->result, "%s", result);
    return 0;
}

static int append_properties(sd_bus_message *m, const struct question *q)
{
    int r = bus.message_append(m, "ss", q->name, "fail");

    if (r >= 0)
        r = bus.message_open_container(m, 'a', "(sv)");
    if (r >= 0)
        r = bus.message_append(m, "(sv)(sv)", "Description", "s", q->description, "Delegate", "b",
                               1);
    if (r >= 0) /* or one that ended badly would stay in `systemctl --failed` */
        r = bus.message_append(m, "(sv)", "CollectMode", "s", "inactive-or-failed");
    if (r >= 0 && q->slice)
        r = bus.message_append(m, "(sv)", "Slice", "s", q->slice);
    if (r >= 0)
        r = bus.message_append(m, "(sv)", "PIDs", "au", 2, (uint32_t)q->pid, (uint32_t)q->self);
    if (r >= 0)
        r = bus.message_close_container(m);
    return r < 0 ? r : bus.message_append(m, "a(sa(sv))", 0);
}

/* The method returns when the job is queued; its end is a signal. */
static int wait_for_job(sd_bus *b, const struct question *q, struct err *e)
{
    while (strcmp(q->removed, q->job) != 0) {
        int r = bus.process(b, NULL);

        if (r == 0)
            r = bus.wait(b, TIMEOUT_US) == 0 ? -ETIMEDOUT : 0;
        if (r < 0)
            return translate(r, NULL, "answer", e);
    }
    if (strcmp(q->result, "done") != 0)
        return err_set(e, EIO, "systemd could not make the scope %s: %s", q->name, q->result);
    return 0;
}

static int ask_start(sd_bus *b, struct question *q, struct err *e)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *m = NULL, *answer = NULL;
    const char *job;
    int r = bus.match_signal(b, NULL, NULL, "/org/freedesktop/systemd1",
                             "org.freedesktop.systemd1.Manager", "JobRemoved", on_removed, q);

    if (r >= 0)
        r = bus.message_new_method_call(b, &m, MANAGER, "StartTransientUnit");
    if (r >= 0)
        r = append_properties(m, q);
    if (r >= 0)
        r = bus.call(b, m, TIMEOUT_US, &error, &answer);
    if (r >= 0)
        r = bus.message_read(answer, "o", &job);
    if (r < 0)
        return translate(r, &error, "make a scope", e);
    snprintf(q->job, sizeof q->job, "%s", job);
    return wait_for_job(b, q, e);
}

static int ask_attach(sd_bus *b, const struct question *q, struct err *e)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *m = NULL, *answer = NULL;
    int r = bus.message_new_method_call(b, &m, MANAGER, "AttachProcessesToUnit");

    if (r >= 0)
        r = bus.message_append(m, "ssau", q->name, q->below, 1, (uint32_t)q->pid);
    if (r >= 0)
        r = bus.call(b, m, TIMEOUT_US, &error, &answer);
    return r < 0 ? translate(r, &error, "take in a process", e) : 0;
}

struct answer {
    int r;
    struct err e;
};

/* What was opened is given back by the end of the process. */
static _Noreturn void ask_in_child(struct question *q, int to)
{
    struct answer a = {0};
    sd_bus *b = NULL;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    a.r = load(&a.e);
    if (a.r == 0)
        a.r = open_bus(&b, &a.e);
    if (a.r == 0)
        a.r = q->below ? ask_attach(b, q, &a.e) : ask_start(b, q, &a.e);
    _exit(file_write_fd(to, &a, sizeof a, NULL) < 0);
}

static int ask(struct question *q, struct err *e)
{
    struct answer a = {0};
    int p[2], r;
    size_t n = 0;
    pid_t pid;

    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    pid = fork();
    if (pid == 0)
        ask_in_child(q, p[1]);
    close(p[1]);
    while (pid > 0 && n < sizeof a) {
        ssize_t got = read(p[0], (char *)&a + n, sizeof a - n);

        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        n += got > 0 ? (size_t)got : 0;
    }
    close(p[0]);
    r = pid > 0 ? proc_wait(pid, &(int){0}, NULL) : -1;
    if (pid < 0 || r < 0 || n < sizeof a)
        return err_set(e, ECHILD, "the question to systemd was not answered");
    if (a.r < 0 && e)
        *e = a.e;
    return a.r;
}

int cgroup_scope_start(const char *name, const char *slice, const char *description, pid_t pid,
                       struct err *e)
{
    struct question q = {
        .name = name, .slice = slice, .description = description, .pid = pid, .self = getpid()};

    return ask(&q, e);
}

int cgroup_scope_attach(const char *name, const char *below, pid_t pid, struct err *e)
{
    struct question q = {.name = name, .below = below, .pid = pid};

    return ask(&q, e);
}

#else

int cgroup_scope_start(const char *name, const char *slice, const char *description, pid_t pid,
                       struct err *e)
{
    (void)name, (void)slice, (void)description, (void)pid;
    return err_set(e, ENOTSUP, "this rctr was built without systemd's library (libsystemd-dev)");
}

int cgroup_scope_attach(const char *name, const char *below, pid_t pid, struct err *e)
{
    return cgroup_scope_start(name, NULL, below, pid, e);
}

#endif
