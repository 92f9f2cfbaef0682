#include "core/engine/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/engine/etc.h"
#include "core/engine/files_lock.h"
#include "core/engine/request.h"
#include "core/engine/volumes.h"
#include "core/monitor/attach.h"
#include "core/monitor/logfile.h"
#include "core/monitor/monitor.h"
#include "core/monitor/probe.h"
#include "core/monitor/server.h"
#include "net/hosts.h"
#include "storage/event.h"

enum { SECCOMP_FILE_MAX = 4 << 20 };

static int copy(char **to, const char *from, struct err *e)
{
    free(*to);
    *to = from ? strdup(from) : NULL;
    return from && !*to ? err_memory(e) : 0;
}

static int make_spec(struct store *s, const struct container_request *q,
                     const struct image_config *config, const struct idmap *base,
                     struct container *c, struct err *e)
{
    struct spec *spec = &c->def.spec;
    int r = request_namespaces(q, base, spec, e);

    if (r == 0)
        r = request_program(q, config, spec, &c->def.origin, e);
    if (r == 0)
        r = request_files(q, spec, e);
    if (r == 0)
        r = request_security(q, s, spec, e);
    if (r == 0)
        r = request_limits(q, spec, e);
    if (r == 0)
        r = request_health(q, config, &c->def.policy, e);
    return r < 0 ? r : request_policy(q, &c->def.policy, e);
}

static int make_record(const struct container_request *q, const struct image *image,
                       struct container *c, struct err *e)
{
    struct record *r = &c->record;
    static const char *const networks[] = {"slirp", "none", "host"};
    const char *stop = q->stop_signal;
    char layer[DIGEST_TEXT_MAX], restart[40];
    int signo, code = request_labels(q, image ? &image->config : NULL, r, e);

    if (code == 0 && stop)
        code = err_wrap(e, limits_parse_signal(stop, &signo, e), "--stop-signal");
    if (!stop && image && *image->config.stop_signal)
        stop = image->config.stop_signal;
    if (code == 0)
        code = copy(&r->image, image ? (*image->name ? image->name : q->image) : NULL, e);
    if (code == 0)
        code = copy(&r->stop_signal, stop, e);
    if (code == 0)
        code = copy(&r->network, networks[c->def.spec.net], e);
    if (code == 0)
        code = strv_copy(&r->command, &c->def.spec.args, e);
    for (size_t i = 0; image && i < image->config.diff_id_count && code == 0; i++)
        code = strv_add(&r->layers, hash_format(&image->config.diff_ids[i], layer), e);
    if (image) {
        r->image_id = image->id;
        r->manifest_digest = image->manifest_digest;
    }
    if (code == 0 && c->def.policy.restart != POLICY_RESTART_NO)
        code = copy(&r->restart, policy_restart_text(&c->def.policy, restart), e);
    if (code == 0 && probe_wanted(&c->def.policy.health))
        code = copy(&r->health, "starting", e);
    if (code == 0)
        code = copy(&r->log_driver, c->def.policy.log_driver, e);
    if (code == 0)
        code = strv_copy(&r->exposed, &c->def.origin.exposed, e);
    r->stop_timeout_s = q->stop_timeout_s;
    r->rm = q->rm;
    r->tty = q->tty;
    r->open_stdin = q->interactive;
    return code;
}

/* The container's own copy of a seccomp profile: the next start must find what was asked for. */
static int keep_seccomp(struct container *c, int dir, struct err *e)
{
    char **profile = &c->def.spec.seccomp_profile;
    autotext struct text t = {0};
    int r;

    if (!*profile || strcmp(*profile, SPEC_UNCONFINED) == 0)
        return 0;
    r = file_read(AT_FDCWD, *profile, SECCOMP_FILE_MAX, &t, e);
    if (r == 0)
        r = file_replace(dir, "seccomp.json", t.s, t.n, 0600, false, e);
    if (r < 0)
        return err_wrap(e, r, "--security-opt seccomp");
    free(*profile);
    *profile = text_format("%s/seccomp.json", c->dir);
    return *profile ? 0 : err_memory(e);
}

/* What needs the id and the folder: host name, environment, /etc, the root. */
static int fill_folder(const struct container_request *q, const struct image *image,
                       const struct idmap *base, struct container *c, struct err *e)
{
    struct spec *s = &c->def.spec;
    int dir = -1, r = record_folder(c->store, &c->record, &dir, e);

    if (r < 0)
        return r;
    c->dir = record_path(c->store, &c->record);
    if (!c->dir)
        return err_memory(e);
    if (!s->host_uts) {
        s->hostname =
            q->hostname && *q->hostname ? strdup(q->hostname) : strndup(c->record.id, RECORD_SHORT);
        if (!s->hostname)
            return err_memory(e);
        r = hosts_check_name(s->hostname, e);
        if (r < 0)
            return err_wrap(e, r, "--hostname");
    }
    s->no_hosts = q->no_hosts;
    r = copy(&s->etc_dir, c->dir, e);
    if (r == 0)
        r = request_env(q, image ? &image->config : NULL, s, e);
    if (r == 0)
        r = etc_write(q, s, c->record.name, dir, e);
    if (r < 0)
        return r;
    r = image ? rootfs_plan(c->store, image, dir, c->dir, base, &s->map, NULL, q->rm, &c->rootfs, e)
              : rootfs_plan_folder(q->rootfs_dir, &c->rootfs, e);
    if (r == 0 && !image)
        r = copy(&c->def.origin.rootfs_dir, c->rootfs.path, e);
    /* Written with the state that follows. */
    if (r == 0)
        r = copy(&c->record.driver, rootfs_driver_name(c->rootfs.driver), e);
    if (r == 0)
        r = keep_seccomp(c, dir, e);
    if (r == 0)
        r = volumes_take(c->store, &c->record, s, e);
    if (r == 0)
        r = volumes_fill(c->store, &c->record, s, &c->rootfs, base, e);
    return r < 0 ? r : definition_save(c->store, &c->record, &c->def, e);
}

/* The container and the volumes that only it has; the next sweep does it otherwise. */
static void remove_all(struct container *c)
{
    (void)record_remove(c->store, &c->record, NULL);
    volumes_give_back(c->store, &c->record, &c->def.spec);
}

static int choose_volumes(const struct container_request *q, const struct image *image,
                          struct container *c, struct err *e)
{
    const struct volumes_wish wish = {
        .from = &q->volumes_from,
        .image = image ? &image->config.volumes : NULL,
        .image_mode = q->image_volume,
    };

    return volumes_choose(c->store, &wish, &c->def.spec, &c->record, e);
}

int container_create(struct store *s, const struct container_request *q, const struct image *image,
                     struct container *ret, struct err *e)
{
    struct container c = {.store = s};
    long long t = log_phase_begin();
    struct idmap base;
    int r = record_init(&c.record, e);

    if (r == 0)
        r = idmap_load(&base, e);
    if (r == 0)
        r = make_spec(s, q, image ? &image->config : NULL, &base, &c, e);
    if (r == 0)
        r = make_record(q, image, &c, e);
    if (r == 0)
        r = choose_volumes(q, image, &c, e);
    if (r == 0)
        r = record_new(s, q->name && *q->name ? q->name : NULL, &c.record, e);
    if (r == 0) {
        r = fill_folder(q, image, &base, &c, e);
        if (r < 0)
            remove_all(&c); /* the first failure is told */
    }
    log_phase_end(t, "create container");
    if (r < 0) {
        container_free(&c);
        return r;
    }
    event_container(s, &c.record, "create", NULL, NULL);
    *ret = c;
    return 0;
}

static int set_created(void *arg, struct record *r, struct err *e)
{
    const struct container *c = arg;

    r->state = RECORD_CREATED;
    r->creator = (struct proc_id){0};
    return copy(&r->driver, c->record.driver, e);
}

int container_keep(struct container *c, struct err *e)
{
    return record_update(c->store, &c->record, set_created, c, e);
}

/* ---- one that was made before ---- */

static int plan_root(struct container *c, struct err *e)
{
    const struct spec *s = &c->def.spec;
    autoimage struct image image = {0};
    struct idmap base;
    int dir = -1, r;

    if (c->def.origin.rootfs_dir)
        return rootfs_plan_folder(c->def.origin.rootfs_dir, &c->rootfs, e);
    r = record_folder(c->store, &c->record, &dir, e);
    if (r == 0)
        r = idmap_load(&base, e);
    if (r == 0)
        r = image_open(c->store, &c->record.manifest_digest, &image, e);
    return r < 0 ? r
                 : rootfs_plan(c->store, &image, dir, c->dir, &base, &s->map, c->record.driver,
                               c->record.rm, &c->rootfs, e);
}

int container_load(struct store *s, struct record *r, struct container *ret, struct err *e)
{
    struct container c = {.store = s, .record = *r};
    int code = definition_load(s, &c.record, &c.def, NULL, e);

    if (code == 0) {
        c.dir = record_path(s, &c.record);
        code = c.dir ? copy(&c.def.spec.etc_dir, c.dir, e) : err_memory(e);
    }
    if (code == 0)
        code = plan_root(&c, e);
    *r = c.record; /* its folder may be open now */
    if (code < 0) {
        c.record = (struct record){.dir_fd = -1};
        container_free(&c);
        return err_wrap(e, code, "container %s", r->name);
    }
    *r = (struct record){.dir_fd = -1};
    *ret = c;
    return 0;
}

/* ---- starting ---- */

/* From here on it is this process's (or its monitor's) to bring up or to put back. */
static int claim_start(void *arg, struct record *r, struct err *e)
{
    (void)arg;
    if (r->state != RECORD_CREATED && r->state != RECORD_EXITED)
        return err_set(e, EALREADY, "container %s is %s already", r->name,
                       r->state == RECORD_STARTING ? "starting" : record_state_name(r->state));
    r->state = RECORD_STARTING;
    r->restart_count = 0;
    r->stopped_by_user = r->oom_killed = false;
    free(r->error);
    r->error = NULL;
    return proc_identify(getpid(), &r->creator, e);
}

static int launch(struct container *c, bool hold, int *ret_client, struct err *e)
{
    const struct monitor_job job = {
        .store = c->store,
        .record = &c->record,
        .spec = &c->def.spec,
        .policy = &c->def.policy,
        .rootfs = &c->rootfs,
        .hold = hold,
    };
    long long t = log_phase_begin();
    autofd int client = -1;
    bool is_new = c->record.state == RECORD_CREATING; /* then its maker has looked at the stdio */
    int r = is_new ? 0 : logfile_check_stdio(c->def.policy.log_driver, e);

    if (r == 0 && !is_new)
        r = record_update(c->store, &c->record, claim_start, NULL, e);

    if (r == 0) /* a cp into it may be at work */
        r = files_lock_wait(c->store, &c->record, e);
    if (r == 0)
        r = monitor_start(&job, &client, e);
    if (r == 0)
        r = hold ? attach_wait_held(client, e) : attach_wait_running(client, e);
    log_phase_end(t, "start container");
    if (r < 0 && c->record.state == RECORD_CREATING) /* the monitor has removed it */
        volumes_give_back(c->store, &c->record, &c->def.spec);
    if (r < 0)
        return r;
    *ret_client = take_fd(&client);
    return 0;
}

int container_start(struct container *c, int *ret_client, struct err *e)
{
    return launch(c, false, ret_client, e);
}

int container_hold(struct container *c, struct err *e)
{
    int client = -1, r = launch(c, true, &client, e);

    if (r == 0)
        attach_leave(client);
    return r;
}

/* Until it runs, if it does not yet. */
static int join(const struct store *s, struct record *r, bool output, bool go, int *ret_client,
                struct err *e)
{
    autofd int client = -1;
    int n = server_connect(s, r, &client, e);

    if (n == 0)
        n = attach_greet(client, output, go, e);
    if (n == 0)
        n = attach_wait_running(client, e);
    if (n < 0)
        return n;
    *ret_client = take_fd(&client);
    return 0;
}

int container_release(const struct store *s, struct record *r, bool output, int *ret_client,
                      struct err *e)
{
    return join(s, r, output, true, ret_client, e);
}

int container_attach(const struct store *s, struct record *r, int *ret_client, struct err *e)
{
    if (r->state != RECORD_RUNNING && r->state != RECORD_PAUSED)
        return err_set(e, EINVAL, "you can only attach to running containers");
    return join(s, r, true, false, ret_client, e);
}

void container_discard(struct container *c)
{
    remove_all(c);
    container_free(c);
}

void container_free(struct container *c)
{
    rootfs_free(&c->rootfs);
    definition_free(&c->def);
    record_free(&c->record);
    free(c->dir);
    *c = (struct container){0};
}
