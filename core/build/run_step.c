#include "core/build/run_step.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/when.h"
#include "core/engine/etc.h"
#include "core/monitor/program.h"
#include "core/runtime/cgroup.h"

enum { PIECE = 1 << 16, TICK_MS = 100 };

struct run_step_root {
    struct run_step_job job;
    int tmp_fd, dir_fd;
    char name[64]; /* of the step's folder in tmp_fd */
    char *dir;     /* its absolute path */
    struct rootfs rootfs;
    struct spec spec;
    bool has_spec, out_of_memory;
};

/* One program that runs. */
struct running {
    const struct run_step_job *job;
    struct loop *loop;
    struct program program;
    struct running_stream {
        struct running *all;
        int number, fd, handle;
    } streams[2];
    char *cgroup; /* owned: its place; NULL: none */
    bool ended, interrupted;
    int signals_fd, signals; /* the user's, and its handle; -1: none */
};

void run_step_signals(sigset_t *ret)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    sigemptyset(ret);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        sigaddset(ret, signals[i]);
}

/* ---- the root ---- */

static int make_folder(struct run_step_root *root, struct err *e)
{
    struct store *s = root->job.store;
    static unsigned count;
    int r = store_tmp(s, &root->tmp_fd, e);

    if (r < 0)
        return r;
    snprintf(root->name, sizeof root->name, "step-%d-%u", (int)getpid(), count++);
    root->dir = text_format("%s/tmp/%s/%s", s->path, s->tmp_name, root->name);
    if (!root->dir)
        return err_memory(e);
    if (mkdirat(root->tmp_fd, root->name, 0700) < 0)
        return err_sys(e, "cannot make a folder for the step");
    return file_folder(root->tmp_fd, root->name, 0700, &root->dir_fd, e);
}

int run_step_open(const struct run_step_job *job, struct run_step_root **ret, struct err *e)
{
    struct run_step_root *root = calloc(1, sizeof *root);
    int r;

    if (!root)
        return err_memory(e);
    root->job = *job;
    root->dir_fd = -1;
    root->rootfs = (struct rootfs){.root_fd = -1, .upper_fd = -1, .work_fd = -1};
    r = make_folder(root, e);
    /* Volatile: what is written is made durable once, when the layer is sealed. */
    if (r == 0)
        r = rootfs_plan(job->store, job->below, root->dir_fd, root->dir, job->map, job->map,
                        job->driver, true, &root->rootfs, e);
    if (r < 0) {
        run_step_close(root);
        return r;
    }
    *ret = root;
    return 0;
}

bool run_step_out_of_memory(const struct run_step_root *root)
{
    return root->out_of_memory;
}

const struct rootfs *run_step_rootfs(const struct run_step_root *root)
{
    return &root->rootfs;
}

void run_step_close(struct run_step_root *root)
{
    if (!root)
        return;
    if (root->has_spec)
        spec_free(&root->spec);
    rootfs_free(&root->rootfs);
    if (root->dir_fd >= 0)
        close(root->dir_fd);
    if (root->name[0])
        (void)store_remove_tree(root->tmp_fd, root->name, NULL); /* else the next clean-up */
    free(root->dir);
    free(root);
}

/* ---- the program ---- */

static int add_mounts(const struct run_step_job *job, struct spec *s, struct err *e)
{
    struct volume_opt *v;

    if (!job->mount_count)
        return 0;
    v = reallocarray(s->volumes, s->volume_count + job->mount_count, sizeof *v);
    if (!v)
        return err_memory(e);
    s->volumes = v;
    for (size_t i = 0; i < job->mount_count; i++) {
        int r = volume_opt_copy(&job->mounts[i], &v[s->volume_count], e);

        if (r < 0)
            return r;
        s->volume_count++;
    }
    return 0;
}

/* Nothing of what is only mounted is seen in the layer. */
static void leave_no_trace(struct spec *s)
{
    for (size_t i = 0; i < s->volume_count; i++)
        s->volumes[i].traceless = true;
}

int run_step_check(const struct store *s, const struct idmap *map,
                   const struct container_request *q, struct err *e)
{
    struct spec spec = {0};
    int r = request_namespaces(q, map, &spec, e);

    if (r == 0)
        r = request_files(q, &spec, e);
    if (r == 0)
        r = request_security(q, s, &spec, e);
    if (r == 0)
        r = request_limits(q, &spec, e);
    spec_free(&spec);
    return r;
}

static int make_spec(struct run_step_root *root, struct err *e)
{
    const struct run_step_job *job = &root->job;
    const struct container_request *q = job->request;
    const struct image_config *config = &job->below->config;
    struct spec *s = &root->spec;
    struct origin origin = {0};
    int r;

    root->has_spec = true;
    r = request_namespaces(q, job->map, s, e);
    if (r == 0)
        r = request_program(q, config, s, &origin, e);
    definition_origin_free(&origin);
    if (r == 0)
        r = request_files(q, s, e);
    if (r == 0)
        r = add_mounts(job, s, e);
    leave_no_trace(s);
    if (r == 0)
        r = request_security(q, job->store, s, e);
    if (r == 0)
        r = request_limits(q, s, e);
    if (r == 0 && !s->host_uts) {
        s->hostname = strdup(q->hostname && *q->hostname ? q->hostname : "buildkitsandbox");
        r = s->hostname ? 0 : err_memory(e);
    }
    if (r == 0)
        r = request_env(q, config, s, e);
    if (r == 0) {
        s->etc_dir = strdup(root->dir);
        r = s->etc_dir ? etc_write(q, s, NULL, root->dir_fd, e) : err_memory(e);
    }
    return r;
}

static void close_stream(struct running_stream *x)
{
    if (x->fd < 0)
        return;
    loop_remove(x->all->loop, x->handle);
    close(take_fd(&x->fd));
}

static void stop_when_done(struct running *x)
{
    if (x->ended && x->streams[0].fd < 0 && x->streams[1].fd < 0)
        loop_stop(x->loop, 0);
}

static void on_output(void *arg, short revents)
{
    struct running_stream *x = arg;
    char piece[PIECE];
    ssize_t n = read(x->fd, piece, sizeof piece);

    (void)revents;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0 && x->all->job->output)
        x->all->job->output(x->all->job->arg, x->number, piece, (size_t)n);
    if (n > 0)
        return;
    close_stream(x);
    stop_when_done(x->all);
}

/* All its processes die with the first one, and so do the writing ends of the pipes. */
static void on_ended(void *arg)
{
    struct running *x = arg;

    if (!program_has_ended(&x->program))
        return;
    x->ended = true;
    loop_remove(x->loop, x->program.exit_handle);
    x->program.exit_handle = -1;
    stop_when_done(x);
}

/* Where a limit needs one. It is removed when the program has ended; one that a kill leaves behind
 * is an empty folder. */
static int enter_cgroup(void *arg, pid_t init, struct err *e)
{
    struct running *x = arg;
    autofree char *id = text_format("build-%d-%llx", (int)init, (unsigned long long)when_now());
    const struct cgroup_job job = {.ask = &x->program.spec->cgroup, .id = id, .pid = init};

    return id ? cgroup_make(&job, &x->cgroup, e) : err_memory(e);
}

static int listen_to(struct running *x, struct err *e)
{
    int *stdio = x->program.run.stdio, r = 0;

    for (int i = 0; i < 2 && r >= 0; i++) {
        struct running_stream *s = &x->streams[i];

        *s = (struct running_stream){.all = x, .number = i + 1, .fd = stdio[i + 1]};
        stdio[i + 1] = -1;
        r = s->handle = loop_add(x->loop, s->fd, POLLIN, on_output, s, e);
    }
    return r < 0 ? r : 0;
}

/* The program ends; the signal stays pending, for when the caller lets it through. */
static void on_signal(void *arg, short revents)
{
    struct running *x = arg;

    (void)revents;
    x->interrupted = true;
    loop_remove(x->loop, x->signals);
    x->signals = -1;
    program_signal(&x->program, SIGKILL);
}

static void on_tick(void *arg)
{
    struct running *x = arg;

    x->job->tick(x->job->arg);
    (void)loop_timer(x->loop, TICK_MS, on_tick, x, NULL); /* else the clock stands still */
}

static int listen_to_signals(struct running *x, struct err *e)
{
    sigset_t set;

    run_step_signals(&set);
    x->signals_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (x->signals_fd < 0)
        return err_sys(e, "cannot listen to signals");
    x->signals = loop_add(x->loop, x->signals_fd, POLLIN, on_signal, x, e);
    return x->signals < 0 ? x->signals : 0;
}

static int run(struct running *x, struct err *e)
{
    int status = 0, r = program_start(&x->program, e);

    if (r < 0)
        return r;
    r = listen_to(x, e);
    if (r == 0)
        r = listen_to_signals(x, e);
    if (r == 0 && x->job->tick)
        (void)loop_timer(x->loop, TICK_MS, on_tick, x, NULL);
    if (r == 0)
        r = loop_run(x->loop, e);
    if (r == 0 && x->interrupted)
        r = err_set(e, EINTR, "interrupted");
    if (r < 0)
        program_signal(&x->program, SIGKILL);
    (void)program_reap(&x->program, &status);
    if (x->signals >= 0)
        loop_remove(x->loop, x->signals);
    if (x->signals_fd >= 0)
        close(x->signals_fd);
    for (int i = 0; i < 2; i++)
        if (x->streams[i].all)
            close_stream(&x->streams[i]);
    /* fuse-overlayfs must have written all before the files are looked at. */
    program_end(&x->program, false);
    program_end_network(&x->program);
    return r < 0 ? r : status;
}

int run_step_go(struct run_step_root *root, struct err *e)
{
    struct running x = {
        .job = &root->job, .streams = {{.fd = -1}, {.fd = -1}}, .signals = -1, .signals_fd = -1};
    int r = make_spec(root, e);

    if (r == 0)
        r = loop_new(&x.loop, e);
    if (r < 0)
        return r;
    x.program.loop = x.loop;
    x.program.spec = &root->spec;
    x.program.rootfs = &root->rootfs;
    x.program.cloned = enter_cgroup;
    x.program.ended = on_ended;
    x.program.arg = &x;
    program_init(&x.program);
    r = run(&x, e);
    root->out_of_memory = cgroup_oom_kills(x.cgroup) > 0;
    (void)cgroup_remove(x.cgroup, NULL); /* systemd removes what is left of a scope of its own */
    free(x.cgroup);
    loop_free(x.loop);
    return r;
}

int run_step_seal(struct run_step_root *root, struct layer_tar *ret, struct err *e)
{
    static const struct seal_times as_they_are;
    const struct seal_times *times = root->job.times ? root->job.times : &as_they_are;

    return seal_step(root->job.store, root->tmp_fd, root->name, &root->rootfs, root->job.map, times,
                     ret, e);
}
