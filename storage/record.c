#include "storage/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/record_name.h"
#include "storage/record_scan.h"

#define RECORD_NOT_FOUND "no container with name or ID \"%s\" found: no such container"

enum { NAME_TRIES = 20, LOCK_TRIES = 1000, ROOM = 64 << 10 };

const char *record_state_name(enum record_state s)
{
    switch (s) {
    case RECORD_CREATING:
    case RECORD_STARTING:
    case RECORD_CREATED: return "created";
    case RECORD_INITIALIZED: return "initialized";
    case RECORD_RUNNING: return "running";
    case RECORD_PAUSED: return "paused";
    case RECORD_RESTARTING: return "restarting";
    case RECORD_EXITED: return "exited";
    }
    return "unknown";
}

int record_init(struct record *ret, struct err *e)
{
    *ret = (struct record){
        .dir_fd = -1, .stop_timeout_s = -1, .labels = json_object(), .annotations = json_object()};
    if (ret->labels && ret->annotations)
        return 0;
    record_free(ret);
    return err_memory(e);
}

void record_free(struct record *r)
{
    free(r->image);
    free(r->error);
    free(r->stop_signal);
    free(r->driver);
    free(r->network);
    free(r->restart);
    free(r->health);
    free(r->cgroup);
    free(r->log_driver);
    strv_free(&r->layers);
    strv_free(&r->command);
    strv_free(&r->volumes);
    strv_free(&r->mounts);
    strv_free(&r->exposed);
    json_decref(r->labels);
    json_decref(r->annotations);
    if (r->dir_fd >= 0)
        close(r->dir_fd);
    *r = (struct record){.dir_fd = -1};
}

static bool is_id(const char *s)
{
    return strlen(s) == RECORD_ID_HEX && strspn(s, "0123456789abcdef") == RECORD_ID_HEX;
}

static int new_id(char ret[RECORD_ID_HEX + 1], struct err *e)
{
    unsigned char raw[RECORD_ID_HEX / 2];
    bool number;

    /* Twelve decimal digits would look like a number to other tools (docker does the same). */
    do {
        if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
            return err_sys(e, "cannot get random bytes");
        for (size_t i = 0; i < sizeof raw; i++)
            snprintf(ret + 2 * i, 3, "%02x", raw[i]);
        number = strspn(ret, "0123456789") >= RECORD_SHORT;
    } while (number);
    return 0;
}

static int dump(const struct record *r, struct text *ret, struct err *e)
{
    autojson json_t *j = NULL;
    int n = record_data_format(r, &j, e);

    if (n < 0)
        return n;
    ret->s = jsonx_dump(j, 0);
    if (!ret->s)
        return err_memory(e);
    ret->n = strlen(ret->s);
    ret->cap = ret->n + 1;
    return 0;
}

/* Nothing is written that could not be read again: one whose labels fill a record leaves room for
 * what its life will add. */
static int check_size(const struct record *r, size_t n, struct err *e)
{
    bool fresh = r->state == RECORD_CREATING || (r->state == RECORD_CREATED && !r->error);
    size_t most = RECORD_MAX - (fresh ? ROOM : 0);

    return n <= most ? 0
                     : err_set(e, E2BIG,
                               "its labels, annotations, command and mounts make a record of %zu "
                               "bytes, more than %zu",
                               n, most);
}

/* The folder with its first record, under the shared lock (see the header). */
static int make_folder(int containers, struct record *r, struct err *e)
{
    autotext struct text t = {0};
    autofd int dir = -1, file = -1;
    int n = dump(r, &t, e);

    if (n == 0)
        n = check_size(r, t.n, e);
    if (n < 0)
        return n;
    if (mkdirat(containers, r->id, 0700) < 0)
        return err_sys(e, "cannot make the container's folder");
    dir = openat(containers, r->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0)
        file = openat(dir, "record.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    n = file < 0 ? err_sys(e, "cannot create the container's record")
                 : err_wrap(e, file_write_fd(file, t.s, t.n, e), "the container's record");
    if (n == 0) {
        r->dir_fd = take_fd(&dir);
        return 0;
    }
    if (dir >= 0)
        (void)unlinkat(dir, "record.json", 0);
    (void)unlinkat(containers, r->id, AT_REMOVEDIR); /* else the next sweep removes it */
    return n;
}

static void undo_folder(const struct store *s, struct record *r)
{
    char path[RECORD_ID_HEX + 16];

    (void)unlinkat(r->dir_fd, "record.json", 0);
    snprintf(path, sizeof path, "containers/%s", r->id);
    (void)unlinkat(s->fd, path, AT_REMOVEDIR);
    close(take_fd(&r->dir_fd));
}

static int claim_random(const struct store *s, struct record *r, struct err *e)
{
    int n = -EEXIST;

    for (unsigned i = 0; n == -EEXIST && i < NAME_TRIES; i++) {
        record_name_random(i, r->name);
        n = record_name_claim(s, r->name, r->id, e);
    }
    return n < 0 ? n : record_save(s, r, e);
}

static long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

int record_new(const struct store *s, const char *name, struct record *r, struct err *e)
{
    autofd int containers = -1;
    int n = name ? record_check_name(name, e) : 0;

    if (n == 0)
        n = new_id(r->id, e);
    if (n == 0)
        n = proc_identify(getpid(), &r->creator, e);
    if (n == 0)
        n = store_folder(s, "containers", &containers, e);
    if (n < 0)
        return n;
    if (name)
        snprintf(r->name, sizeof r->name, "%s", name);
    else
        record_name_random(0, r->name);
    r->state = RECORD_CREATING;
    r->exit_code = -1;
    r->created_ns = now_ns();
    /* Where folders cannot be locked (some NFS), sweep never removes a folder without record. */
    (void)flock(containers, LOCK_SH);
    n = make_folder(containers, r, e);
    (void)flock(containers, LOCK_UN);
    if (n < 0)
        return n;
    n = record_name_claim(s, r->name, r->id, e);
    if (n == -EEXIST && !name)
        n = claim_random(s, r, e);
    if (n < 0)
        undo_folder(s, r);
    return n;
}

int record_check_name(const char *name, struct err *e)
{
    return record_name_check(name, e);
}

int record_folder(const struct store *s, struct record *r, int *ret_fd, struct err *e)
{
    char path[RECORD_ID_HEX + 16];

    if (r->dir_fd < 0) {
        snprintf(path, sizeof path, "containers/%s", r->id);
        r->dir_fd = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (r->dir_fd < 0 && errno == ENOENT)
            return err_set(e, ENOENT, RECORD_NOT_FOUND, r->name[0] ? r->name : r->id);
        if (r->dir_fd < 0)
            return err_sys(e, "cannot open the folder of container %s", r->id);
    }
    *ret_fd = r->dir_fd;
    return 0;
}

/* On a full disk there is no room for a second file, but the first one has its block: what a
 * container does must be told there, too. A crash in this moment would leave a damaged record. */
static int save_in_place(int dir, const struct text *t)
{
    autofd int fd = openat(dir, "record.json", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    autofree char *padded = NULL;
    struct stat st;
    size_t n = t->n;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return -EIO;
    if (n > (size_t)st.st_size && (long long)n > (long long)st.st_blocks * 512)
        return -ENOSPC;
    if (n < (size_t)st.st_size)
        n = (size_t)st.st_size;
    padded = malloc(n);
    if (!padded)
        return -ENOMEM;
    memset(padded, ' ', n);
    memcpy(padded, t->s, t->n);
    return pwrite(fd, padded, n, 0) == (ssize_t)n ? 0 : -ENOSPC;
}

int record_save(const struct store *s, struct record *r, struct err *e)
{
    autotext struct text t = {0};
    int dir = -1, n = record_folder(s, r, &dir, e);

    if (n == 0)
        n = dump(r, &t, e);
    if (n == 0)
        n = check_size(r, t.n, e);
    if (n == 0)
        n = file_replace(dir, "record.json", t.s, t.n, 0600, false, e);
    if ((n == -ENOSPC || n == -EDQUOT) && save_in_place(dir, &t) == 0)
        return 0;
    return err_wrap(e, n, "container %s", r->id);
}

/* By the quick reader, else by the general one. */
static int parse(const struct text *t, struct record *r, struct err *e)
{
    autojson json_t *j = NULL;
    int n = record_scan(t->s, t->n, r);

    if (n == -ENOMEM)
        return err_memory(e);
    if (n != -EAGAIN)
        return n;
    record_free(r);
    n = record_init(r, e);
    if (n == 0)
        n = jsonx_parse(t->s, t->n, &j, e);
    return n < 0 ? n : record_data_parse(j, r, e);
}

int record_load(const struct store *s, const char *id, struct record *ret, struct err *e)
{
    char path[RECORD_ID_HEX + 32];
    autotext struct text t = {0};
    autorecord struct record r = {.dir_fd = -1};
    int n;

    if (!is_id(id))
        return err_set(e, EINVAL, "'%s' is not a container's id", id);
    snprintf(path, sizeof path, "containers/%s/record.json", id);
    n = record_init(&r, e);
    if (n == 0)
        n = file_read(s->fd, path, RECORD_MAX, &t, e);
    if (n == 0)
        n = err_wrap(e, parse(&t, &r, e), "'%s'", path);
    if (n == 0 && strcmp(r.id, id) != 0)
        n = err_set(e, EINVAL, "'%s' is the record of another container", path);
    if (n < 0)
        return n;
    *ret = r;
    r = (struct record){.dir_fd = -1};
    return 0;
}

char *record_path(const struct store *s, const struct record *r)
{
    return text_format("%s/containers/%s", s->path, r->id);
}

int record_lock(const struct store *s, struct record *r, int how, int *ret_fd, struct err *e)
{
    int dir = -1, n = record_folder(s, r, &dir, e);

    return n < 0 ? n : file_lock(dir, "lock", how, ret_fd, e);
}

/* Others hold it for moments; one that was stopped while it held it must not stop us for ever. */
static int wait_lock(const struct store *s, struct record *r, int *ret_fd, struct err *e)
{
    for (int waited = 0;; waited++) {
        int n = record_lock(s, r, LOCK_EX | LOCK_NB, ret_fd, e);

        if (n != -EWOULDBLOCK)
            return n;
        if (waited > LOCK_TRIES)
            return err_set(e, EBUSY,
                           "container %s: another command holds its lock; look for a stopped or "
                           "hanging rctr process",
                           r->name);
        usleep(waited < 20 ? 200 : 5000);
    }
}

int record_update(const struct store *s, struct record *r, record_change *change, void *arg,
                  struct err *e)
{
    autorecord struct record fresh = {.dir_fd = -1};
    autofd int lock = -1;
    int n = wait_lock(s, r, &lock, e);

    if (n == 0)
        n = record_load(s, r->id, &fresh, e);
    if (n == -ENOENT)
        return err_set(e, ENOENT, RECORD_NOT_FOUND, r->name[0] ? r->name : r->id);
    if (n < 0)
        return n;
    n = change ? change(arg, &fresh, e) : 1;
    if (n == 0)
        n = record_save(s, &fresh, e);
    if (n < 0)
        return n;
    if (fresh.dir_fd < 0)
        fresh.dir_fd = take_fd(&r->dir_fd);
    record_free(r);
    *r = fresh;
    fresh = (struct record){.dir_fd = -1};
    return 0;
}

int record_ids(const struct store *s, struct strv *ret, struct err *e)
{
    int fd = openat(s->fd, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *ent;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (!d) {
        r = err_sys(e, "cannot list the containers in '%s'", s->path);
        if (fd >= 0)
            close(fd);
        return r;
    }
    while (r == 0 && (ent = readdir(d)))
        if (is_id(ent->d_name))
            r = strv_add(ret, ent->d_name, e);
    closedir(d);
    return r;
}

int record_each(const struct store *s, int (*fn)(void *arg, struct record *r, struct err *e),
                void *arg, struct err *e)
{
    autostrv struct strv ids = {0};
    int n = record_ids(s, &ids, e);

    for (size_t i = 0; n >= 0 && i < ids.n; i++) {
        autorecord struct record r = {.dir_fd = -1};

        /* One that is being made or removed has no record; check tells of damaged ones. */
        if (record_load(s, ids.v[i], &r, NULL) == 0)
            n = fn(arg, &r, e);
    }
    return n < 0 ? n : 0;
}

static int find_prefix(const struct store *s, const char *word, char ret[RECORD_ID_HEX + 1],
                       struct err *e)
{
    autostrv struct strv ids = {0};
    size_t found = 0;
    int r = record_ids(s, &ids, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < ids.n; i++)
        if (text_starts(ids.v[i], word) && found++ == 0)
            snprintf(ret, RECORD_ID_HEX + 1, "%s", ids.v[i]);
    if (found > 1)
        return err_set(e, ENOTUNIQ, "\"%s\" is the beginning of %zu container ids: give more of it",
                       word, found);
    return found ? 0 : -ENOENT;
}

int record_find(const struct store *s, const char *word, struct record *ret, struct err *e)
{
    char id[RECORD_ID_HEX + 1] = "";
    int r = -ENOENT;

    if (record_check_name(word, NULL) == 0)
        r = record_name_owner(s, word, id);
    if (r == 0)
        r = record_load(s, id, ret, NULL);
    /* A rename that was killed leaves a name too many, until the sweep: the record is the truth. */
    if (r == 0 && strcmp(ret->name, word) != 0) {
        record_free(ret);
        r = -ENOENT;
    }
    if (r < 0) {
        size_t n = strlen(word);

        if (n == 0 || n > RECORD_ID_HEX || strspn(word, "0123456789abcdef") != n)
            r = -ENOENT;
        else
            r = find_prefix(s, word, id, e);
        if (r == 0)
            r = record_load(s, id, ret, e);
    }
    if (r == -ENOENT)
        return err_set(e, ENOENT, RECORD_NOT_FOUND, word);
    return r;
}

int record_set_aside(const struct store *s, struct record *r, char ret_gone[NAME_MAX],
                     struct err *e)
{
    char path[RECORD_ID_HEX + 16];
    struct err why = {0};
    int n = record_name_free(s, r->name, r->id, e);

    ret_gone[0] = 0;
    if (n < 0)
        return n;
    snprintf(path, sizeof path, "containers/%s", r->id);
    n = store_set_aside(s, s->fd, path, ret_gone, &why);
    if (n == 0) /* a sweep may have given it its name again in between */
        return record_name_free(s, r->name, r->id, e);
    ret_gone[0] = 0;
    if (n == -ENOENT) /* a sweep was faster */
        return 0;
    if (e)
        *e = why;
    return err_wrap(e, n, "container %s", r->id);
}

int record_remove(const struct store *s, struct record *r, struct err *e)
{
    char gone[NAME_MAX];
    int n = record_set_aside(s, r, gone, e);

    if (n < 0 || !gone[0])
        return n;
    return err_wrap(e, store_bury(s, gone, e), "container %s", r->id);
}

bool record_alive(const struct record *r)
{
    return record_has_monitor(r->state) && proc_alive(&r->monitor);
}
