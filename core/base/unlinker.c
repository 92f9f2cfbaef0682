/* Theory of operation. A folder is a job. Whoever takes it opens it by its parent's descriptor (so
 * no link is followed), unlinks what is no folder, and adds the folders in it as jobs. A folder
 * that has been gone through and whose folders are gone is removed itself, by the thread that
 * finished the last of them. Jobs are taken from the end: so depth first, and few folders are open
 * at once.
 *
 * Many files of one folder are jobs as well, in pieces: their names are what costs. */
#include "core/base/unlinker.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 10 };

struct job {
    struct job *parent; /* NULL: the first one */
    struct job *next;   /* in the list of those that wait */
    int fd;             /* -1: not open yet; for a piece the parent's, borrowed */
    size_t pending;     /* itself while somebody works on it, its folders and its pieces */
    bool is_piece;
    size_t n;    /* of `name`: bytes with the NULs */
    char name[]; /* of the folder; of a piece: names, one after the other */
};

struct unlinker {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *waiting;
    size_t alive; /* jobs */
    int dir_fd;
    dev_t dev;
    struct timespec began;
    pthread_t threads[UNLINKER_THREADS];
    unsigned thread_count;
};

static struct job *new_job(struct job *parent, const char *name, size_t n)
{
    struct job *j = malloc(sizeof *j + n);

    if (!j)
        return NULL; /* it stays, and so does what it is in */
    *j = (struct job){.parent = parent, .fd = -1, .pending = 1, .n = n};
    memcpy(j->name, name, n);
    return j;
}

static void *work(void *arg);

static bool is_slow(const struct unlinker *u)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - u->began.tv_sec) * 1000 + (now.tv_nsec - u->began.tv_nsec) / 1000000 >=
           UNLINKER_PATIENCE_MS;
}

static void add_job(struct unlinker *u, struct job *j)
{
    if (!j)
        return;
    pthread_mutex_lock(&u->lock);
    if (j->parent)
        j->parent->pending++;
    u->alive++;
    j->next = u->waiting;
    u->waiting = j;
    if (u->thread_count < UNLINKER_THREADS && is_slow(u) &&
        pthread_create(&u->threads[u->thread_count], NULL, work, u) == 0)
        u->thread_count++;
    pthread_cond_signal(&u->more);
    pthread_mutex_unlock(&u->lock);
}

/* One thing less to do for j. */
static void finish(struct unlinker *u, struct job *j)
{
    while (j) {
        struct job *parent = j->parent;
        bool is_done;

        pthread_mutex_lock(&u->lock);
        is_done = --j->pending == 0;
        pthread_mutex_unlock(&u->lock);
        if (!is_done)
            return;
        if (!j->is_piece && j->fd >= 0) {
            close(j->fd);
            (void)unlinkat(parent ? parent->fd : u->dir_fd, j->name, AT_REMOVEDIR);
        }
        free(j);
        pthread_mutex_lock(&u->lock);
        if (--u->alive == 0)
            pthread_cond_broadcast(&u->more);
        pthread_mutex_unlock(&u->lock);
        j = parent;
    }
}

/* A piece of the names in the folder `j`. */
struct names {
    char bytes[PIECE_BYTES];
    size_t n;
};

static void add_piece(struct unlinker *u, struct job *j, struct names *l)
{
    struct job *piece = l->n ? new_job(j, l->bytes, l->n) : NULL;

    l->n = 0;
    if (!piece)
        return;
    piece->is_piece = true;
    add_job(u, piece);
}

static bool is_folder(int dir, const struct dirent *ent)
{
    struct stat st;

    if (ent->d_type != DT_UNKNOWN)
        return ent->d_type == DT_DIR;
    return fstatat(dir, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static void go_through(struct unlinker *u, struct job *j)
{
    int parent = j->parent ? j->parent->fd : u->dir_fd, copy;
    const struct dirent *ent;
    struct names l = {.n = 0};
    struct stat st;
    DIR *d;

    j->fd = openat(parent, j->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (j->fd < 0 || fstat(j->fd, &st) < 0 || (u->dev && st.st_dev != u->dev))
        return;
    if (!u->dev)
        u->dev = st.st_dev; /* of the first one, before there are other threads */
    copy = fcntl(j->fd, F_DUPFD_CLOEXEC, 0);
    d = copy < 0 ? NULL : fdopendir(copy);
    if (!d && copy >= 0)
        close(copy);
    while (d && (ent = readdir(d))) {
        size_t n = strlen(ent->d_name) + 1;

        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
            continue;
        if (is_folder(j->fd, ent)) {
            add_job(u, new_job(j, ent->d_name, n));
            continue;
        }
        if (l.n + n > sizeof l.bytes)
            add_piece(u, j, &l);
        memcpy(l.bytes + l.n, ent->d_name, n);
        l.n += n;
    }
    if (d)
        closedir(d);
    for (size_t i = 0; i < l.n; i += strlen(l.bytes + i) + 1)
        (void)unlinkat(j->fd, l.bytes + i, 0);
}

static void *work(void *arg)
{
    struct unlinker *u = arg;

    pthread_mutex_lock(&u->lock);
    while (u->alive) {
        struct job *j = u->waiting;

        if (!j) {
            pthread_cond_wait(&u->more, &u->lock);
            continue;
        }
        u->waiting = j->next;
        pthread_mutex_unlock(&u->lock);
        if (j->is_piece)
            for (size_t i = 0; i < j->n; i += strlen(j->name + i) + 1)
                (void)unlinkat(j->parent->fd, j->name + i, 0);
        else
            go_through(u, j);
        finish(u, j);
        pthread_mutex_lock(&u->lock);
    }
    pthread_mutex_unlock(&u->lock);
    return NULL;
}

void unlinker_run(int dir_fd, const char *name)
{
    struct unlinker u = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .dir_fd = dir_fd};

    clock_gettime(CLOCK_MONOTONIC, &u.began);
    add_job(&u, new_job(NULL, name, strlen(name) + 1));
    work(&u);
    for (unsigned i = 0; i < u.thread_count; i++)
        pthread_join(u.threads[i], NULL);
}
