#include "core/build/build_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/auto.h"
#include "core/base/file.h"

/* ---- --secret ---- */

struct words {
    const char *id, *file, *env, *type;
};

static int take_word(struct words *w, char *word, struct err *e)
{
    static const struct {
        const char *key;
        size_t at;
    } keys[] = {
        {"id", offsetof(struct words, id)},     {"src", offsetof(struct words, file)},
        {"env", offsetof(struct words, env)},   {"source", offsetof(struct words, file)},
        {"type", offsetof(struct words, type)},
    };
    char *equals = strchr(word, '=');

    for (size_t i = 0; equals && i < ARRAY_SIZE(keys); i++)
        if (strlen(keys[i].key) == (size_t)(equals - word) &&
            strncasecmp(word, keys[i].key, (size_t)(equals - word)) == 0) {
            *(const char **)(void *)((char *)w + keys[i].at) = equals + 1;
            return 0;
        }
    return err_set(e, EINVAL, "'%.40s' is none of id=, src=, env=, type=", word);
}

static int complete(struct words *w, struct err *e)
{
    bool env = w->type && strcmp(w->type, "env") == 0;

    if (w->type && !env && strcmp(w->type, "file") != 0)
        return err_set(e, EINVAL, "type=%.40s: it is file or env", w->type);
    if (!w->id || !*w->id)
        return err_set(e, EINVAL, "it needs id=ID");
    if (w->file && w->env)
        return err_set(e, EINVAL, "src= and env= exclude each other");
    if (env && !w->env) { /* src= is another word for the variable's name then */
        w->env = w->file ? w->file : w->id;
        w->file = NULL;
    }
    if (!w->file && !w->env) {
        if (!w->type && getenv(w->id))
            w->env = w->id;
        else
            w->file = w->id;
    }
    if (w->env && w->type && !env)
        return err_set(e, EINVAL, "type=file and env= exclude each other");
    return 0;
}

static int keep(struct build_secrets *s, const struct words *w, struct err *e)
{
    struct build_secret *v;

    if (build_secret_find(s, w->id))
        return err_set(e, EEXIST, "there are two secrets '%s'", w->id);
    v = reallocarray(s->v, s->n + 1, sizeof *v);
    if (!v)
        return err_memory(e);
    s->v = v;
    v[s->n] = (struct build_secret){.id = strdup(w->id),
                                    .file = w->file ? strdup(w->file) : NULL,
                                    .env = w->env ? strdup(w->env) : NULL};
    s->n++;
    return v[s->n - 1].id && (v[s->n - 1].file || v[s->n - 1].env) ? 0 : err_memory(e);
}

/* That it can be had is seen before anything is built. 1: it can be read only once. */
static int check(const struct words *w, struct err *e)
{
    struct stat st;

    if (w->env)
        return getenv(w->env) ? 0 : err_set(e, ENOENT, "the variable '%s' is not set", w->env);
    if (stat(w->file, &st) < 0)
        return err_sys(e, "cannot read '%s'", w->file);
    if (S_ISDIR(st.st_mode))
        return err_set(e, EISDIR, "'%s' is a folder", w->file);
    if (S_ISREG(st.st_mode) && st.st_size > BUILD_SECRET_MAX)
        return err_set(e, EFBIG, "'%s' is larger than a secret may be (%d bytes)", w->file,
                       BUILD_SECRET_MAX);
    return !S_ISREG(st.st_mode);
}

/* Also of a FIFO: <(pass show it). */
static int read_file(const char *path, struct text *ret, struct err *e)
{
    autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int r = fd < 0 ? err_sys(e, "cannot read it") : file_read_fd(fd, BUILD_SECRET_MAX, ret, e);

    if (r == 0)
        r = text_check(ret, e);
    return err_wrap(e, r, "%s", path);
}

int build_secret_add(struct build_secrets *s, const char *text, struct err *e)
{
    autofree char *copy = strdup(text);
    char *rest = copy, *word;
    struct words w = {0};
    int r = copy ? 0 : err_memory(e), once = 0;

    while (r == 0 && (word = strsep(&rest, ",")))
        r = take_word(&w, word, e);
    if (r == 0)
        r = complete(&w, e);
    if (r == 0)
        r = once = check(&w, e);
    if (r >= 0)
        r = keep(s, &w, e);
    if (r == 0 && once)
        r = read_file(w.file, &s->v[s->n - 1].kept, e);
    return err_wrap(e, r, "--secret");
}

/* ---- --ssh ---- */

static int check_agent(const char *id, const char *path, struct err *e)
{
    struct stat st;

    if (!path || !*path)
        return err_set(e, ENOENT,
                       "SSH_AUTH_SOCK is not set: start an agent (ssh-agent), or name its socket "
                       "with --ssh %s=SOCKET",
                       id);
    if (stat(path, &st) < 0)
        return err_sys(e, "cannot find the agent '%s'", path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, ENOTSOCK,
                       "'%s' is not the socket of an agent: give the key to one with ssh-add, and "
                       "forward that",
                       path);
    return 0;
}

int build_secret_add_agent(struct build_secrets *s, const char *text, struct err *e)
{
    const char *equals = strchr(text, '=');
    autofree char *id = strndup(text, equals ? (size_t)(equals - text) : strlen(text));
    const char *path = equals ? equals + 1 : getenv("SSH_AUTH_SOCK");
    struct build_agent *v;
    int r;

    if (!id)
        return err_memory(e);
    if (!*id)
        r = err_set(e, EINVAL, "it is default or ID=SOCKET");
    else if (build_secret_find_agent(s, id))
        r = err_set(e, EEXIST, "there are two agents '%s'", id);
    else
        r = check_agent(id, path, e);
    if (r < 0)
        return err_wrap(e, r, "--ssh");
    v = reallocarray(s->agents, s->agent_count + 1, sizeof *v);
    if (!v)
        return err_memory(e);
    s->agents = v;
    v[s->agent_count] = (struct build_agent){.id = take_ptr(&id), .socket = strdup(path)};
    return v[s->agent_count++].socket ? 0 : err_memory(e);
}

/* ---- both ---- */

void build_secret_free(struct build_secrets *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->v[i].id);
        free(s->v[i].file);
        free(s->v[i].env);
        build_secret_wipe(&s->v[i].kept);
    }
    for (size_t i = 0; i < s->agent_count; i++) {
        free(s->agents[i].id);
        free(s->agents[i].socket);
    }
    free(s->v);
    free(s->agents);
    *s = (struct build_secrets){0};
}

const struct build_secret *build_secret_find(const struct build_secrets *s, const char *id)
{
    for (size_t i = 0; s && i < s->n; i++)
        if (strcmp(s->v[i].id, id) == 0)
            return &s->v[i];
    return NULL;
}

const struct build_agent *build_secret_find_agent(const struct build_secrets *s, const char *id)
{
    for (size_t i = 0; s && i < s->agent_count; i++)
        if (strcmp(s->agents[i].id, id) == 0)
            return &s->agents[i];
    return NULL;
}

int build_secret_read(const struct build_secret *s, struct text *ret, struct err *e)
{
    const char *value;

    if (s->kept.s) {
        text_add_n(ret, s->kept.s, s->kept.n);
        return text_check(ret, e);
    }
    if (!s->env)
        return read_file(s->file, ret, e);
    value = getenv(s->env);
    if (!value)
        return err_set(e, ENOENT, "the variable '%s' is not set", s->env);
    text_add(ret, value);
    return text_check(ret, e);
}

void build_secret_wipe(struct text *t)
{
    if (t->s)
        explicit_bzero(t->s, t->cap);
    text_free(t);
}
