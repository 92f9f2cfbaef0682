/* Theory of operation
 *
 * As in a pull (storage/registry/fetch), the file of the blob is the buffer between reading and
 * unpacking: what has arrived is spliced from it into the worker's pipe, as far as the worker takes
 * it. So the reader of the archive never waits for a worker, and as many workers run as there are
 * CPUs; the other layers wait in their files. Whoever calls gives the pipes what they take
 * (pump_all); layer_beside_wait goes on with that until nothing is left to do.
 *
 * A job: QUEUED, FED (a worker has the other end of the pipe), CLOSED (the worker has all of it),
 * ENDED (its answer waits in its pipe), CHECKED (the digest is right). A worker that cannot make
 * sense of its bytes ends too: that is a failure only when the layer is wanted. */
#include "storage/layer_beside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/idmap.h"
#include "core/base/proc.h"
#include "storage/blob.h"
#include "storage/layer.h"

enum { GUESSES_MAX = 128, WORKERS_MAX = 16, TICK_MS = 100 };

enum state { QUEUED, FED, CLOSED, ENDED, CHECKED };

struct job {
    struct job *next;
    enum state state;
    struct digest blob, diff_id; /* hex "": not known yet */
    bool wanted, whole;
    int fd; /* owned: of the blob's file */
    long long size, have;
    off_t fed;
    struct layer_job job; /* from FED on, until it has its name */
    size_t at, count;     /* of the image's layers */
    size_t number;        /* for the viewer */
    long long told_ms;
};

struct layer_beside {
    struct store *store;
    struct unpacker *unpacker;
    void (*progress)(void *arg, const struct load_event *ev);
    void *arg;
    struct job *first, **last;
    struct job *growing; /* the one that is being read */
    unsigned working, workers_max;
    size_t guesses, numbers;
};

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void tell(const struct layer_beside *b, struct job *j, enum load_phase phase)
{
    const struct load_event ev = {.phase = phase,
                                  .layer = j->number,
                                  .layer_count = b->numbers,
                                  .digest = &j->blob,
                                  .done_bytes = phase == LOAD_READ     ? j->have
                                                : phase == LOAD_UNPACK ? (long long)j->fed
                                                                       : j->size,
                                  .total_bytes = j->size};

    if (b->progress)
        b->progress(b->arg, &ev);
}

/* How far it is, now and then. */
static void tell_far(const struct layer_beside *b, struct job *j)
{
    long long now = now_ms();

    if (now - j->told_ms < TICK_MS)
        return;
    j->told_ms = now;
    tell(b, j, j->whole ? LOAD_UNPACK : LOAD_READ);
}

/* ---- from the file to the worker ---- */

static int start(struct layer_beside *b, struct job *j, struct err *e)
{
    struct idmap map;
    int r = 0;

    if (!b->unpacker) {
        r = idmap_load(&map, e);
        if (r == 0)
            r = layer_unpacker_start(b->store, &map, &b->unpacker, e);
    }
    if (r == 0)
        r = layer_unpack_start(b->unpacker, j->diff_id.hex[0] ? &j->diff_id : &j->blob,
                               COMPRESSION_NONE, j->size, &j->job, e);
    if (r < 0)
        return r;
    j->state = FED;
    b->working++;
    return fcntl(j->job.in_fd, F_SETFL, O_WRONLY | O_NONBLOCK) < 0
               ? err_sys(e, "cannot set up the pipe to the unpacker")
               : 0;
}

static void close_pipe(struct job *j)
{
    close(take_fd(&j->job.in_fd));
    close(take_fd(&j->fd));
    j->state = CLOSED;
}

/* What the worker takes of what is there. A worker that stops early closes the pipe: its answer
 * says why. */
static int feed(struct job *j, struct err *e)
{
    while (j->fed < j->have) {
        ssize_t n = splice(j->fd, &j->fed, j->job.in_fd, NULL, (size_t)(j->have - j->fed),
                           SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

        if (n < 0 && errno == EINVAL)
            n = file_copy_some(j->fd, j->job.in_fd, &j->fed);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n < 0 && errno == EPIPE) {
            close_pipe(j);
            return 0;
        }
        if (n <= 0)
            return n < 0 ? err_sys(e, "cannot hand a layer to its unpacker")
                         : err_set(e, EBADMSG, "blob sha256:%s in the store is cut short",
                                   j->blob.hex);
    }
    if (j->whole)
        close_pipe(j);
    return 0;
}

static int pump(struct layer_beside *b, struct job *j, struct err *e)
{
    int r = 0;

    if (j->state == QUEUED && b->working < b->workers_max && (j->have > 0 || j->whole))
        r = start(b, j, e);
    if (r == 0 && j->state == FED)
        r = feed(j, e);
    if (r == 0 && j->state == CLOSED) {
        struct pollfd p = {.fd = j->job.done_fd, .events = POLLIN};

        if (poll(&p, 1, 0) > 0) {
            j->state = ENDED;
            b->working--;
        }
    }
    if (r == 0 && (j->state == FED || j->state == CLOSED))
        tell_far(b, j);
    return r;
}

static int pump_all(struct layer_beside *b, struct err *e)
{
    int r = 0;

    for (struct job *j = b->first; j && r == 0; j = j->next)
        r = pump(b, j, e);
    return r;
}

/* ---- jobs ---- */

static struct job *add_job(struct layer_beside *b, int fd, long long size)
{
    struct job *j = calloc(1, sizeof *j);

    if (!j)
        return NULL;
    *j = (struct job){.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3),
                      .size = size,
                      .job = {.in_fd = -1, .done_fd = -1},
                      .number = b->numbers++};
    if (j->fd < 0) {
        free(j);
        return NULL;
    }
    *b->last = j;
    b->last = &j->next;
    return j;
}

static void end_job(struct layer_beside *b, struct job *j)
{
    if (j->job.done_fd >= 0 || j->job.tmp_name[0])
        layer_unpack_abandon(b->store, b->unpacker, &j->job);
    if (j->fd >= 0)
        close(j->fd);
    if (j->state == FED || j->state == CLOSED)
        b->working--;
    free(j);
}

int layer_beside_begin(struct layer_beside *b, int fd, const struct digest *name, long long size,
                       struct err *e)
{
    if (b->guesses == GUESSES_MAX)
        return 0;
    b->growing = add_job(b, fd, size);
    if (!b->growing)
        return err_sys(e, "cannot begin a layer");
    b->guesses++;
    b->growing->blob = *name;
    tell_far(b, b->growing);
    return 0;
}

int layer_beside_grow(struct layer_beside *b, long long have, struct err *e)
{
    if (b->growing)
        b->growing->have = have;
    return pump_all(b, e);
}

int layer_beside_whole(struct layer_beside *b, const struct digest *blob, struct err *e)
{
    if (b->growing) {
        b->growing->blob = *blob;
        b->growing->whole = true;
    }
    b->growing = NULL;
    return pump_all(b, e);
}

/* ---- what is wanted ---- */

static struct job *find(const struct layer_beside *b, const struct digest *blob,
                        const struct digest *diff_id)
{
    for (struct job *j = b->first; j; j = j->next)
        if (j->wanted ? hash_equal(&j->diff_id, diff_id) : hash_equal(&j->blob, blob))
            return j;
    return NULL;
}

int layer_beside_want(struct layer_beside *b, const struct descriptor *blob,
                      const struct digest *diff_id, size_t at, size_t count, struct err *e)
{
    struct job *j = find(b, &blob->digest, diff_id);
    autofd int fd = -1;
    off_t size = 0;
    int r;

    if (j && j->wanted)
        return 0;
    if (layer_exists(b->store, diff_id)) {
        struct job there = {.blob = blob->digest, .size = blob->size};

        there.number = j ? j->number : b->numbers++;
        tell(b, &there, LOAD_EXISTS);
        return 0;
    }
    if (!j) {
        r = blob_open(b->store, &blob->digest, &fd, &size, e);
        if (r < 0)
            return r;
        j = add_job(b, fd, size);
        if (!j)
            return err_sys(e, "cannot begin a layer");
        j->blob = blob->digest;
        j->have = size;
        j->whole = true;
    }
    j->wanted = true;
    j->diff_id = *diff_id;
    j->at = at;
    j->count = count;
    return pump_all(b, e);
}

static void drop_unwanted(struct layer_beside *b)
{
    struct job **at = &b->first;

    while (*at) {
        struct job *j = *at;

        if (j->wanted) {
            at = &j->next;
            continue;
        }
        *at = j->next;
        end_job(b, j);
    }
    b->last = at;
}

static int check(struct layer_beside *b, struct job *j, struct err *e)
{
    int r;

    if (j->state != ENDED)
        return 0;
    j->job.diff_id = j->diff_id;
    r = layer_unpack_verify(b->store, &j->job, e);
    if (r < 0)
        return err_wrap(e, r, "layer %zu of %zu", j->at + 1, j->count);
    j->state = CHECKED;
    tell(b, j, LOAD_DONE);
    return 0;
}

/* Until a worker takes more or has ended. */
static int wait_once(const struct layer_beside *b, struct err *e)
{
    struct pollfd waits[WORKERS_MAX];
    nfds_t n = 0;

    for (const struct job *j = b->first; j && n < WORKERS_MAX; j = j->next) {
        if (j->state == FED)
            waits[n++] = (struct pollfd){.fd = j->job.in_fd, .events = POLLOUT};
        else if (j->state == CLOSED)
            waits[n++] = (struct pollfd){.fd = j->job.done_fd, .events = POLLIN};
    }
    if (poll(waits, n, TICK_MS) < 0 && errno != EINTR)
        return err_sys(e, "cannot wait for the unpackers");
    return 0;
}

int layer_beside_wait(struct layer_beside *b, struct err *e)
{
    bool left = true;
    int r = 0;

    drop_unwanted(b);
    while (left && r == 0) {
        left = false;
        r = pump_all(b, e);
        for (struct job *j = b->first; j && r == 0; j = j->next) {
            r = check(b, j, e);
            left = left || j->state != CHECKED;
        }
        if (left && r == 0)
            r = wait_once(b, e);
    }
    return r;
}

int layer_beside_place(struct layer_beside *b, struct err *e)
{
    int r = 0;

    for (struct job *j = b->first; j && r == 0; j = j->next)
        r = err_wrap(e, layer_unpack_place(b->store, &j->job, e), "layer %zu of %zu", j->at + 1,
                     j->count);
    return r;
}

/* ---- the whole ---- */

int layer_beside_new(struct store *s, void (*progress)(void *arg, const struct load_event *ev),
                     void *arg, struct layer_beside **ret, struct err *e)
{
    struct layer_beside *b = calloc(1, sizeof *b);
    int cpus = proc_cpus();

    if (!b)
        return err_memory(e);
    *b = (struct layer_beside){.store = s, .progress = progress, .arg = arg};
    b->workers_max = cpus < WORKERS_MAX ? (unsigned)cpus : WORKERS_MAX;
    b->last = &b->first;
    *ret = b;
    return 0;
}

void layer_beside_free(struct layer_beside *b)
{
    if (!b)
        return;
    while (b->first) {
        struct job *j = b->first;

        b->first = j->next;
        end_job(b, j);
    }
    layer_unpacker_stop(b->unpacker);
    free(b);
}
