/* Why the program never gets the caller's own descriptors: they would be a way out. Who holds a
 * terminal can type into it; a folder leads to the host's files; a file that was given for reading
 * can be opened again for writing through /proc/self/fd, since the container's root is the caller;
 * from a pipe of the caller's, what others write into it could be read. So there are pipes between,
 * relayed by this process while it waits (core/engine/session.c); /dev/null is the container's. */
#include "core/engine/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/self.h"
#include "core/engine/definition.h"
#include "core/engine/session.h"
#include "core/runtime/caps.h"
#include "core/runtime/enter.h"
#include "core/runtime/env.h"
#include "core/runtime/seccomp.h"
#include "storage/event.h"

extern char **environ;

/* ---- what the program is ---- */

static int set_text(char **to, const char *text, struct err *e)
{
    char *copy = strdup(text);

    if (!copy)
        return err_memory(e);
    free(*to);
    *to = copy;
    return 0;
}

static int set_env(const struct exec_request *q, struct spec *s, struct err *e)
{
    struct strv files = {.v = (char **)(void *)q->env_file.v, .n = q->env_file.n};
    struct strv set = {.v = (char **)(void *)q->env.v, .n = q->env.n};
    const struct env_input in = {
        .image = &s->env, .files = &files, .set = &set, .host = environ, .tty = q->tty};
    struct strv env = {0};
    int r = env_build(&in, &env, e);

    if (r < 0)
        return r;
    strv_free(&s->env);
    s->env = env;
    return 0;
}

/* A filter of the user's own stays what it was made for. */
static int set_privileged(struct spec *s, struct err *e)
{
    int r = caps_compute(NULL, NULL, true, &s->caps, e);

    if (r < 0 || !s->seccomp.len || s->seccomp_profile)
        return r;
    seccomp_free(&s->seccomp);
    return seccomp_default(s->caps, &s->seccomp, e);
}

static int fill_spec(const struct exec_request *q, struct spec *s, struct err *e)
{
    int r = 0;

    strv_free(&s->args);
    for (size_t i = 0; i < q->arg_count && r == 0; i++)
        r = strv_add(&s->args, q->args[i], e);
    if (r == 0)
        r = set_env(q, s, e);
    if (r == 0 && q->workdir)
        r = set_text(&s->cwd, q->workdir, e);
    if (r == 0 && q->user)
        r = set_text(&s->user, q->user, e);
    if (r == 0 && q->privileged)
        r = set_privileged(s, e);
    s->tty = q->tty;
    s->tty_rows = q->tty_rows;
    s->tty_cols = q->tty_cols;
    s->stdin_open = q->interactive;
    s->init = false;
    return r;
}

int exec_spec(const struct store *s, struct record *r, const struct exec_request *q,
              struct spec *ret, struct err *e)
{
    autodefinition struct definition d = {0};
    int code = definition_load(s, r, &d, NULL, e);

    if (code == 0)
        code = fill_spec(q, &d.spec, e);
    if (code < 0)
        return code;
    for (size_t i = 0; i < q->env.n; i++)
        self_hide(q->env.v[i]);
    *ret = d.spec;
    d.spec = (struct spec){0};
    return 0;
}

/* ---- streams ---- */

static bool is_null(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static int add_pipe(int *ret_read, int *ret_write, struct err *e)
{
    int p[2];

    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    *ret_read = p[0];
    *ret_write = p[1];
    return 0;
}

/* Pipes for what is wanted and not /dev/null anyway. Where both outputs go to one place they share
 * a pipe, or their lines would change their order. */
static int open_streams(const struct exec_request *q, struct session *s, int inside[3],
                        struct err *e)
{
    struct stat in, out, err;
    int r = 0;

    if (q->interactive && fstat(STDIN_FILENO, &in) == 0 && !is_null(&in))
        r = add_pipe(&inside[0], &s->in, e);
    if (r == 0 && fstat(STDOUT_FILENO, &out) == 0 && !is_null(&out))
        r = add_pipe(&s->out[0], &inside[1], e);
    if (r < 0 || fstat(STDERR_FILENO, &err) < 0 || is_null(&err))
        return r;
    if (inside[1] < 0 || S_ISREG(err.st_mode) || err.st_ino != out.st_ino ||
        err.st_dev != out.st_dev)
        return add_pipe(&s->out[1], &inside[2], e);
    inside[2] = fcntl(inside[1], F_DUPFD_CLOEXEC, 3);
    return inside[2] < 0 ? err_sys(e, "cannot make a pipe") : 0;
}

static void close_all(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(take_fd(&fds[i]));
}

/* ---- running it ---- */

struct exec {
    const struct store *store;
    const struct record *record;
    const struct exec_request *q;
    char id[EXEC_ID_HEX + 1];
};

static int make_id(char ret[EXEC_ID_HEX + 1], struct err *e)
{
    unsigned char raw[EXEC_ID_HEX / 2];

    if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
        return err_sys(e, "cannot get random bytes");
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(ret + 2 * i, 3, "%02x", raw[i]);
    return 0;
}

static void tell(const struct exec *x, const char *action, int status)
{
    char text[12];
    struct event ev = {.type = "container",
                       .action = action,
                       .id = x->record->id,
                       .name = x->record->name,
                       .image = x->record->image,
                       .labels = x->record->labels,
                       .more = {{"execID", x->id}}};

    snprintf(text, sizeof text, "%d", status);
    if (status >= 0)
        ev.more[1] = (struct event_attr){"exitCode", text};
    event_add(x->store, &ev);
}

static int attached(const struct exec *x, struct enter_job *job, struct err *e)
{
    const struct exec_request *q = x->q;
    struct session s = {.signals = -1, .in = -1, .out = {-1, -1}, .stdin_open = q->interactive};
    struct enter_running run = ENTER_NOT_RUNNING;
    bool detached = false, begun = false;
    int r = q->detach_keys ? attach_parse_keys(q->detach_keys, &s.keys, e) : 0;

    if (r == 0)
        r = session_begin(&s.signals, e);
    if (r == 0 && !q->tty)
        r = open_streams(q, &s, job->stdio, e);
    if (r == 0) {
        /* A terminal hangs up when we end, which is enough; and it may be left. */
        job->die_with_caller = !q->tty;
        job->signals = s.signals;
        r = enter_start(job, &run, e);
        begun = r == 0;
    }
    close_all(job->stdio, 3);
    if (begun) {
        tell(x, "exec", -1);
        r = session_run(&s, &run, &detached, e);
    }
    if (r >= 0 && !detached)
        tell(x, "exec_died", r);
    enter_close(&run);
    close_all(&s.in, 1);
    close_all(s.out, 2);
    close_all(&s.signals, 1);
    return r;
}

static int detached(const struct exec *x, struct enter_job *job, struct err *e)
{
    struct enter_running run = ENTER_NOT_RUNNING;
    int r;

    job->detach = true;
    r = enter_start(job, &run, e);
    if (r == 0) {
        tell(x, "exec", -1);
        session_leave_behind(&run);
    }
    enter_close(&run);
    return r;
}

static int not_running(const struct record *c, const struct exec_request *q, struct err *e)
{
    int r = c->state == RECORD_PAUSED
                ? err_set(e, EINVAL,
                          "container %s is paused (cure: rctr unpause %s): container state "
                          "improper",
                          c->name, c->name)
                : err_set(e, EINVAL,
                          "can only create exec sessions on running containers: container state "
                          "improper");

    if (e && !q->detach)
        e->status = 255;
    return r;
}

int exec_run(const struct store *s, struct record *r, const struct exec_request *q,
             char ret_id[EXEC_ID_HEX + 1], struct err *e)
{
    struct exec x = {.store = s, .record = r, .q = q};
    struct spec spec = {0};
    struct enter_job job = {
        .spec = &spec, .init = &r->init, .stdio = {-1, -1, -1}, .kept_fds = q->kept_fds};
    int code = record_settle(s, r, e);

    if (code < 0)
        return code;
    if (r->state != RECORD_RUNNING)
        return not_running(r, q, e);
    job.cgroup = r->cgroup;
    code = make_id(x.id, e);
    if (code == 0)
        code = exec_spec(s, r, q, &spec, e);
    if (code < 0)
        return code;
    code = q->detach ? detached(&x, &job, e) : attached(&x, &job, e);
    snprintf(ret_id, EXEC_ID_HEX + 1, "%s", x.id);
    if (code == -ESRCH) /* it has ended meanwhile */
        code = not_running(r, q, e);
    spec_free(&spec);
    return code;
}
