/* Theory of operation
 *
 * The file of the blob is the buffer between network and unpacking. What arrives is hashed and
 * written to the blob's temporary file; from there it is spliced into the worker's pipe, as far as
 * the worker takes it. So a slow worker never stalls a transfer, a worker that must wait for a CPU
 * begins when one is free, a broken transfer goes on where the file ends (Range), and a blob that
 * the store has already is unpacked by the same path without a transfer. The pages are in the
 * page cache, so nothing is read from the disk again, and our own memory stays small.
 *
 * The compressed blob is kept for a later push, save or copy (packaging/decisions/0016). A layer
 * that is unpacked already, but from another blob (plain, or compressed in another way), goes the
 * whole way once more: the blob is verified as any other, and the second unpacking thrown away.
 * That is rare.
 *
 * A pull that was killed leaves what it had of a blob in its temporary folder. Who has the layer's
 * turn next takes that file over (storage/partial): its bytes are hashed and go to the worker as if
 * they arrived, then the transfer goes on behind them. Should the whole turn out not to be the
 * blob, it is fetched from its beginning, once.
 *
 * A pull that fails leaves nothing, but for one case: when its helpers were killed (by somebody, or
 * for want of memory) it leaves what a killed pull leaves.
 *
 * A layer is one after the other: LOCK (another process may be fetching it: whoever has its turn
 * works, the others look again when it is free), FETCH (bytes come, and go to the worker), DRAIN
 * (the blob is verified and the worker has all of it), DONE. The blob's digest and size are
 * verified before layer_unpack_finish; its syncfs makes the blob's file durable too, before the
 * rename gives it its name. */
#include "storage/registry/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/proc.h"
#include "storage/partial.h"
#include "storage/registry/turn.h"

enum {
    PIPE_BYTES = 1 << 20,
    UNPACKS_MAX = 16,
    TICK_MS = 100,            /* progress, and the locks of others */
    JUDGE_BYTES = 16 << 20,   /* a worker failed: so much more is loaded to see whose fault it is */
    HASH_BYTES = 4 << 20,     /* of a file that was taken over, before the others have their turn */
    PROGRESS_BYTES = 1 << 20, /* a transfer that got so far may fail again from the first count */
};

enum state { WAIT, LOCK, FETCH, DRAIN, DONE };

struct layer {
    struct fetcher *all;
    size_t index;
    const struct descriptor *blob;
    const struct digest *diff_id;
    enum state state;
    struct turn turn;
    struct http_transfer *transfer;
    struct blob_writer writer;
    bool writing;         /* the blob is being downloaded; else it is in the store */
    bool complete;        /* all bytes are there and verified */
    off_t adopted;        /* its first bytes are of a pull that was killed */
    bool authorized;      /* a 401 was answered with new credentials once */
    int blob_fd;          /* of a blob that is in the store */
    long long skip;       /* bytes of a restarted body that we have already */
    long long attempt_at; /* where the last failure was */
    int attempt;
    long long not_before_ms;
    struct layer_job job;
    bool unpacking, broken; /* broken: the worker has stopped reading */
    off_t fed;
    long long began_ns;
};

struct fetcher {
    const struct fetch *f;
    struct layer *layers;
    size_t n, done;
    unsigned transfers, unpacks, unpacks_max;
    long long next_tick_ms;
    bool moved;  /* something became free: look at all layers again before waiting */
    bool killed; /* the unpacker was, or one of its workers: none of this is the image's fault */
};

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void tell(const struct layer *l, enum pull_phase phase, const char *text)
{
    const struct fetch *f = l->all->f;
    struct pull_event ev = {.phase = phase,
                            .layer = l->index,
                            .layer_count = l->all->n,
                            .digest = &l->blob->digest,
                            .done_bytes = phase == PULL_UNPACK ? (long long)l->fed
                                                               : (long long)l->writer.written,
                            .total_bytes = l->blob->size,
                            .text = text};

    if (f->progress)
        f->progress(f->arg, &ev);
}

/* ---- from the network into the file ---- */

static int sink(void *arg, const struct http_answer *a, const char *bytes, size_t n, struct err *e)
{
    struct layer *l = arg;
    long long have = l->writer.written;

    if (l->skip < 0) { /* the first bytes of this answer */
        if (a->status == 206 && a->range_start != have)
            return err_set(e, EPROTO, "the registry answers with another range than was asked for");
        l->skip = a->status == 206 ? 0 : have;
    }
    if (l->skip > 0) {
        size_t known = l->skip < (long long)n ? (size_t)l->skip : n;

        l->skip -= (long long)known;
        bytes += known;
        n -= known;
    }
    if (have + (long long)n > l->blob->size)
        return err_set(e, EBADMSG, "more bytes arrive than the %lld that were announced",
                       l->blob->size);
    return n ? blob_add(&l->writer, bytes, n, e) : 0;
}

static int start_transfer(struct layer *l, struct err *e)
{
    int r;

    l->skip = -1;
    r = registry_blob_start(l->all->f->source, &l->blob->digest, l->writer.written, sink, l,
                            &l->transfer, e);
    if (r == 0)
        l->all->transfers++;
    return r;
}

static void end_transfer(struct layer *l)
{
    if (!l->transfer)
        return;
    http_end(l->transfer);
    l->transfer = NULL;
    l->all->transfers--;
    l->all->moved = true;
}

/* What was taken over is no good: the same without it. */
static int start_over(struct layer *l, struct err *e)
{
    struct store *s = l->all->f->store;
    int r;

    end_transfer(l);
    if (l->unpacking) {
        layer_unpack_abandon(s, l->all->f->unpacker, &l->job);
        l->all->unpacks--;
        l->unpacking = false;
    }
    blob_abandon(&l->writer);
    l->broken = l->writing = l->complete = l->authorized = false;
    l->adopted = l->fed = 0;
    l->attempt_at = l->attempt = 0;
    l->state = FETCH;
    l->all->moved = true;
    tell(l, PULL_RETRY, "what a pull that was killed has left of it is damaged");
    r = blob_begin(s, &l->blob->digest, &l->writer, e);
    l->writing = r == 0;
    return r;
}

/* The registry cannot go on where we are: 416, another range, more bytes than there should be. */
static bool is_about_range(const struct http_answer *a, const struct err *why)
{
    return a->status == 416 || why->code == EPROTO || why->code == EBADMSG;
}

static int again(struct layer *l, int pause_ms, const char *why)
{
    l->not_before_ms = now_ms() + pause_ms;
    tell(l, PULL_RETRY, why);
    return 0;
}

/* All bytes are there: are they the blob? */
static int verify(struct layer *l, struct err *e)
{
    struct err why = {0};
    int r = blob_verify(&l->writer, &l->blob->digest, l->blob->size, &why);

    l->complete = r == 0;
    if (r == -EBADMSG && l->adopted)
        return start_over(l, e);
    if (r < 0 && e)
        *e = why;
    return r;
}

/* What a killed pull had of the blob is hashed like bytes that arrive. */
static int hash_adopted(struct layer *l, struct err *e)
{
    int r = partial_hash(&l->writer, &l->adopted, HASH_BYTES, e);

    l->all->moved = true;
    l->attempt_at = l->writer.written;
    return r == 0 && l->writer.written == l->blob->size ? verify(l, e) : r;
}

/* The transfer has ended: with all bytes, or with a reason to try again or to fail. */
static int judge_transfer(struct layer *l, struct err *e)
{
    const struct http_answer *a = http_answer(l->transfer);
    struct registry *source = l->all->f->source;
    enum registry_verdict v;
    struct err why = {0};
    int pause = 0, r = http_result(l->transfer, &why);

    if (l->writer.written - l->attempt_at > PROGRESS_BYTES) {
        l->attempt = 0;
        l->authorized = false; /* a token may expire more than once on a long way */
    }
    l->attempt_at = l->writer.written;
    v = registry_verdict(source, a, r, l->attempt, &pause, &why);
    if (v == REGISTRY_AUTHORIZE && !l->authorized) {
        l->authorized = source->authorization; /* else it was the first time to be asked */
        r = registry_authorize(source, a->challenges.s, e);
        end_transfer(l);
        return r;
    }
    if (v == REGISTRY_AUTHORIZE)
        err_set(&why, EACCES, "unauthorized: the registry refuses the token it gave");
    if (v == REGISTRY_AGAIN) {
        l->attempt++;
        end_transfer(l);
        return again(l, pause, why.text);
    }
    if (v != REGISTRY_OK && is_about_range(a, &why) && l->adopted)
        return start_over(l, e);
    end_transfer(l);
    if (v != REGISTRY_OK && why.code == ENOENT && l->blob->foreign)
        err_wrap(&why, -ENOENT, "a foreign layer, which is taken from the registry alone");
    if (v != REGISTRY_OK) {
        if (e)
            *e = why;
        return -why.code;
    }
    return verify(l, e);
}

static int fetch_bytes(struct layer *l, struct err *e)
{
    if (!l->writing || l->complete)
        return 0;
    if (l->writer.written < l->adopted)
        return hash_adopted(l, e);
    if (l->transfer)
        return http_done(l->transfer) ? judge_transfer(l, e) : 0;
    if (l->all->transfers >= FETCH_TRANSFERS || now_ms() < l->not_before_ms)
        return 0;
    return start_transfer(l, e);
}

/* ---- from the file to the worker ---- */

static int start_unpack(struct layer *l, struct err *e)
{
    int r = layer_unpack_start(l->all->f->unpacker, l->diff_id, l->blob->compression, l->blob->size,
                               &l->job, e);

    l->all->killed = l->all->killed || r == -EPIPE || r == -ECONNRESET;
    if (r < 0)
        return r;
    l->unpacking = true;
    l->all->unpacks++;
    (void)fcntl(l->job.in_fd, F_SETPIPE_SZ, PIPE_BYTES); /* only faster */
    if (fcntl(l->job.in_fd, F_SETFL, O_WRONLY | O_NONBLOCK) < 0)
        return err_sys(e, "cannot set up the pipe to the unpacker");
    return 0;
}

static int feed(struct layer *l, struct err *e)
{
    off_t have = l->writing ? l->writer.written : (off_t)l->blob->size;
    int from = l->writing ? l->writer.fd : l->blob_fd;

    while (l->fed < have && !l->broken) {
        ssize_t n = splice(from, &l->fed, l->job.in_fd, NULL, (size_t)(have - l->fed),
                           SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

        if (n < 0 && errno == EINVAL)
            n = file_copy_some(from, l->job.in_fd, &l->fed);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n < 0 && errno != EPIPE)
            return err_sys(e, "cannot pass layer sha256:%.12s on", l->blob->digest.hex);
        if (n == 0)
            return err_set(e, EBADMSG, "blob sha256:%s in the store is cut short",
                           l->blob->digest.hex);
        l->broken = n < 0;
    }
    return 0;
}

static int unpack(struct layer *l, struct err *e)
{
    struct fetcher *all = l->all;
    int r = 0;

    if (!l->unpacking && all->unpacks < all->unpacks_max && (l->writer.written || l->complete))
        r = start_unpack(l, e);
    if (r == 0 && l->unpacking)
        r = feed(l, e);
    if (r < 0 || !l->unpacking)
        return r;
    if ((l->complete && (l->broken || l->fed >= l->blob->size)) ||
        (l->broken && l->blob->size - l->writer.written > JUDGE_BYTES)) {
        close(take_fd(&l->job.in_fd));
        end_transfer(l);
        l->state = DRAIN;
        tell(l, PULL_UNPACK, NULL);
    }
    return 0;
}

/* ---- the end ---- */

static int commit(struct layer *l, struct err *e)
{
    struct layer_meta meta;
    int r;

    l->unpacking = false; /* the job ends either way */
    l->all->unpacks--;
    l->all->moved = true;
    r = layer_unpack_finish(l->all->f->store, l->all->f->unpacker, &l->job, &meta, e);
    l->all->killed = l->all->killed || r == -EPIPE;
    if (r == 0 && !l->complete)
        r = err_set(e, EPROTO, "the unpacker stopped reading early");
    if (r == 0 && l->writing) {
        l->writing = false;
        r = blob_commit(l->all->f->store, &l->writer, &l->blob->digest, l->blob->size, false, e);
    }
    return r;
}

static void be_done(struct layer *l, enum pull_phase phase)
{
    if (l->blob_fd >= 0)
        close(take_fd(&l->blob_fd));
    turn_end(&l->turn);
    l->state = DONE;
    l->all->done++;
    l->all->next_tick_ms = 0; /* another layer may wait for this one's lock */
    tell(l, phase, NULL);
    if (l->began_ns)
        log_phase_end(l->began_ns, "layer %.12s", l->blob->digest.hex);
}

static int drain(struct layer *l, struct err *e)
{
    struct pollfd p = {.fd = l->job.done_fd, .events = POLLIN};
    struct err why = {0};
    int r;

    if (poll(&p, 1, 0) <= 0)
        return 0;
    r = commit(l, &why);
    if (r == 0)
        be_done(l, PULL_DONE);
    if (r < 0 && l->adopted && !l->complete)
        return start_over(l, e);
    if (r < 0 && e)
        *e = why;
    return r;
}

static void abandon(struct layer *l)
{
    end_transfer(l);
    if (l->unpacking)
        layer_unpack_abandon(l->all->f->store, l->all->f->unpacker, &l->job);
    if (l->writing && l->all->killed)
        blob_leave(&l->writer); /* as if the whole pull had been killed: the next one goes on */
    else if (l->writing)
        blob_abandon(&l->writer);
    if (l->blob_fd >= 0)
        close(take_fd(&l->blob_fd));
    turn_end(&l->turn);
}

/* ---- the beginning ---- */

static int begin(struct layer *l, struct err *e)
{
    struct store *s = l->all->f->store;
    struct err why = {0};
    off_t size = 0;
    int r;

    r = blob_open(s, &l->blob->digest, &l->blob_fd, &size, &why);
    if (r == 0 && size != l->blob->size)
        return err_set(e, EBADMSG, "it has %lld bytes, but %lld were announced", (long long)size,
                       l->blob->size);
    l->complete = r == 0;
    if (r < 0 && r != -ENOENT && e)
        *e = why;
    if (r == -ENOENT) {
        r = partial_adopt(s, &l->blob->digest, l->blob->size, true, &l->writer, &l->adopted, NULL);
        if (r < 0)
            r = blob_begin(s, &l->blob->digest, &l->writer, e);
        l->writing = r == 0;
    }
    if (r < 0)
        return r;
    l->began_ns = log_phase_begin();
    l->state = FETCH;
    tell(l, PULL_DOWNLOAD, NULL);
    return 0;
}

static bool is_here(const struct layer *l)
{
    const struct store *s = l->all->f->store;

    return layer_exists(s, l->diff_id) && blob_exists(s, &l->blob->digest);
}

/* Is it there, may we fetch it, or is another at it? */
static int try_begin(struct layer *l, struct err *e)
{
    struct err why = {0};
    int r;

    if (is_here(l)) {
        be_done(l, PULL_EXISTS);
        return 0;
    }
    r = turn_take(l->all->f->store, l->diff_id, &l->turn, &why);
    if (r == -EWOULDBLOCK) {
        if (l->state == WAIT)
            tell(l, PULL_WAIT, NULL);
        l->state = LOCK;
        return 0;
    }
    if (r < 0) {
        if (e)
            *e = why;
        return r;
    }
    if (!is_here(l))
        return begin(l, e);
    be_done(l, PULL_EXISTS);
    return 0;
}

static int step(struct layer *l, bool tick, struct err *e)
{
    int r = 0;

    if (l->state == WAIT || (l->state == LOCK && tick))
        r = l->all->transfers < FETCH_TRANSFERS ? try_begin(l, e) : 0;
    if (l->state == FETCH && r == 0)
        r = fetch_bytes(l, e);
    if (l->state == FETCH && r == 0)
        r = unpack(l, e);
    if (l->state == DRAIN && r == 0)
        r = drain(l, e);
    if (r == 0 && tick && l->state == FETCH)
        tell(l, l->complete ? PULL_UNPACK : PULL_DOWNLOAD, NULL);
    return err_wrap(e, r, "layer sha256:%s", l->blob->digest.hex);
}

/* ---- the loop ---- */

static size_t collect_waits(const struct fetcher *all, struct http_wait *waits)
{
    size_t n = 0;

    for (size_t i = 0; i < all->n; i++) {
        const struct layer *l = &all->layers[i];
        off_t have = l->writing ? l->writer.written : (off_t)l->blob->size;

        if (l->state == DRAIN)
            waits[n++] = (struct http_wait){.fd = l->job.done_fd};
        else if (l->state == FETCH && l->unpacking && !l->broken && l->fed < have)
            waits[n++] = (struct http_wait){.fd = l->job.in_fd, .writable = true};
    }
    return n; /* at most one for each unpacking layer */
}

static int run(struct fetcher *all, struct err *e)
{
    struct http_wait waits[UNPACKS_MAX];
    int r = 0;

    while (r == 0) {
        bool tick = now_ms() >= all->next_tick_ms;

        if (tick)
            all->next_tick_ms = now_ms() + TICK_MS;
        all->moved = false;
        for (size_t i = 0; i < all->n && r == 0; i++)
            r = step(&all->layers[i], tick, e);
        if (r < 0 || all->done == all->n)
            return r;
        r = http_poll(all->f->source->http, waits, collect_waits(all, waits),
                      all->moved ? 0 : TICK_MS, e);
    }
    return r;
}

static void prepare(struct fetcher *all)
{
    for (size_t i = 0; i < all->n; i++)
        all->layers[i] = (struct layer){.all = all,
                                        .index = i,
                                        .blob = &all->f->manifest->layers[i],
                                        .diff_id = &all->f->config->diff_ids[i],
                                        .turn = TURN_NONE,
                                        .blob_fd = -1};
}

int fetch_layers(const struct fetch *f, struct err *e)
{
    struct fetcher all = {.f = f, .n = f->manifest->layer_count};
    int cpus = proc_cpus(), r;

    if (all.n == 0)
        return 0;
    all.unpacks_max = cpus < UNPACKS_MAX ? (unsigned)cpus : UNPACKS_MAX;
    all.layers = calloc(all.n, sizeof *all.layers);
    if (all.layers) {
        prepare(&all);
        r = run(&all, e);
        for (size_t i = 0; i < all.n && r < 0; i++)
            abandon(&all.layers[i]);
    } else {
        r = err_memory(e);
    }
    free(all.layers);
    return r;
}
