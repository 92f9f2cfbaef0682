/* Theory of operation.
 *
 * One call of logfile_write is what one read(2) of the container's pipe gave: all its lines are put
 * into one buffer with their heads and go to the file in one write(2), in the same round of the
 * loop. A tail without newline is written at once as a part (P), so that a prompt is seen by
 * `logs -f`, and no state of a line has to be kept.
 *
 * A line that would not fit below the bound turns the files over first: log.1 becomes log.2, log
 * becomes log.1, and a new log is made. In this order a reader that has the old file open sees its
 * end, and knows it as ended when the name leads to another file; see core/engine/logs.c.
 *
 * A write that fails takes back what would be a torn line, and the lines that were not written are
 * counted; the next write that works is preceded by a line that tells so. */
#include "core/monitor/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/near.h"
#include "core/base/text.h"
#include "core/monitor/logfile_journal.h"
#include "core/monitor/logline.h"

enum { BUFFER = 32768 }; /* 16, 64 and 128 KiB were within the noise */

struct logfile {
    int dir_fd; /* owned */
    char name[NAME_MAX - 10];
    int fd; /* -1: could not be opened again */
    long long size, max_bytes;
    int max_files;
    struct logfile_journal *journal; /* instead of the file */
    unsigned long long lost;         /* lines, since the last one that was written */
    int why;                         /* errno */
    size_t held;
    char *buf; /* BUFFER bytes, by mmap */
};

/* ---- words ---- */

static const char *const driver_names[] = {
#define LOGFILE_WORD(name, word) [name] = word,
    LOGFILE_DRIVERS(LOGFILE_WORD)
#undef LOGFILE_WORD
};

const char *logfile_driver_name(enum logfile_driver d)
{
    return driver_names[d];
}

int logfile_parse_driver(const char *word, enum logfile_driver *ret, struct err *e)
{
    struct near near = {.word = word};

    if (!word || !*word) {
        *ret = LOGFILE_JSON_FILE;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(driver_names); i++) {
        near_offer(&near, driver_names[i]);
        if (strcmp(word, driver_names[i]) == 0) {
            *ret = (enum logfile_driver)i;
            return 0;
        }
    }
    return err_set(e, EINVAL,
                   "--log-driver: invalid log driver '%s'%s%s%s (json-file, k8s-file, journald, "
                   "none, passthrough)",
                   word, near.best ? "; did you mean '" : "", near.best ? near.best : "",
                   near.best ? "'?" : "");
}

static int parse_size(const char *v, struct logfile_setup *s, struct err *e)
{
    unsigned long long n;

    if (strcmp(v, "-1") == 0) {
        s->max_bytes = -1;
        return 0;
    }
    if (text_size(v, &n, NULL) < 0 || n == 0 || n > LLONG_MAX)
        return err_set(e, EINVAL, "--log-opt max-size: '%s' is not a size such as 10m, or -1", v);
    s->max_bytes = (long long)n;
    return 0;
}

static int parse_files(const char *v, struct logfile_setup *s, struct err *e)
{
    unsigned long long n;

    if (text_number(v, 1000, &n, NULL) < 0 || n == 0)
        return err_set(e, EINVAL, "--log-opt max-file: '%s' is not a number from 1 to 1000", v);
    s->max_files = (int)n;
    return 0;
}

static int parse_path(const char *v, struct logfile_setup *s, struct err *e)
{
    const char *name = strrchr(v, '/');

    if (*v != '/' || !name[1] || strlen(name + 1) >= NAME_MAX - 10)
        return err_set(e, EINVAL, "--log-opt path: '%s' is not the absolute path of a file", v);
    s->path = v;
    return 0;
}

static int parse_tag(const char *v, struct logfile_setup *s, struct err *e)
{
    (void)e;
    s->tag = v;
    return 0;
}

int logfile_parse_opt(const char *opt, struct logfile_setup *s, struct err *e)
{
    static const struct {
        const char *key;
        int (*parse)(const char *v, struct logfile_setup *s, struct err *e);
    } keys[] = {
        {"max-size=", parse_size},
        {"max-file=", parse_files},
        {"path=", parse_path},
        {"tag=", parse_tag},
    };

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (text_starts(opt, keys[i].key))
            return keys[i].parse(opt + strlen(keys[i].key), s, e);
    return err_set(e, EINVAL,
                   "--log-opt: '%s' is none of max-size=SIZE, max-file=NUMBER, path=FILE, tag=TEXT",
                   opt);
}

int logfile_setup_of(const struct policy *p, const struct record *r, struct logfile_setup *ret,
                     struct err *e)
{
    *ret = (struct logfile_setup){
        .max_bytes = p->log_max_size,
        .max_files = p->log_max_files,
        .path = p->log_path,
        .tag = p->log_tag,
        .id = r->id,
        .name = r->name,
        .image = r->image,
    };
    return logfile_parse_driver(p->log_driver, &ret->driver, e);
}

int logfile_check(const struct logfile_setup *s, bool tty, struct err *e)
{
    if (s->driver == LOGFILE_JOURNALD)
        return logfile_journal_check(s->journal, e);
    if (s->driver == LOGFILE_PASSTHROUGH && tty)
        return err_set(e, EINVAL,
                       "the log driver passthrough cannot be used with a terminal: leave out --tty "
                       "(-t), or take another driver");
    return 0;
}

bool logfile_passes_through(const char *driver)
{
    return driver && strcmp(driver, driver_names[LOGFILE_PASSTHROUGH]) == 0;
}

int logfile_check_stdio(const char *driver, struct err *e)
{
    for (int fd = 0; fd < 3; fd++)
        if (logfile_passes_through(driver) && isatty(fd))
            return err_set(e, EINVAL,
                           "the log driver passthrough would hand the terminal over to the "
                           "container: redirect standard input, output and error, or take another "
                           "driver");
    return 0;
}

/* ---- the files ---- */

static int open_newest(struct logfile *l, int flags)
{
    int fd = openat(l->dir_fd, l->name,
                    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags, 0600);
    struct stat st;
    char last;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -EINVAL;
    }
    l->fd = fd;
    l->size = st.st_size;
    /* A monitor that was killed, or a power cut, may have left half a line. */
    if (l->size > 0 && pread(fd, &last, 1, l->size - 1) == 1 && last != '\n')
        l->size += write(fd, "\n", 1) == 1;
    return 0;
}

static int rename_older(struct logfile *l)
{
    char from[NAME_MAX + 16], to[NAME_MAX + 16];

    for (int i = l->max_files - 1; i > 0; i--) {
        if (i > 1)
            snprintf(from, sizeof from, "%s.%d", l->name, i - 1);
        else
            snprintf(from, sizeof from, "%s", l->name);
        snprintf(to, sizeof to, "%s.%d", l->name, i);
        if (renameat(l->dir_fd, from, l->dir_fd, to) < 0 && errno != ENOENT)
            return -errno;
    }
    if (l->max_files == 1 && unlinkat(l->dir_fd, l->name, 0) < 0 && errno != ENOENT)
        return -errno;
    return 0;
}

static int turn_over(struct logfile *l)
{
    int r = l->fd < 0 ? 0 : rename_older(l);

    if (r < 0)
        return r;
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    l->size = 0;
    return open_newest(l, O_EXCL);
}

/* All of it or, as far as the log's reader is concerned, the whole lines at its beginning.
 * *ret_done is how much of it is in the file. */
static int write_lines(struct logfile *l, const char *bytes, size_t n, size_t *ret_done)
{
    int r = l->fd < 0 ? open_newest(l, 0) : 0;
    size_t at = 0;

    while (r == 0 && at < n) {
        ssize_t done = write(l->fd, bytes + at, n - at);

        if (done > 0)
            at += (size_t)done;
        else if (errno != EINTR)
            r = errno ? -errno : -EIO;
    }
    if (at < n) {
        const char *end = memrchr(bytes, '\n', at);
        size_t whole = end ? (size_t)(end - bytes) + 1 : 0;

        if (whole < at)
            (void)!ftruncate(l->fd, l->size + (off_t)whole); /* the reader passes over torn ones */
        at = whole;
    }
    l->size += (long long)at;
    *ret_done = at;
    return r;
}

static void count_lost(struct logfile *l, const char *bytes, size_t n, int why)
{
    for (const char *end; n && (end = memchr(bytes, '\n', n)); l->lost++) {
        n -= (size_t)(end - bytes) + 1;
        bytes = end + 1;
    }
    l->why = why;
}

static long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static size_t lost_text(const struct logfile *l, char *ret, size_t size)
{
    int n = snprintf(ret, size, "rctr: %llu line%s of output could not be logged: %s", l->lost,
                     l->lost == 1 ? "" : "s", strerror(l->why));

    return n < (int)size ? (size_t)n : size - 1;
}

/* True when there is nothing (more) to tell. */
static bool tell_lost(struct logfile *l)
{
    char line[LOGLINE_HEAD + 256];
    size_t n, done = 0;

    if (!l->lost)
        return true;
    logline_head(now_ns(), 2, true, line);
    n = LOGLINE_HEAD + lost_text(l, line + LOGLINE_HEAD, sizeof line - LOGLINE_HEAD - 1);
    line[n++] = '\n';
    if (write_lines(l, line, n, &done) < 0)
        return false;
    l->lost = 0;
    return true;
}

static void flush(struct logfile *l)
{
    size_t done = 0;
    int r = tell_lost(l) ? write_lines(l, l->buf, l->held, &done) : -l->why;

    if (r < 0)
        count_lost(l, l->buf + done, l->held - done, -r);
    l->held = 0;
}

/* ---- writing ---- */

struct heads {
    char out[2][LOGLINE_HEAD]; /* P, F */
};

static void put_line(struct logfile *l, const struct heads *h, bool whole, const char *text,
                     size_t n)
{
    size_t size = LOGLINE_HEAD + n + 1;
    long long total = l->size + (long long)(l->held + size);
    char *to;

    if (l->max_bytes > 0 && total > l->max_bytes && l->size + (long long)l->held > 0) {
        int r;

        flush(l);
        r = turn_over(l);
        if (r < 0) {
            l->lost++;
            l->why = -r;
            return;
        }
    }
    if (l->held + size > BUFFER)
        flush(l);
    to = l->buf + l->held;
    memcpy(to, h->out[whole], LOGLINE_HEAD);
    memcpy(to + LOGLINE_HEAD, text, n);
    to[LOGLINE_HEAD + n] = '\n';
    l->held += size;
}

static int send_lost(struct logfile *l)
{
    char told[256];
    int r = 0;

    if (l->lost)
        r = logfile_journal_send(l->journal, 2, true, told, lost_text(l, told, sizeof told));
    if (r == 0)
        l->lost = 0;
    return r;
}

static void send_line(struct logfile *l, int stream, bool whole, const char *text, size_t n)
{
    int r = send_lost(l);

    if (r == 0)
        r = logfile_journal_send(l->journal, stream, whole, text, n);
    if (r < 0) {
        l->lost++;
        l->why = -r;
    }
}

void logfile_write(struct logfile *l, int stream, const void *bytes, size_t n)
{
    const char *s = bytes;
    struct heads heads;

    if (!l || !n)
        return;
    if (!l->journal) {
        long long now = now_ns();

        logline_head(now, stream, false, heads.out[0]);
        logline_head(now, stream, true, heads.out[1]);
    }
    while (n) {
        size_t max = n < LOGLINE_TEXT_MAX ? n : LOGLINE_TEXT_MAX;
        const char *end = memchr(s, '\n', max);
        size_t size = end ? (size_t)(end - s) : max;

        if (l->journal)
            send_line(l, stream, end, s, size);
        else
            put_line(l, &heads, end, s, size);
        size += end != NULL;
        s += size;
        n -= size;
    }
    if (!l->journal)
        flush(l);
}

/* ---- open and close ---- */

static int open_journal(struct logfile *l, const struct logfile_setup *s, struct err *e)
{
    const struct logfile_journal_fields f = {
        .socket = s->journal, .id = s->id, .name = s->name, .image = s->image, .tag = s->tag};

    return logfile_journal_open(&f, &l->journal, e);
}

/* The container's folder gets a link there, which is how readers find it. */
static int open_elsewhere(struct logfile *l, const char *path, int dir_fd, struct err *e)
{
    const char *name = strrchr(path, '/');
    autofree char *folder = strndup(path, name == path ? 1 : (size_t)(name - path));

    if (!folder)
        return err_memory(e);
    l->dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l->dir_fd < 0)
        return err_sys(e, "--log-opt path: cannot open the folder '%s'", folder);
    snprintf(l->name, sizeof l->name, "%s", name + 1);
    if (symlinkat(path, dir_fd, "log") < 0 && errno != EEXIST)
        return err_sys(e, "cannot make a link to the log '%s'", path);
    return 0;
}

static int open_file(struct logfile *l, const struct logfile_setup *s, int dir_fd, struct err *e)
{
    int r = 0;

    l->max_bytes = s->max_bytes ? s->max_bytes : LOGFILE_MAX_BYTES;
    l->max_files = s->max_files ? s->max_files : LOGFILE_MAX_FILES;
    if (s->path) {
        r = open_elsewhere(l, s->path, dir_fd, e);
    } else {
        l->dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
        memcpy(l->name, "log", sizeof "log");
        if (l->dir_fd < 0)
            r = err_sys(e, "cannot open the container's folder");
    }
    if (r < 0)
        return r;
    r = open_newest(l, s->path ? 0 : O_NOFOLLOW);
    if (r == -EINVAL)
        return err_set(e, EINVAL, "the log '%s' is not a regular file", s->path ? s->path : "log");
    errno = -r;
    return r < 0 ? err_sys(e, "cannot open the log '%s'", s->path ? s->path : "log") : 0;
}

int logfile_open(const struct logfile_setup *s, int dir_fd, struct logfile **ret, struct err *e)
{
    struct logfile *l;
    int r;

    *ret = NULL;
    if (s->driver == LOGFILE_NONE || s->driver == LOGFILE_PASSTHROUGH)
        return 0;
    l = calloc(1, sizeof *l);
    if (!l)
        return err_memory(e);
    l->dir_fd = l->fd = -1;
    l->buf = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (l->buf == MAP_FAILED) {
        free(l);
        return err_memory(e);
    }
    r = s->driver == LOGFILE_JOURNALD ? open_journal(l, s, e) : open_file(l, s, dir_fd, e);
    if (r < 0) {
        logfile_close(l);
        return r;
    }
    *ret = l;
    return 0;
}

void logfile_close(struct logfile *l)
{
    if (!l)
        return;
    if (l->journal)
        (void)send_lost(l); /* the last chance */
    else if (l->fd >= 0)
        (void)tell_lost(l);
    logfile_journal_close(l->journal);
    if (l->fd >= 0)
        close(l->fd);
    if (l->dir_fd >= 0)
        close(l->dir_fd);
    (void)munmap(l->buf, BUFFER);
    free(l);
}

void logfile_rest(struct logfile *l)
{
    if (l)
        (void)madvise(l->buf, BUFFER, MADV_DONTNEED); /* nothing is held between two writes */
}
