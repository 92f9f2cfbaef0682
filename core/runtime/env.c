#include "core/runtime/env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/file.h"

enum { ENV_FILE_MAX = 1 << 20 };

static const char *host_value(char *const *host, const char *name)
{
    size_t n = strlen(name);

    for (; host && *host; host++)
        if (strncmp(*host, name, n) == 0 && (*host)[n] == '=')
            return *host;
    return NULL;
}

/* "NAME": the caller's value, nothing where the caller has none. */
static int take_host(const struct env_input *in, const char *name, struct strv *ret, struct err *e)
{
    const char *found = host_value(in->host, name);

    return found ? strv_set_env(ret, found, e) : 0;
}

/* "NAME*": all of the caller's that begin so. */
static int take_glob(const struct env_input *in, const char *pattern, struct strv *ret,
                     struct err *e)
{
    size_t n = strlen(pattern) - 1;
    int r = 0;

    for (char *const *p = in->host; p && *p && r >= 0; p++)
        if (strncmp(*p, pattern, n) == 0 && strchr(*p, '='))
            r = strv_set_env(ret, *p, e);
    return r;
}

static int add_one(const struct env_input *in, const char *word, struct strv *ret, struct err *e)
{
    size_t n = strlen(word);

    if (*word == '=' || !*word)
        return err_set(e, EINVAL, "invalid environment variable '%.80s': its name is missing",
                       word);
    if (strchr(word, '='))
        return strv_set_env(ret, word, e);
    return word[n - 1] == '*' ? take_glob(in, word, ret, e) : take_host(in, word, ret, e);
}

/* A line of an --env-file: blanks before the name and '#' comments are passed over, the value is
 * taken as it stands, quotes included (docker's rule). */
static int add_line(const struct env_input *in, char *line, struct strv *ret, struct err *e)
{
    size_t n;

    line += strspn(line, " \t");
    n = strcspn(line, "=");
    if (!*line || *line == '#')
        return 0;
    if (!line[n])
        while (n && strchr(" \t", line[n - 1]))
            line[--n] = 0;
    if (memchr(line, ' ', n) || memchr(line, '\t', n))
        return err_set(e, EINVAL, "variable '%.80s' contains whitespaces", line);
    return add_one(in, line, ret, e);
}

static int add_file(const struct env_input *in, const char *path, struct strv *ret, struct err *e)
{
    autotext struct text t = {0};
    char *line, *next;
    int r = file_read(AT_FDCWD, path, ENV_FILE_MAX, &t, e);

    if (r >= 0)
        r = text_check(&t, e);
    if (r >= 0 && strlen(t.s) != t.n)
        r = err_set(e, EINVAL, "it has a NUL byte, so it is not a text");
    line = r >= 0 && text_starts(t.s, "\xef\xbb\xbf") ? t.s + 3 : t.s;
    for (int number = 1; r >= 0 && line && *line; number++, line = next) {
        size_t n = strcspn(line, "\n");

        next = line + n + (line[n] == '\n');
        line[n] = 0;
        if (n && line[n - 1] == '\r')
            line[n - 1] = 0;
        r = add_line(in, line, ret, e);
        if (r < 0)
            r = err_wrap(e, r, "line %d", number);
    }
    return r < 0 ? err_wrap(e, r, "cannot use env file '%.200s'", path) : 0;
}

static int add_preset(struct strv *ret, const char *name, const char *value, struct err *e)
{
    autotext struct text t = {0};

    if (!value)
        return 0;
    text_addf(&t, "%s=%s", name, value);
    return text_check(&t, e) < 0 ? -ENOMEM : strv_set_env(ret, t.s, e);
}

/* What is there without being asked for on the command line. */
const char *const env_proxies[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                   "FTP_PROXY",  "ftp_proxy",  "NO_PROXY",    "no_proxy",
                                   "ALL_PROXY",  "all_proxy",  NULL};

static int add_presets(const struct env_input *in, struct strv *l, struct err *e)
{
    int r = add_preset(l, "PATH", ENV_PATH, e);

    if (r >= 0 && in->tty)
        r = add_preset(l, "TERM", "xterm", e);
    if (r >= 0)
        r = add_preset(l, "container", "rctr", e);
    if (r >= 0)
        r = add_preset(l, "HOSTNAME", in->hostname, e);
    if (r >= 0)
        r = add_preset(l, "HOME", in->home, e);
    if (r >= 0 && in->take_all)
        r = take_glob(in, "*", l, e);
    for (size_t i = 0; r >= 0 && in->take_proxies && env_proxies[i]; i++)
        r = add_one(in, env_proxies[i], l, e);
    for (size_t i = 0; r >= 0 && in->image && i < in->image->n; i++)
        if (strchr(in->image->v[i], '=') && in->image->v[i][0] != '=')
            r = strv_set_env(l, in->image->v[i], e);
    return r;
}

static void drop(struct strv *l, const char *name)
{
    size_t n = strlen(name), kept = 0;

    for (size_t i = 0; i < l->n; i++)
        if (strncmp(l->v[i], name, n) == 0 && l->v[i][n] == '=')
            free(l->v[i]);
        else
            l->v[kept++] = l->v[i];
    if (l->n)
        l->v[kept] = NULL;
    l->n = kept;
}

int env_build(const struct env_input *in, struct strv *ret, struct err *e)
{
    autostrv struct strv l = {0};
    int r = in->drop_all ? 0 : add_presets(in, &l, e);

    for (size_t i = 0; r >= 0 && in->drop && i < in->drop->n; i++)
        drop(&l, in->drop->v[i]);
    for (size_t i = 0; r >= 0 && in->files && i < in->files->n; i++)
        r = add_file(in, in->files->v[i], &l, e);
    for (size_t i = 0; r >= 0 && in->set && i < in->set->n; i++)
        r = add_one(in, in->set->v[i], &l, e);
    if (r < 0)
        return r;
    strv_free(ret);
    *ret = l;
    l = (struct strv){0};
    return 0;
}
