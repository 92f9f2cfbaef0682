/* Theory of operation.
 *
 * The writer renames log.1 to log.2, then log to log.1, then makes a new log; it writes to no file
 * after it renamed it. A reader that is at the end of its file looks where that file is now: names
 * are tried in the order in which files move (log, log.1, …), so it cannot slip by. The next
 * younger file is its successor; if the open file still has the same name after the successor was
 * opened, it was the right one. Then the old one is read to its end once more, since lines may have
 * come before it was renamed. */
#include "core/engine/logchain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"

enum {
    CHAIN_MAX = 1000,
    BLOCK = 65536,
    GAP = 2 /* names that may be missing while it is turned */
};

struct logchain {
    int dir_fd; /* owned */
    char name[NAME_MAX];
    int fd;   /* the file that is read; -1: none yet */
    int next; /* its successor, when it is known to have one */
    int watch;
    bool lost;
    size_t at, held; /* of buf: what is not handed out yet */
    char buf[BLOCK + LOGLINE_MAX];
};

/* ---- names ---- */

static const char *name_of(const struct logchain *c, int i, char buf[NAME_MAX + 16])
{
    if (i == 0)
        snprintf(buf, NAME_MAX + 16, "%s", c->name);
    else
        snprintf(buf, NAME_MAX + 16, "%s.%d", c->name, i);
    return buf;
}

static int open_one(const struct logchain *c, int i)
{
    char name[NAME_MAX + 16];
    struct stat st;
    int fd = openat(c->dir_fd, name_of(c, i, name), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool is_at(const struct logchain *c, int i, const struct stat *file)
{
    char name[NAME_MAX + 16];
    struct stat st;

    return fstatat(c->dir_fd, name_of(c, i, name), &st, 0) == 0 && st.st_ino == file->st_ino &&
           st.st_dev == file->st_dev;
}

/* Where the open file is now; -1: no name leads to it any more. */
static int place_of(const struct logchain *c, const struct stat *file)
{
    char name[NAME_MAX + 16];
    int missing = 0;

    for (int i = 0; i < CHAIN_MAX && missing <= GAP; i++) {
        if (is_at(c, i, file))
            return i;
        missing = faccessat(c->dir_fd, name_of(c, i, name), F_OK, 0) == 0 ? 0 : missing + 1;
    }
    return -1;
}

static int open_oldest(const struct logchain *c)
{
    int fd = -1, missing = 0;

    for (int i = 0; i < CHAIN_MAX && missing <= GAP; i++) {
        int older = open_one(c, i);

        missing = older < 0 ? missing + 1 : 0;
        if (older < 0)
            continue;
        if (fd >= 0)
            close(fd);
        fd = older;
    }
    return fd;
}

/* The file after the open one, or -1. */
static int successor(struct logchain *c)
{
    struct stat mine;

    if (c->fd < 0)
        return open_oldest(c);
    if (fstat(c->fd, &mine) < 0)
        return -1;
    for (;;) {
        int place = place_of(c, &mine), fd = -1;

        if (place == 0)
            return -1;
        if (place < 0) {
            fd = open_oldest(c);
            c->lost = fd >= 0; /* or the container has been removed */
            return fd;
        }
        for (int i = place - 1; i >= 0 && fd < 0; i--)
            fd = open_one(c, i);
        if (fd < 0 || is_at(c, place, &mine))
            return fd; /* -1: the new one is not made yet */
        close(fd);
    }
}

/* ---- beginning near the end ---- */

struct count {
    long long want, until_ns;
    long long lines;
    bool open; /* a part without its end was the last thing seen */
};

/* A line that begins here, the lines after it being counted. True: enough, begin after it. */
static bool count_line(struct count *k, const char *head, size_t n)
{
    struct logline l;

    if (!logline_parse(head, n, &l) || (k->until_ns && l.time_ns > k->until_ns))
        return false;
    if (l.whole || k->lines == 0) {
        if (k->lines == k->want)
            return true;
        k->lines++;
    }
    return false;
}

/* Go back through one file; *ret_at is where to begin in it, 0 when more is wanted. */
static int count_file(int fd, struct count *k, off_t *ret_at, struct err *e)
{
    enum { HEAD = LOGLINE_HEAD + 8 };
    char block[BLOCK + HEAD];
    off_t end = lseek(fd, 0, SEEK_END), line_end = end;

    *ret_at = 0;
    while (end > 0) {
        size_t size = end < BLOCK ? (size_t)end : BLOCK;
        ssize_t got = pread(fd, block, size + HEAD, end - (off_t)size);

        if (got < (ssize_t)size)
            return got < 0 ? err_sys(e, "cannot read the log") : 0;
        for (size_t i = size; i-- > 0;) {
            off_t start = end - (off_t)size + (off_t)i;
            bool first = start == 0;

            if (block[i] != '\n' && !first)
                continue;
            start += block[i] == '\n';
            if (start < line_end) {
                size_t at = i + (block[i] == '\n'), n = (size_t)(line_end - start);

                if (n > (size_t)got - at)
                    n = (size_t)got - at;
                if (count_line(k, block + at, n)) {
                    *ret_at = line_end;
                    return 1;
                }
            }
            line_end = start;
        }
        end -= (off_t)size;
    }
    return 0;
}

static int seek_tail(struct logchain *c, long long tail, long long until_ns, struct err *e)
{
    struct count k = {.want = tail, .until_ns = until_ns};
    int files[CHAIN_MAX], n = 0, r = 0, missing = 0;
    off_t at = 0;

    /* From the newest; one that was just turned over may be met twice. */
    for (int i = 0; i < CHAIN_MAX && missing <= GAP; i++) {
        struct stat a, b;
        int fd = open_one(c, i);

        missing = fd < 0 ? missing + 1 : 0;
        if (fd < 0)
            continue;
        if (n && fstat(fd, &a) == 0 && fstat(files[n - 1], &b) == 0 && a.st_ino == b.st_ino)
            close(fd);
        else
            files[n++] = fd;
    }
    for (int i = 0; i < n; i++) {
        if (r == 0) {
            r = count_file(files[i], &k, &at, e);
            if (c->fd >= 0)
                close(c->fd);
            c->fd = files[i];
        } else {
            close(files[i]);
        }
    }
    if (r >= 0 && c->fd >= 0)
        (void)lseek(c->fd, at, SEEK_SET);
    return r < 0 ? r : 0;
}

/* ---- reading ---- */

/* --log-opt path=: the folder has a link. */
static int find_files(struct logchain *c, int dir_fd, struct err *e)
{
    char to[PATH_MAX];
    ssize_t n = readlinkat(dir_fd, "log", to, sizeof to - 1);
    char *name;

    memcpy(c->name, "log", sizeof "log");
    if (n > 0) {
        to[n] = 0;
        name = strrchr(to, '/');
        if (!name || strlen(name + 1) >= sizeof c->name)
            return err_set(e, EINVAL, "the container's log is a link to nowhere");
        memcpy(c->name, name + 1, strlen(name + 1) + 1);
        name[1] = 0;
        c->dir_fd = openat(dir_fd, to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return c->dir_fd < 0 ? err_sys(e, "cannot open the log's folder '%s'", to) : 0;
    }
    c->dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
    return c->dir_fd < 0 ? err_sys(e, "cannot open the container's folder") : 0;
}

int logchain_open(int dir_fd, long long tail, long long until_ns, struct logchain **ret,
                  struct err *e)
{
    struct logchain *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return err_memory(e);
    c->dir_fd = c->fd = c->next = c->watch = -1;
    r = find_files(c, dir_fd, e);
    if (r == 0) {
        if (tail < 0)
            c->fd = open_oldest(c);
        else
            r = seek_tail(c, tail, until_ns, e);
    }
    if (r < 0) {
        logchain_close(c);
        return r;
    }
    *ret = c;
    return 0;
}

/* 1: a line; 0: more has to be read. */
static int held_line(struct logchain *c, struct logline *ret)
{
    while (c->at < c->held) {
        const char *line = c->buf + c->at;
        const char *end = memchr(line, '\n', c->held - c->at);

        if (!end)
            break;
        c->at += (size_t)(end - line) + 1;
        if (logline_parse(line, (size_t)(end - line), ret))
            return 1;
    }
    memmove(c->buf, c->buf + c->at, c->held - c->at);
    c->held -= c->at;
    c->at = 0;
    if (c->held == sizeof c->buf) /* none of ours is so long */
        c->held = 0;
    return 0;
}

/* Nothing is read while there is room to look at: true when the file has more. */
static int read_more(struct logchain *c, struct err *e)
{
    ssize_t n;

    if (c->fd < 0)
        return 0;
    do
        n = read(c->fd, c->buf + c->held, sizeof c->buf - c->held);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys(e, "cannot read the log");
    c->held += (size_t)n;
    return n > 0;
}

static void drain(int fd)
{
    char buf[4096];

    while (fd >= 0 && read(fd, buf, sizeof buf) > 0)
        ;
}

int logchain_next(struct logchain *c, struct logline *ret, struct err *e)
{
    bool looked = false;

    for (;;) {
        int r = held_line(c, ret);

        if (r == 0)
            r = read_more(c, e);
        else
            return r;
        if (r < 0)
            return r;
        if (r > 0)
            continue;
        if (c->next >= 0) { /* read to its end after it was known as ended */
            if (c->fd >= 0)
                close(c->fd);
            c->fd = take_fd(&c->next);
            c->at = c->held = 0; /* a torn line */
            continue;
        }
        if (looked)
            return 0;
        drain(c->watch); /* what comes after this look wakes us up */
        c->next = successor(c);
        looked = c->next < 0;
        if (looked && c->watch < 0)
            return 0;
    }
}

bool logchain_lost(struct logchain *c)
{
    bool lost = c->lost;

    c->lost = false;
    return lost;
}

int logchain_wait_fd(struct logchain *c, int *ret_fd, struct err *e)
{
    char path[32];

    if (c->watch < 0) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", c->dir_fd);
        c->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (c->watch < 0)
            return err_sys(e, "cannot watch the log");
        if (inotify_add_watch(c->watch, path, IN_MODIFY | IN_CREATE | IN_MOVE | IN_ONLYDIR) < 0)
            return err_sys(e, "cannot watch the folder of the log");
    }
    *ret_fd = c->watch;
    return 0;
}

void logchain_close(struct logchain *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    if (c->next >= 0)
        close(c->next);
    if (c->watch >= 0)
        close(c->watch);
    if (c->dir_fd >= 0)
        close(c->dir_fd);
    free(c);
}
