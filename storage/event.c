/* Theory of operation.
 *
 * Writers append with O_APPEND, whole lines, and keep nothing open. The one who sees that the file
 * has grown beyond its bound takes a flock on it and renames it; the flock and a second look at the
 * name keep two from doing it in a row, which would lose the older half. A writer that had the file
 * open meanwhile adds its line to the renamed one, where readers find it too.
 *
 * A reader goes through events.1 and events. When the name "events" has been given to another file
 * it opens that one too; since a late writer may still add to the renamed file, it goes on looking
 * there until the next change. */
#include "storage/event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"

#define NEWEST "events"
#define OLDER  "events.1"

/* ---- writing ---- */

static long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void set_text(json_t *o, const char *key, const char *value)
{
    if (key && value)
        (void)json_object_set_new(o, key, json_string(value)); /* what is no UTF-8 is left out */
}

/* Docker has the labels among the attributes. */
static json_t *attributes(const struct event *ev, bool labels)
{
    json_t *o = json_object(), *value;
    const char *key;

    if (labels && ev->labels)
        json_object_foreach((json_t *)(uintptr_t)ev->labels, key, value)
            json_object_set(o, key, value);
    set_text(o, "image", ev->image);
    set_text(o, "name", ev->name);
    for (size_t i = 0; i < EVENT_ATTRS; i++)
        set_text(o, ev->more[i].key, ev->more[i].value);
    return o;
}

static char *format(const struct event *ev, bool labels)
{
    long long ns = ev->time_ns ? ev->time_ns : now_ns();
    autojson json_t *j = json_pack("{s:s, s:s, s:{s:s, s:o}, s:s, s:I, s:I}", "Type", ev->type,
                                   "Action", ev->action, "Actor", "ID", ev->id ? ev->id : "",
                                   "Attributes", attributes(ev, labels), "scope", "local", "time",
                                   (json_int_t)(ns / 1000000000), "timeNano", (json_int_t)ns);

    return j ? jsonx_dump(j, 0) : NULL;
}

static void rotate(const struct store *s, int fd)
{
    struct stat mine, now;

    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &mine) == 0 &&
        fstatat(s->fd, NEWEST, &now, AT_SYMLINK_NOFOLLOW) == 0 && mine.st_ino == now.st_ino)
        (void)renameat(s->fd, NEWEST, s->fd, OLDER);
}

void event_add(const struct store *s, const struct event *ev)
{
    autofree char *line = format(ev, true);
    size_t n = line ? strlen(line) : 0;
    autofd int fd = -1;
    struct stat st;

    if (n >= EVENT_LINE_MAX) {
        free(line);
        line = format(ev, false);
        n = line ? strlen(line) : 0;
    }
    if (!n || n >= EVENT_LINE_MAX)
        return;
    line[n++] = '\n'; /* in the place of the NUL: it is not a string any more */
    fd = openat(s->fd, NEWEST, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                0600);
    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    /* Torn by a full disk it is no JSON, and readers pass over it. */
    if (write(fd, line, n) >= 0 && st.st_size >= EVENT_FILE_MAX)
        rotate(s, fd);
}

void event_container(const struct store *s, const struct record *r, const char *action,
                     const char *key, const char *value)
{
    const struct event ev = {.type = "container",
                             .action = action,
                             .id = r->id,
                             .name = r->name,
                             .image = r->image,
                             .labels = r->labels,
                             .more = {{key, value}}};

    event_add(s, &ev);
}

void event_image(const struct store *s, const char *action, const struct digest *id,
                 const char *name)
{
    event_add(s, &(struct event){.type = "image",
                                 .action = action,
                                 .id = id->hex,
                                 .name = name && *name ? name : NULL});
}

/* ---- reading ---- */

struct cursor {
    int fd; /* -1: no such file */
    struct text held;
    size_t at; /* in held: what is not yet handed out */
};

struct event_reader {
    int dir_fd; /* owned */
    int watch;  /* -1: not yet */
    struct cursor older, newest;
};

static void cursor_close(struct cursor *c)
{
    if (c->fd >= 0)
        close(c->fd);
    text_free(&c->held);
    *c = (struct cursor){.fd = -1};
}

static int cursor_open(int dir_fd, const char *name)
{
    return openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static bool same_file(int a, int b)
{
    struct stat x, y;

    return a >= 0 && b >= 0 && fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
           x.st_dev == y.st_dev;
}

/* Has the name been given to another file since? Then that one is the newest. */
static bool turn(struct event_reader *r)
{
    int fd = cursor_open(r->dir_fd, NEWEST);

    if (fd < 0 || same_file(fd, r->newest.fd)) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (r->newest.fd >= 0) {
        cursor_close(&r->older);
        r->older = r->newest;
        r->newest = (struct cursor){.fd = -1};
    }
    r->newest.fd = fd;
    return true;
}

int event_open(const struct store *s, struct event_reader **ret, struct err *e)
{
    struct event_reader *r = calloc(1, sizeof *r);

    if (!r)
        return err_memory(e);
    r->older.fd = r->newest.fd = r->watch = -1;
    r->dir_fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
    if (r->dir_fd < 0) {
        event_close(r);
        return err_sys(e, "cannot open the state folder");
    }
    (void)turn(r);
    r->older.fd = cursor_open(r->dir_fd, OLDER);
    if (same_file(r->older.fd,
                  r->newest.fd)) /* renamed just now: the next look finds the new one */
        cursor_close(&r->newest);
    *ret = r;
    return 0;
}

/* 1 and a line without its newline; 0: no whole one is there. */
static int cursor_line(struct cursor *c, const char **ret, size_t *ret_n, struct err *e)
{
    char buf[16384];
    ssize_t n;

    while (c->fd >= 0) {
        char *line = c->held.s ? c->held.s + c->at : NULL, *end = NULL;

        if (line)
            end = memchr(line, '\n', c->held.n - c->at);
        if (end) {
            *ret = line;
            *ret_n = (size_t)(end - line);
            c->at += *ret_n + 1;
            return 1;
        }
        if (c->at) {
            memmove(c->held.s, line, c->held.n - c->at);
            c->held.n -= c->at;
            c->at = 0;
        }
        if (c->held.n > 2 * EVENT_LINE_MAX) /* none of ours */
            c->held.n = 0;
        n = read(c->fd, buf, sizeof buf);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "cannot read the events");
        if (n == 0)
            return 0;
        text_add_n(&c->held, buf, (size_t)n);
        if (text_check(&c->held, e) < 0)
            return -ENOMEM;
    }
    return 0;
}

static bool well_formed(const json_t *j)
{
    return json_is_string(json_object_get(j, "Type")) &&
           json_is_string(json_object_get(j, "Action")) &&
           json_is_integer(json_object_get(j, "timeNano")) &&
           json_is_integer(json_object_get(j, "time")) &&
           json_is_string(json_object_get(json_object_get(j, "Actor"), "ID")) &&
           json_is_object(json_object_get(json_object_get(j, "Actor"), "Attributes"));
}

static void drain(int fd)
{
    char buf[4096];

    while (fd >= 0 && read(fd, buf, sizeof buf) > 0)
        ;
}

int event_next(struct event_reader *r, json_t **ret, struct err *e)
{
    const char *line = NULL;
    size_t n = 0;
    int got;

    for (;;) {
        autojson json_t *j = NULL;

        got = cursor_line(&r->older, &line, &n, e);
        if (got == 0)
            got = cursor_line(&r->newest, &line, &n, e);
        if (got == 0) {
            drain(r->watch); /* before the last look */
            if (turn(r))
                continue;
            got = cursor_line(&r->newest, &line, &n, e);
        }
        if (got == 0)
            return -EAGAIN;
        if (got < 0)
            return got;
        if (jsonx_parse(line, n, &j, NULL) == 0 && well_formed(j)) {
            *ret = take_ptr(&j);
            return 0;
        }
    }
}

void event_skip(struct event_reader *r)
{
    if (r->older.fd >= 0)
        (void)lseek(r->older.fd, 0, SEEK_END);
    if (r->newest.fd >= 0)
        (void)lseek(r->newest.fd, 0, SEEK_END);
}

int event_wait_fd(struct event_reader *r, int *ret_fd, struct err *e)
{
    char path[32];

    if (r->watch < 0) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", r->dir_fd);
        r->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (r->watch < 0)
            return err_sys(e, "cannot watch the events");
        if (inotify_add_watch(r->watch, path, IN_MODIFY | IN_CREATE | IN_MOVE | IN_ONLYDIR) < 0)
            return err_sys(e, "cannot watch the state folder");
    }
    *ret_fd = r->watch;
    return 0;
}

void event_close(struct event_reader *r)
{
    if (!r)
        return;
    cursor_close(&r->older);
    cursor_close(&r->newest);
    if (r->watch >= 0)
        close(r->watch);
    if (r->dir_fd >= 0)
        close(r->dir_fd);
    free(r);
}
