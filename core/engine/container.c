#include "core/engine/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/log.h"
#include "core/engine/etc.h"
#include "core/engine/request.h"
#include "core/monitor/attach.h"
#include "core/monitor/monitor.h"
#include "net/hosts.h"

static int copy(char **to, const char *from, struct err *e)
{
    *to = from ? strdup(from) : NULL;
    return from && !*to ? err_memory(e) : 0;
}

static int make_spec(struct store *s, const struct container_request *q,
                     const struct image_config *config, const struct idmap *base,
                     struct container *c, struct err *e)
{
    struct spec *spec = &c->spec;
    int r = request_namespaces(q, base, spec, e);

    if (r == 0)
        r = request_program(q, config, spec, e);
    if (r == 0)
        r = request_files(q, spec, e);
    if (r == 0)
        r = request_security(q, s, spec, e);
    if (r == 0)
        r = request_limits(q, spec, e);
    return r;
}

static int make_record(const struct container_request *q, const struct image *image,
                       struct container *c, struct err *e)
{
    struct record *r = &c->record;
    static const char *const networks[] = {"slirp", "none", "host"};
    const char *stop = q->stop_signal;
    char layer[DIGEST_TEXT_MAX];
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
        code = copy(&r->network, networks[c->spec.net], e);
    if (code == 0)
        code = strv_copy(&r->command, &c->spec.args, e);
    for (size_t i = 0; image && i < image->config.diff_id_count && code == 0; i++)
        code = strv_add(&r->layers, hash_format(&image->config.diff_ids[i], layer), e);
    if (image) {
        r->image_id = image->id;
        r->manifest_digest = image->manifest_digest;
    }
    r->rm = q->rm;
    r->tty = q->tty;
    r->open_stdin = q->interactive;
    return code;
}

/* What needs the id and the folder: host name, environment, /etc, the root. */
static int fill_folder(const struct container_request *q, const struct image *image,
                       const struct idmap *base, struct container *c, struct err *e)
{
    struct spec *s = &c->spec;
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
    r = copy(&s->etc_dir, c->dir, e);
    if (r == 0)
        r = request_env(q, image ? &image->config : NULL, s, e);
    if (r == 0)
        r = etc_write(q, s, c->record.name, dir, e);
    if (r < 0)
        return r;
    r = image ? rootfs_plan(c->store, image, dir, c->dir, base, &s->map, q->rm, &c->rootfs, e)
              : rootfs_plan_folder(q->rootfs_dir, &c->rootfs, e);
    /* Written with the state "running" that follows. */
    return r < 0 ? r : copy(&c->record.driver, rootfs_driver_name(c->rootfs.driver), e);
}

int container_create(struct store *s, const struct container_request *q, const struct image *image,
                     struct container *ret, struct err *e)
{
    struct container c = {.store = s, .timeout_s = q->timeout_s};
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
        r = record_new(s, q->name && *q->name ? q->name : NULL, &c.record, e);
    if (r == 0) {
        r = fill_folder(q, image, &base, &c, e);
        if (r < 0)
            (void)record_remove(s, &c.record, NULL); /* the first failure is told */
    }
    log_phase_end(t, "create container");
    if (r < 0) {
        container_free(&c);
        return r;
    }
    *ret = c;
    return 0;
}

int container_start(struct container *c, int *ret_client, struct err *e)
{
    const struct monitor_job job = {
        .store = c->store,
        .record = &c->record,
        .spec = &c->spec,
        .rootfs = &c->rootfs,
        .timeout_s = c->timeout_s,
    };
    long long t = log_phase_begin();
    autofd int client = -1;
    int r = monitor_start(&job, &client, e);

    if (r == 0)
        r = attach_wait_running(client, e);
    log_phase_end(t, "start container");
    if (r < 0)
        return r;
    *ret_client = take_fd(&client);
    return 0;
}

void container_discard(struct container *c)
{
    (void)record_remove(c->store, &c->record, NULL); /* the next sweep does it otherwise */
    container_free(c);
}

void container_free(struct container *c)
{
    rootfs_free(&c->rootfs);
    spec_free(&c->spec);
    record_free(&c->record);
    free(c->dir);
    *c = (struct container){0};
}
