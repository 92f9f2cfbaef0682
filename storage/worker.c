/* Theory of operation: three threads around a ring of buffers. One reads the pipe and inflates, one
 * hashes, one (the main thread) takes the tar apart and makes files. Each alone takes about a third
 * of the work, which two cores share as they are free (packaging/decisions/0004-unpack.md). A slot
 * is filled again when both readers are done with it. The first failure ends the process; nobody is
 * joined. */
#include "storage/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/cage.h"
#include "storage/inflate.h"

enum { SLOTS = 4, SLOT_SIZE = 256 << 10, STACK_SIZE = 256 << 10 };
enum { IN_FD = 3, TREE_FD = 4, ANSWER_FD = 5 };

static const unsigned long long memory_max = 512ULL << 20, stream_max = 1ULL << 40;

struct ring {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned made, taken, hashed; /* slots filled, and handed back by each reader so far */
    bool ended;                   /* no further slots: r tells why */
    bool hash_done;
    int r;
    struct err e;
    size_t n[SLOTS];
    unsigned char *slot[SLOTS];
    bool holding; /* the consumer looks at slot `taken` */
    struct inflate *inflate;
    struct hash *hash;
};

/* ---- the one that reads ---- */

static int fill_slot(struct ring *g, unsigned char *slot, size_t *ret_n, struct err *e)
{
    size_t got = 0;

    while (got < SLOT_SIZE) {
        ssize_t n = inflate_read(g->inflate, slot + got, SLOT_SIZE - got, e);

        if (n < 0)
            return (int)n;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *ret_n = got;
    return 0;
}

static void *produce(void *arg)
{
    struct ring *g = arg;
    struct err e = {0};
    size_t n = 1;
    int r = 0;

    while (r == 0 && n) {
        unsigned at;

        pthread_mutex_lock(&g->lock);
        while (g->made - g->taken == SLOTS || g->made - g->hashed == SLOTS)
            pthread_cond_wait(&g->changed, &g->lock);
        at = g->made % SLOTS;
        pthread_mutex_unlock(&g->lock);

        r = fill_slot(g, g->slot[at], &n, &e);

        pthread_mutex_lock(&g->lock);
        g->n[at] = n;
        if (r == 0 && n)
            g->made++;
        else
            g->ended = true;
        g->r = r;
        g->e = e;
        pthread_cond_broadcast(&g->changed);
        pthread_mutex_unlock(&g->lock);
    }
    return NULL;
}

/* ---- the one that hashes ---- */

static void *hash_slots(void *arg)
{
    struct ring *g = arg;

    pthread_mutex_lock(&g->lock);
    for (;;) {
        unsigned at = g->hashed % SLOTS;

        while (g->made == g->hashed && !g->ended)
            pthread_cond_wait(&g->changed, &g->lock);
        if (g->made == g->hashed)
            break;
        pthread_mutex_unlock(&g->lock);
        hash_add(g->hash, g->slot[at], g->n[at]);
        pthread_mutex_lock(&g->lock);
        g->hashed++;
        pthread_cond_broadcast(&g->changed);
    }
    g->hash_done = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

static void await_hash(struct ring *g)
{
    pthread_mutex_lock(&g->lock);
    while (!g->hash_done)
        pthread_cond_wait(&g->changed, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

/* ---- the one that writes ---- */

static int next_slot(void *arg, const void **ret, size_t *ret_n, struct err *e)
{
    struct ring *g = arg;
    int r = 0;

    pthread_mutex_lock(&g->lock);
    if (g->holding) {
        g->holding = false;
        g->taken++;
        pthread_cond_broadcast(&g->changed);
    }
    while (g->made == g->taken && !g->ended)
        pthread_cond_wait(&g->changed, &g->lock);
    *ret_n = 0;
    if (g->made != g->taken) {
        *ret = g->slot[g->taken % SLOTS];
        *ret_n = g->n[g->taken % SLOTS];
        g->holding = true;
    } else if (g->r < 0) {
        r = g->r;
        if (e)
            *e = g->e;
    }
    pthread_mutex_unlock(&g->lock);
    return r;
}

static int start_thread(void *(*run)(void *), struct ring *g)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int r;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    r = pthread_create(&thread, &attributes, run, g);
    pthread_attr_destroy(&attributes);
    return r;
}

static int start_ring(struct ring *g, const struct worker_job *job, struct err *e)
{
    struct inflate_limits limits = {
        .output_bytes = stream_max, .free_bytes = 64ULL << 20, .ratio = 1000};
    int r;

    if (job->blob_bytes >= 0)
        limits.input_bytes = (unsigned long long)job->blob_bytes;
    *g = (struct ring){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    for (size_t i = 0; i < SLOTS; i++) {
        g->slot[i] = malloc(SLOT_SIZE);
        if (!g->slot[i])
            return err_memory(e);
    }
    r = inflate_new(IN_FD, &limits, &g->inflate, e);
    if (r == 0)
        r = hash_new(&g->hash, e);
    if (r < 0)
        return r;
    r = start_thread(produce, g);
    if (r == 0)
        r = start_thread(hash_slots, g);
    return r ? err_set(e, r, "cannot start a thread: %s", strerror(r)) : 0;
}

/* Unpack, then read on to the end of the stream: the digest is of all of it. */
static int unpack_all(const struct worker_job *job, struct worker_answer *a)
{
    static struct ring ring;
    struct tar_source source = {next_slot, &ring};
    struct tar *tar = NULL;
    const void *p;
    size_t n;
    int r = start_ring(&ring, job, &a->e);

    if (r == 0)
        r = tar_new(&source, &tar, &a->e);
    if (r == 0)
        r = unpack_tar(tar, TREE_FD, &job->rules, &a->count, &a->e);
    while (r == 0 && (r = next_slot(&ring, &p, &n, &a->e)) == 0 && n)
        ;
    if (r < 0)
        return r;
    await_hash(&ring);
    hash_end(ring.hash, &a->diff_id);
    a->tar_bytes = (long long)inflate_out(ring.inflate);
    return 0;
}

/* ---- the process ---- */

static void answer(const struct worker_answer *a)
{
    if (write(ANSWER_FD, a, sizeof *a) < 0) {
        /* Nobody waits any more. */
    }
}

/* In a signal handler: a call that the cage does not allow. */
static void refused(int number)
{
    static struct worker_answer a;

    a.r = -EPERM;
    a.e.code = EPERM;
    strcpy(a.e.text, "the unpacking process was stopped: it tried system call number ");
    char digits[12], *p = digits + sizeof digits - 1;

    *p = 0;
    do {
        *--p = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    strcat(a.e.text, p);
    strcat(a.e.text, ", which unpacking never needs");
    answer(&a);
}

/* Keep in, tree and answer as 3, 4 and 5, nothing else. */
static int keep_fds(int in_fd, int tree_fd, int answer_fd, struct err *e)
{
    enum { HIGH = 64 };
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int at[] = {in_fd, tree_fd, answer_fd};

    for (int i = 0; i < 3; i++) {
        at[i] = fcntl(at[i], F_DUPFD_CLOEXEC, HIGH);
        if (at[i] < 0)
            return err_sys(e, "cannot keep a file descriptor");
    }
    for (int i = 0; i < 3; i++)
        if (dup2(at[i], IN_FD + i) < 0 || (null >= 0 && dup2(null, i) < 0))
            return err_sys(e, "cannot keep a file descriptor");
    if (close_range(ANSWER_FD + 1, ~0U, 0) < 0)
        for (int fd = ANSWER_FD + 1; fd < 1024; fd++) /* before 5.9 */
            close(fd);
    return 0;
}

int worker_ready(struct err *e)
{
    int r = hash_ready(e);

    return r < 0 ? r : inflate_ready(e);
}

_Noreturn void worker_run(const struct worker_job *job, int in_fd, int tree_fd, int answer_fd)
{
    struct cage cage = {.folders = {TREE_FD},
                        .folder_count = 1,
                        .memory_bytes = memory_max,
                        .file_bytes = stream_max,
                        .open_files = 2048,
                        .refused = refused};
    static struct worker_answer a;

    a.r = worker_ready(&a.e);
    if (a.r == 0)
        a.r = keep_fds(in_fd, tree_fd, answer_fd, &a.e);
    (void)mallopt(M_ARENA_MAX, 1); /* a second arena would reserve 64 MiB of address space */
    (void)signal(SIGPIPE, SIG_IGN);
    umask(0);
    if (a.r == 0)
        a.r = cage_enter(&cage, &a.e);
    if (a.r == 0)
        a.r = unpack_all(job, &a);
    answer(&a);
    _exit(a.r < 0 ? 1 : 0);
}
