/* Theory of operation: what the registry has is found out over one connection; what it lacks is
 * sent, by this process when that is one layer, else by a few processes with connections of their
 * own, since compressing is work for a core. The config follows, and the manifest comes last: a
 * push that is killed leaves nothing there that has a name. */
#include "storage/registry/push.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/proc.h"
#include "storage/blob.h"
#include "storage/convert.h"
#include "storage/refs.h"
#include "storage/registry/upload.h"

/* Each worker takes 5 MB. */
enum { WORKERS_MAX = 4, CONFIG_MAX = 8 << 20, SOURCES_MAX = 4, TICK_MS = 100 };

struct push {
    struct store *store;
    const struct image *image;
    const struct push_options *o;
    struct conf_endpoint at;
    struct registry registry;
    struct push_layer *layers; /* owned; one for each of the manifest's */
    struct source {            /* other repositories of that registry, with a layer in common */
        char repo[REF_PART_MAX];
        struct manifest manifest;
    } sources[SOURCES_MAX];
    size_t source_count;
    int out; /* of a worker: where its messages go, else -1 */
};

static void tell(const struct push *p, enum push_phase phase, const struct digest *d,
                 long long bytes, const char *text)
{
    const struct push_event ev = {
        .phase = phase, .digest = d, .done_bytes = bytes, .total_bytes = bytes, .text = text};

    if (p->o->progress)
        p->o->progress(p->o->arg, &ev);
}

static void tell_layer(const struct push *p, const struct push_layer *l)
{
    const struct manifest *m = &p->image->manifest;
    bool going = l->phase == PUSH_SENDING;
    const struct push_event ev = {.phase = l->phase,
                                  .layer = l->index,
                                  .layer_count = m->layer_count,
                                  .digest = &l->digest,
                                  .done_bytes = going ? l->done : l->size,
                                  .total_bytes = going ? m->layers[l->index].size : l->size};

    if (p->o->progress)
        p->o->progress(p->o->arg, &ev);
}

static void pass_note(void *arg, const char *text)
{
    struct push *p = arg;
    struct push_layer l = {.phase = PUSH_RETRY};

    if (p->out < 0) {
        tell(p, PUSH_RETRY, NULL, 0, text);
        return;
    }
    (void)err_set(&l.why, EAGAIN, "%s", text);
    (void)file_write_fd(p->out, &l, sizeof l, NULL); /* a note more or less */
}

static int connect_to(struct push *p, struct registry *ret, struct err *e)
{
    const struct push_options *o = p->o;
    const struct registry_options how = {
        .tls_verify = o->tls_verify,
        .creds = o->creds,
        .authfile = o->authfile,
        .cert_dir = o->cert_dir,
        .retries = o->retries,
        .push = true,
        .note = pass_note,
        .arg = p,
    };

    return registry_open(&p->at, &how, ret, e);
}

/* ---- what is there already ---- */

static bool has_layer(const struct manifest *m, const struct digest *d)
{
    for (size_t i = 0; i < m->layer_count; i++)
        if (hash_equal(&m->layers[i].digest, d))
            return true;
    return false;
}

/* A name of the store that came from the same registry, or went there. */
static int note_source(void *arg, const struct ref *name, const struct digest *manifest,
                       struct err *e)
{
    struct push *p = arg;
    struct source *to = &p->sources[p->source_count];
    autoimage struct image other = {0};

    (void)e;
    if (p->source_count == SOURCES_MAX || strcmp(name->registry, p->at.host) != 0 ||
        strcmp(name->repo, p->at.repo) == 0 || image_open(p->store, manifest, &other, NULL) < 0)
        return 0;
    for (size_t i = 0; i < p->image->manifest.layer_count; i++)
        if (has_layer(&other.manifest, &p->image->manifest.layers[i].digest)) {
            memcpy(to->repo, name->repo, sizeof to->repo);
            to->manifest = other.manifest;
            other.manifest = (struct manifest){0};
            p->source_count++;
            return 0;
        }
    return 0;
}

/* 1: the registry has the layer, or has got it from another repository. `there` is what is known of
 * that: 1, 0 or -1. */
static int find_there(struct push *p, struct push_layer *l, int there, struct err *e)
{
    int r = there < 0 ? upload_exists(&p->registry, &l->digest, e) : there;

    l->phase = PUSH_EXISTS;
    for (size_t i = 0; i < p->source_count && r == 0; i++)
        if (has_layer(&p->sources[i].manifest, &l->digest)) {
            l->phase = PUSH_MOUNTED;
            r = upload_mount(&p->registry, &l->digest, p->sources[i].repo, e);
        }
    return r;
}

static bool seen_before(const struct manifest *m, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (hash_equal(&m->layers[i].digest, &m->layers[index].digest))
            return true;
    return false;
}

/* What the registry says of the layers in `list`: the first one alone, which gets the token for
 * the others; they are asked for side by side. */
static int ask(struct push *p, const size_t *list, size_t n, signed char *there, struct err *e)
{
    autofree struct digest *digests = calloc(n + 1, sizeof *digests);
    autofree signed char *said = calloc(n + 1, 1);
    int r;

    if (!digests || !said)
        return err_memory(e);
    for (size_t i = 0; i < n; i++)
        digests[i] = p->layers[list[i]].digest;
    r = n ? upload_exists(&p->registry, &digests[0], e) : 0;
    if (r < 0)
        return r;
    said[0] = (signed char)r;
    if (n > 1)
        upload_look(&p->registry, digests + 1, n - 1, said + 1);
    for (size_t i = 0; i < n; i++)
        there[list[i]] = said[i];
    return 0;
}

/* The indices of what has to be sent. */
static int look(struct push *p, size_t *list, size_t *ret_n, struct err *e)
{
    const struct manifest *m = &p->image->manifest;
    autofree signed char *there = malloc(m->layer_count + 1);
    autofree bool *known = calloc(m->layer_count + 1, sizeof *known);
    size_t n = 0;
    int r;

    if (!there || !known)
        return err_memory(e);
    memset(there, -1, m->layer_count + 1);
    for (size_t i = 0; i < m->layer_count; i++) {
        p->layers[i].index = i;
        known[i] = push_layer_known(p->store, &m->layers[i], p->o, &p->layers[i]);
        if (known[i] && !seen_before(m, i))
            list[n++] = i;
    }
    r = ask(p, list, n, there, e);
    n = 0;
    for (size_t i = 0; i < m->layer_count && r >= 0; i++) {
        if (seen_before(m, i))
            continue;
        r = known[i] ? find_there(p, &p->layers[i], there[i], e) : 0;
        if (r == 1)
            tell_layer(p, &p->layers[i]);
        else if (r == 0)
            list[n++] = i;
    }
    *ret_n = n;
    return r < 0 ? r : 0;
}

/* ---- sending ---- */

/* How far a layer is: told at once, or by a worker as a message. */
struct watch {
    struct push *p;
    size_t index;
    long long told_ms;
};

static void pass_progress(void *arg, long long bytes)
{
    struct watch *w = arg;
    struct push_layer l = {
        .index = w->index,
        .phase = PUSH_SENDING,
        .digest = w->p->image->manifest.layers[w->index].digest,
        .done = bytes,
    };
    struct timespec t;
    long long now;

    clock_gettime(CLOCK_MONOTONIC, &t);
    now = t.tv_sec * 1000LL + t.tv_nsec / 1000000;
    if (now - w->told_ms < TICK_MS)
        return;
    w->told_ms = now;
    if (w->p->out < 0)
        tell_layer(w->p, &l);
    else
        (void)file_write_fd(w->p->out, &l, sizeof l, NULL); /* the last message counts */
}

static int send_layer(struct push *p, struct registry *r, size_t index, struct err *e)
{
    struct watch w = {.p = p, .index = index};
    const struct upload_progress progress = {pass_progress, &w};

    pass_progress(&w, 0);
    return push_layer_send(p->store, r, &p->image->manifest.layers[index], p->o, &progress,
                           &p->layers[index], e);
}

/* A worker: every nth of the list, and messages for each; the last one says what became of it. */
static _Noreturn void work(struct push *p, const size_t *list, size_t n, size_t first, size_t step,
                           int out)
{
    struct registry own = {0};
    struct err e = {0};
    int r;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    p->out = out;
    r = connect_to(p, &own, &e);
    for (size_t i = first; i < n; i += step) {
        struct push_layer *l = &p->layers[list[i]];

        if (r == 0)
            r = send_layer(p, &own, list[i], &e);
        l->result = r;
        l->why = e;
        if (file_write_fd(out, l, sizeof *l, NULL) < 0 || r < 0)
            break;
    }
    _exit(0);
}

static int read_message(int fd, struct push_layer *ret)
{
    for (size_t at = 0; at < sizeof *ret;) {
        ssize_t n = read(fd, (char *)ret + at, sizeof *ret - at);

        if (n == 0 || (n < 0 && errno != EINTR))
            return 0;
        at += n > 0 ? (size_t)n : 0;
    }
    return 1;
}

/* One message. 0: the worker has ended. */
static int collect(struct push *p, int fd, size_t *left, struct err *e)
{
    struct push_layer l;

    if (!read_message(fd, &l))
        return 0;
    if (l.phase == PUSH_RETRY) {
        tell(p, PUSH_RETRY, NULL, 0, l.why.text);
        return 1;
    }
    if (l.phase != PUSH_SENDING)
        p->layers[l.index] = l;
    if (l.result < 0) {
        if (e)
            *e = l.why;
        return l.result;
    }
    tell_layer(p, &l);
    if (l.phase != PUSH_SENDING)
        --*left;
    return 1;
}

/* Messages of all workers as they come, until all have ended or one has failed. */
static int collect_all(struct push *p, const int *pipes, size_t n, size_t *left, struct err *e)
{
    struct pollfd waits[WORKERS_MAX];
    size_t open = n;
    int r = 0;

    for (size_t i = 0; i < n; i++)
        waits[i] = (struct pollfd){.fd = pipes[i], .events = POLLIN};
    while (open && r >= 0) {
        if (poll(waits, n, -1) < 0 && errno != EINTR)
            return err_sys(e, "cannot wait for the processes that send layers");
        for (size_t i = 0; i < n && r >= 0; i++) {
            if (waits[i].fd < 0 || !waits[i].revents)
                continue;
            r = collect(p, waits[i].fd, left, e);
            if (r == 0) {
                waits[i].fd = -1; /* poll passes over it */
                open--;
            }
        }
    }
    return r < 0 ? r : 0;
}

/* Each worker has a pipe of its own, so that messages stay whole. */
static int send_beside(struct push *p, const size_t *list, size_t n, struct err *e)
{
    size_t workers = n < WORKERS_MAX ? n : WORKERS_MAX, left = n;
    int pipes[WORKERS_MAX], r = 0;
    pid_t pids[WORKERS_MAX];

    for (size_t i = 0; i < workers; i++) {
        int ends[2] = {-1, -1};

        pids[i] = r == 0 && pipe2(ends, O_CLOEXEC) == 0 ? fork() : -1;
        if (pids[i] == 0) {
            close(ends[0]);
            work(p, list, n, i, workers, ends[1]);
        }
        if (pids[i] < 0 && r == 0)
            r = err_sys(e, "cannot start a process for a layer");
        if (ends[1] >= 0)
            close(ends[1]);
        pipes[i] = ends[0];
    }
    if (r == 0)
        r = collect_all(p, pipes, workers, &left, e);
    for (size_t i = 0; i < workers; i++) {
        if (r < 0 && pids[i] > 0)
            (void)kill(pids[i], SIGKILL);
        if (pipes[i] >= 0)
            close(pipes[i]);
        if (pids[i] > 0)
            (void)proc_wait(pids[i], &(int){0}, NULL);
    }
    return r == 0 && left ? err_set(e, ECHILD, "a process that sent a layer was killed") : r;
}

static int send_all(struct push *p, const size_t *list, size_t n, struct err *e)
{
    int r;

    if (n > 1)
        return send_beside(p, list, n, e);
    if (n == 0)
        return 0;
    r = send_layer(p, &p->registry, list[0], e);
    if (r == 0)
        tell_layer(p, &p->layers[list[0]]);
    return r;
}

/* A layer that is there twice was sent once. */
static void fill_repeated(struct push *p)
{
    const struct manifest *m = &p->image->manifest;

    for (size_t i = 0; i < m->layer_count; i++)
        for (size_t k = 0; k < i; k++)
            if (hash_equal(&m->layers[i].digest, &m->layers[k].digest)) {
                p->layers[i].digest = p->layers[k].digest;
                p->layers[i].size = p->layers[k].size;
                p->layers[i].compression = p->layers[k].compression;
                break;
            }
}

/* ---- config and manifest ---- */

static int send_config(struct push *p, struct err *e)
{
    const struct descriptor *d = &p->image->manifest.config;
    autofd int fd = -1;
    off_t size;
    int r = upload_exists(&p->registry, &d->digest, e);

    if (r == 0)
        r = blob_open(p->store, &d->digest, &fd, &size, e);
    if (r == 0 && fd >= 0)
        r = upload_file(&p->registry, &d->digest, fd, size, NULL, e);
    if (r >= 0)
        tell(p, PUSH_CONFIG, &d->digest, d->size, NULL);
    return r < 0 ? r : 0;
}

static const char *layer_type(const struct push *p, enum manifest_compression c)
{
    bool oci = strstr(p->image->manifest.media_type, ".oci.") != NULL;

    if (c == COMPRESSION_ZSTD)
        return "application/vnd.oci.image.layer.v1.tar+zstd";
    if (c == COMPRESSION_NONE)
        return oci ? "application/vnd.oci.image.layer.v1.tar"
                   : "application/vnd.docker.image.rootfs.diff.tar";
    return oci ? "application/vnd.oci.image.layer.v1.tar+gzip"
               : "application/vnd.docker.image.rootfs.diff.tar.gzip";
}

/* The layers as they were sent, in the manifest as it was: its other members stay. */
static int rewrite(const struct push *p, struct text *bytes, struct err *e)
{
    const struct manifest *m = &p->image->manifest;
    autojson json_t *doc = NULL;
    bool changed = false;
    json_t *layers;
    int r = jsonx_parse(bytes->s, bytes->n, &doc, e);

    layers = json_object_get(doc, "layers");
    for (size_t i = 0; r == 0 && i < m->layer_count; i++) {
        json_t *o = json_array_get(layers, i);
        char digest[DIGEST_TEXT_MAX];

        if (hash_equal(&p->layers[i].digest, &m->layers[i].digest))
            continue;
        changed = true;
        json_object_set_new(o, "digest", json_string(hash_format(&p->layers[i].digest, digest)));
        json_object_set_new(o, "size", json_integer(p->layers[i].size));
        json_object_set_new(o, "mediaType", json_string(layer_type(p, p->layers[i].compression)));
    }
    if (r < 0 || !changed)
        return r;
    text_free(bytes);
    *bytes = (struct text){.s = jsonx_dump(doc, 0)};
    if (!bytes->s)
        return err_memory(e);
    bytes->n = strlen(bytes->s);
    bytes->cap = bytes->n + 1;
    return 0;
}

/* In the words that were asked for, and what the registry is told of them. */
static int choose_format(const struct push *p, struct text *bytes, char ret_type[128],
                         struct err *e)
{
    struct manifest m = {0};
    int r = 0;

    if (p->o->manifest != PUSH_AS_IS)
        r = convert_format(bytes, p->o->manifest == PUSH_OCI ? CONVERT_OCI : CONVERT_DOCKER, e);
    if (r == 0)
        r = manifest_parse(bytes->s, bytes->n, &m, e);
    memcpy(ret_type, m.media_type, sizeof m.media_type);
    manifest_free(&m);
    return r;
}

static int send_manifest(struct push *p, const struct ref *to, struct descriptor *ret,
                         struct err *e)
{
    autotext struct text bytes = {0};
    char digest[DIGEST_TEXT_MAX];
    int r = blob_read(p->store, &p->image->manifest_digest, MANIFEST_MAX, &bytes, e);

    if (r == 0)
        r = rewrite(p, &bytes, e);
    if (r == 0)
        r = choose_format(p, &bytes, ret->media_type, e);
    if (r == 0)
        r = hash_bytes(bytes.s, bytes.n, &ret->digest, e);
    if (r == 0)
        r = upload_manifest(&p->registry, *to->tag ? to->tag : hash_format(&ret->digest, digest),
                            ret->media_type, bytes.s, bytes.n, e);
    if (r == 0)
        tell(p, PUSH_MANIFEST, &ret->digest, (long long)bytes.n, NULL);
    ret->size = (long long)bytes.n;
    return r;
}

/* ---- the whole ---- */

int push_endpoint(const struct ref *to, struct conf_endpoint *ret, struct err *e)
{
    struct conf_endpoint list[CONF_ENDPOINTS];
    struct conf conf = {0};
    size_t n = 0;
    int r = conf_load(&conf, e);

    if (r == 0)
        r = conf_endpoints(&conf, to, list, &n, e);
    conf_free(&conf);
    for (size_t i = 0; i < n && r == 0; i++)
        if (!list[i].mirror)
            *ret = list[i];
    return r;
}

static int push_all(struct push *p, const struct ref *to, struct descriptor *ret, struct err *e)
{
    size_t n = 0, count = p->image->manifest.layer_count;
    autofree size_t *list = calloc(count + 1, sizeof *list);
    long long t = log_phase_begin();
    int r;

    p->layers = calloc(count + 1, sizeof *p->layers);
    if (!list || !p->layers)
        return err_memory(e);
    r = refs_each(p->store, note_source, p, e);
    if (r >= 0)
        r = look(p, list, &n, e);
    log_phase_end(t, "push: what is there");
    t = log_phase_begin();
    if (r == 0)
        r = send_all(p, list, n, e);
    log_phase_end(t, "push: layers");
    if (r < 0)
        return r;
    fill_repeated(p);
    r = send_config(p, e);
    return r < 0 ? r : send_manifest(p, to, ret, e);
}

int push_image(struct store *s, const struct image *image, const struct ref *to,
               const struct push_options *o, struct descriptor *ret, struct err *e)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    struct push p = {.store = s, .image = image, .o = o, .out = -1};
    int tmp, r = store_lock_shared(s, e);

    if (r == 0)
        r = store_tmp(s, &tmp, e); /* clears away what a push that was killed has left */
    if (r == 0)
        r = push_endpoint(to, &p.at, e);
    if (r < 0)
        return r;
    sigaction(SIGPIPE, &ignore, &before);
    r = connect_to(&p, &p.registry, e);
    if (r == 0) {
        r = push_all(&p, to, ret, e);
        registry_close(&p.registry);
    }
    sigaction(SIGPIPE, &before, NULL);
    for (size_t i = 0; i < p.source_count; i++)
        manifest_free(&p.sources[i].manifest);
    free(p.layers);
    return r;
}
