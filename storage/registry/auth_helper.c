#include "storage/registry/auth_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/jsonx.h"
#include "core/base/proc.h"

extern char **environ;

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* ---- where it is ---- */

static bool is_ours(const struct stat *st)
{
    return (st->st_uid == 0 || st->st_uid == geteuid()) && (st->st_mode & 022) == 0;
}

/* 1: here and to be trusted, 0: not here, -EPERM: here, but others could have put it here. */
static int look_in(const char *folder, size_t n, const char *name, char path[PATH_MAX])
{
    struct stat dir, file;

    if (n == 0 || folder[0] != '/' ||
        snprintf(path, PATH_MAX, "%.*s", (int)n, folder) >= PATH_MAX || stat(path, &dir) < 0)
        return 0;
    if (snprintf(path, PATH_MAX, "%.*s/docker-credential-%s", (int)n, folder, name) >= PATH_MAX ||
        stat(path, &file) < 0 || !S_ISREG(file.st_mode) || access(path, X_OK) < 0)
        return 0;
    return is_ours(&dir) && is_ours(&file) ? 1 : -EPERM;
}

static int find_helper(const char *name, char path[PATH_MAX], struct err *e)
{
    const char *at = getenv("PATH");
    bool refused = false;

    if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "._-")])
        return err_set(e, EINVAL, "'%.100s' is no name of a credential helper", name);
    for (at = at && *at ? at : "/usr/local/bin:/usr/bin:/bin"; *at; at += *at == ':') {
        size_t n = strcspn(at, ":");
        int r = look_in(at, n, name, path);

        if (r == 1)
            return 0;
        refused |= r < 0;
        at += n;
    }
    if (refused)
        return err_set(e, EPERM,
                       "the credential helper 'docker-credential-%s' is not run: others may write "
                       "to it or to its folder",
                       name);
    return err_set(e, ENOENT,
                   "the credential helper 'docker-credential-%s' is not on PATH: install it, or "
                   "take it out of the configuration",
                   name);
}

/* ---- running it ---- */

struct helper {
    pid_t pid;
    int out_fd;
};

/* All that it is told fits into the pipe, so it is written before anybody reads. */
static int fill_pipe(const char *told, int *ret_fd, struct err *e)
{
    int p[2], r;

    if (strlen(told) > AUTH_HELPER_TOLD_MAX)
        return err_set(e, EFBIG, "credentials of more than %d KiB",
                       (int)AUTH_HELPER_TOLD_MAX >> 10);
    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    r = file_write_fd(p[1], told, strlen(told), e);
    close(p[1]);
    if (r < 0)
        close(p[0]);
    else
        *ret_fd = p[0];
    return r;
}

static int start(const char *path, const char *verb, const char *told, struct helper *ret,
                 struct err *e)
{
    const char *argv[] = {path, verb, NULL};
    posix_spawn_file_actions_t acts;
    autofd int in = -1;
    int out[2], r = fill_pipe(told, &in, e);

    if (r < 0)
        return r;
    if (pipe2(out, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    posix_spawn_file_actions_init(&acts);
    posix_spawn_file_actions_adddup2(&acts, in, 0);
    posix_spawn_file_actions_adddup2(&acts, out[1], 1);
    r = posix_spawn(&ret->pid, path, &acts, NULL, (char *const *)(const void *)argv, environ);
    posix_spawn_file_actions_destroy(&acts);
    close(out[1]);
    if (r != 0) {
        close(out[0]);
        errno = r;
        return err_sys(e, "cannot run '%s'", path);
    }
    ret->out_fd = out[0];
    return 0;
}

/* Until the end of what it says, the limit or the deadline. */
static int listen_to(int fd, long long deadline, struct text *said, struct err *e)
{
    char buf[4096];
    int r = 0;

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        long long left = deadline - now_ms();
        ssize_t n;

        if (left <= 0) {
            r = err_set(e, ETIMEDOUT, "it does not answer");
            break;
        }
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        n = read(fd, buf, sizeof buf);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        if (said->n + (size_t)n > AUTH_HELPER_SAID_MAX) {
            r = err_set(e, EFBIG, "it says more than %d KiB", (int)AUTH_HELPER_SAID_MAX >> 10);
            break;
        }
        text_add_n(said, buf, (size_t)n);
    }
    explicit_bzero(buf, sizeof buf);
    return r < 0 ? r : text_check(said, e);
}

/* It has closed its output; it may take until the deadline to end. */
static int reap(pid_t pid, long long deadline, int *ret_status, struct err *e)
{
    autofd int pidfd = proc_pidfd(pid);
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    long long left;

    while (pidfd >= 0 && (left = deadline - now_ms()) > 0)
        if (poll(&p, 1, (int)left) > 0)
            return proc_wait(pid, ret_status, e);
    (void)kill(pid, SIGKILL); /* not waited for yet, so the number is its own */
    (void)proc_wait(pid, ret_status, NULL);
    return err_set(e, ETIMEDOUT, "it does not end");
}

/* 0, *ret_status being its exit status. */
static int run(const char *name, const char *verb, const char *told, int timeout_ms,
               struct text *said, int *ret_status, struct err *e)
{
    long long deadline = now_ms() + timeout_ms;
    char path[PATH_MAX];
    struct helper h;
    int status, r = find_helper(name, path, e);

    if (r < 0)
        return r;
    r = start(path, verb, told, &h, e);
    if (r < 0)
        return r;
    r = listen_to(h.out_fd, deadline, said, e);
    close(h.out_fd);
    if (r < 0) {
        (void)kill(h.pid, SIGKILL); /* not waited for yet, so the number is its own */
        (void)proc_wait(h.pid, &status, NULL);
    } else {
        r = reap(h.pid, deadline, &status, e);
    }
    if (r < 0)
        return err_wrap(e, r, "credential helper 'docker-credential-%s %s'", name, verb);
    *ret_status = proc_status(status);
    return 0;
}

/* A failed helper says why in a line; it holds no secret, but may hold anything else. */
static int failed(const char *name, const char *verb, const struct text *said, int status,
                  struct err *e)
{
    char words[200];
    size_t n = 0;

    for (; n < said->n && n < sizeof words - 1 && said->s[n] != '\n'; n++)
        words[n] = (unsigned char)said->s[n] < 0x20 || said->s[n] == 0x7f ? '?' : said->s[n];
    words[n] = 0;
    return err_set(e, EIO, "credential helper 'docker-credential-%s %s': %s (status %d)", name,
                   verb, n ? words : "it failed without a word", status);
}

static bool is_unknown(const struct text *said)
{
    return said->s &&
           (strstr(said->s, "credentials not found") ||
            strstr(said->s, "no credentials server URL") || strstr(said->s, "no usernames for"));
}

/* ---- its verbs ---- */

static int take_answer(const struct text *said, struct creds *ret, struct err *e)
{
    autojson json_t *j = NULL;
    const char *user = NULL, *secret = NULL;
    struct err why = {0};
    int r = jsonx_parse(said->s, said->n, &j, &why);

    if (r == 0)
        r = jsonx_string(j, "Username", &user, &why);
    if (r == 0)
        r = jsonx_string(j, "Secret", &secret, &why);
    if (r < 0) /* the reason may quote what is secret */
        return err_set(e, EPROTO, "its answer cannot be understood");
    if (!user || !secret || !*user)
        return 0;
    if (strcmp(user, "<token>") == 0) {
        ret->identity = strdup(secret);
    } else {
        ret->user = strdup(user);
        ret->password = strdup(secret);
    }
    if (ret->identity || (ret->user && ret->password))
        return 1;
    creds_free(ret);
    return err_memory(e);
}

int auth_helper_get(const char *name, const char *server, int timeout_ms, struct creds *ret,
                    struct err *e)
{
    struct text said = {0};
    int status = 0, r = run(name, "get", server, timeout_ms, &said, &status, e);

    if (r == 0 && status != 0)
        r = is_unknown(&said) ? 0 : failed(name, "get", &said, status, e);
    else if (r == 0)
        r = err_wrap(e, take_answer(&said, ret, e), "credential helper 'docker-credential-%s get'",
                     name);
    creds_wipe_text(&said);
    return r;
}

int auth_helper_store(const char *name, const char *server, const struct creds *c, int timeout_ms,
                      struct err *e)
{
    autojson json_t *j =
        json_pack("{s:s,s:s,s:s}", "ServerURL", server, "Username", c->user, "Secret", c->password);
    char *told = j ? jsonx_dump(j, 0) : NULL;
    struct text said = {0};
    int status = 0, r;

    if (!told)
        return err_set(e, EINVAL, "the user name or the password is not valid UTF-8");
    r = run(name, "store", told, timeout_ms, &said, &status, e);
    creds_wipe(&told);
    if (r == 0 && status != 0)
        r = failed(name, "store", &said, status, e);
    creds_wipe_text(&said);
    return r;
}

int auth_helper_erase(const char *name, const char *server, int timeout_ms, struct err *e)
{
    autotext struct text said = {0};
    int status = 0, r = run(name, "erase", server, timeout_ms, &said, &status, e);

    if (r == 0 && status != 0)
        return is_unknown(&said) ? 0 : failed(name, "erase", &said, status, e);
    return r < 0 ? r : 1;
}
