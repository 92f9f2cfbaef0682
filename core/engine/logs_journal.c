#include "core/engine/logs_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/jsonx.h"
#include "core/base/proc.h"

enum { LINE_MAX_BYTES = 16 << 20 };

struct logs_journal {
    pid_t pid;
    int fd;
    struct text held, message;
    size_t at;
};

static const char *find_program(const char *program)
{
    static const char *const places[] = {"/usr/bin/journalctl", "/bin/journalctl"};

    if (program)
        return access(program, X_OK) == 0 ? program : NULL;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

/* Its own words ("No journal files were opened …") go to the caller's standard error. */
static int start(struct logs_journal *j, char *const argv[], struct err *e)
{
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", lang[] = "LC_ALL=C";
    char *env[] = {path, lang, NULL};
    posix_spawn_file_actions_t acts;
    int p[2], r;

    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    posix_spawn_file_actions_init(&acts);
    posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&acts, p[1], 1);
    r = posix_spawn(&j->pid, argv[0], &acts, NULL, argv, env);
    posix_spawn_file_actions_destroy(&acts);
    close(p[1]);
    if (r != 0) {
        j->pid = 0;
        close(p[0]);
        errno = r;
        return err_sys(e, "cannot run %s", argv[0]);
    }
    (void)fcntl(p[0], F_SETFL, O_NONBLOCK);
    j->fd = p[0];
    return 0;
}

int logs_journal_open(const char *program, const char *id, bool follow, long long tail,
                      struct logs_journal **ret, struct err *e)
{
    const char *found = find_program(program);
    autofree char *match = text_format("CONTAINER_ID_FULL=%s", id);
    autofree char *copy = NULL, *lines = NULL;
    static char output[] = "--output=json", all[] = "--all", pager[] = "--no-pager",
                quiet[] = "--quiet", go_on[] = "--follow";
    char *argv[10];
    size_t n = 0;
    struct logs_journal *j;
    int r;

    if (!found)
        return err_set(e, ENOENT,
                       "the container logs to the journal, and journalctl, which reads it, is not "
                       "installed; where it is: journalctl CONTAINER_ID_FULL=%s",
                       id);
    copy = strdup(found);
    lines = tail < 0 ? strdup("--lines=all") : text_format("--lines=%lld", tail);
    j = calloc(1, sizeof *j);
    if (!copy || !lines || !match || !j) {
        free(j);
        return err_memory(e);
    }
    j->fd = -1;
    argv[n++] = copy;
    argv[n++] = output;
    argv[n++] = all;
    argv[n++] = pager;
    argv[n++] = quiet;
    argv[n++] = lines;
    if (follow)
        argv[n++] = go_on;
    argv[n++] = match;
    argv[n] = NULL;
    r = start(j, argv, e);
    if (r < 0) {
        logs_journal_close(j);
        return r;
    }
    *ret = j;
    return 0;
}

/* A text, or the numbers of its bytes where it is no UTF-8. */
static bool read_message(const json_t *message, struct text *ret)
{
    json_t *byte;
    size_t i;

    ret->n = 0;
    if (json_is_string(message))
        text_add_n(ret, json_string_value(message), json_string_length(message));
    else if (json_is_array(message))
        json_array_foreach(message, i, byte)
        {
            char c = (char)json_integer_value(byte);

            text_add_n(ret, &c, 1);
        }
    else
        return false;
    return !ret->failed;
}

static bool read_entry(struct logs_journal *j, const char *line, size_t n, struct logline *ret)
{
    autojson json_t *o = NULL;
    const char *priority, *time;

    /* journalctl repeats a key for a field that has several values; none of ours has. */
    if (jsonx_parse(line, n, &o, NULL) < 0 ||
        !read_message(json_object_get(o, "MESSAGE"), &j->message))
        return false;
    time = json_string_value(json_object_get(o, "__REALTIME_TIMESTAMP"));
    priority = json_string_value(json_object_get(o, "PRIORITY"));
    *ret = (struct logline){
        .time_ns = time ? strtoll(time, NULL, 10) * 1000 : 0,
        .stream = priority && strcmp(priority, "3") == 0 ? 2 : 1,
        .whole = !json_object_get(o, "CONTAINER_PARTIAL_MESSAGE"),
        .text = j->message.s ? j->message.s : "",
        .text_n = j->message.n,
    };
    return true;
}

/* 1: a line; 0: more has to be read. */
static int held_entry(struct logs_journal *j, struct logline *ret)
{
    while (j->at < j->held.n) {
        const char *line = j->held.s + j->at;
        const char *end = memchr(line, '\n', j->held.n - j->at);

        if (!end)
            break;
        j->at += (size_t)(end - line) + 1;
        if (read_entry(j, line, (size_t)(end - line), ret))
            return 1;
    }
    if (j->at) {
        memmove(j->held.s, j->held.s + j->at, j->held.n - j->at);
        j->held.n -= j->at;
        j->at = 0;
    }
    if (j->held.n > LINE_MAX_BYTES)
        j->held.n = 0;
    return 0;
}

/* It has said all. */
static int finish(struct logs_journal *j, struct err *e)
{
    int status = 0, r = j->pid > 0 ? proc_wait(j->pid, &status, e) : 0;

    j->pid = 0;
    if (r < 0)
        return r;
    if (status == 0)
        return -ENODATA;
    return err_set(e, EIO,
                   "journalctl failed with status %d; where it lacks permission, the group "
                   "systemd-journal gives it",
                   proc_status(status));
}

int logs_journal_next(struct logs_journal *j, struct logline *ret, struct err *e)
{
    char buf[16384];
    ssize_t n;

    while (!held_entry(j, ret)) {
        n = read(j->fd, buf, sizeof buf);
        if (n == 0)
            return finish(j, e);
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n < 0 && errno != EINTR)
            return err_sys(e, "cannot read what journalctl says");
        if (n > 0)
            text_add_n(&j->held, buf, (size_t)n);
        if (text_check(&j->held, e) < 0)
            return -ENOMEM;
    }
    return 1;
}

int logs_journal_fd(const struct logs_journal *j)
{
    return j->fd;
}

void logs_journal_close(struct logs_journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    if (j->pid > 0) {
        (void)kill(j->pid, SIGTERM);
        (void)proc_wait(j->pid, &(int){0}, NULL);
    }
    text_free(&j->held);
    text_free(&j->message);
    free(j);
}
