/* RUN and its mounts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/build/dockerfile_args.h"
#include "core/build/ignore.h"

/* ---- --mount ---- */

enum { BIND = 1, CACHE = 2, SECRET = 4, SSH = 8, TMPFS = 16, ALL = 31 };
static const char *const types[] = {"bind", "cache", "secret", "ssh", "tmpfs"};

enum key {
    KEY_TYPE,
    KEY_TARGET,
    KEY_SOURCE,
    KEY_FROM,
    KEY_READ_ONLY,
    KEY_WRITABLE,
    KEY_ID,
    KEY_SHARING,
    KEY_MODE,
    KEY_UID,
    KEY_GID,
    KEY_REQUIRED,
    KEY_ENV,
    KEY_SIZE,
};
static const struct {
    const char *name;
    enum key key;
    unsigned types; /* those that have it */
    bool flag;      /* true or false; alone: true */
} keys[] = {
    {"type", KEY_TYPE, ALL, false},
    {"target", KEY_TARGET, ALL, false},
    {"dst", KEY_TARGET, ALL, false},
    {"destination", KEY_TARGET, ALL, false},
    {"source", KEY_SOURCE, BIND | CACHE | SECRET, false},
    {"src", KEY_SOURCE, BIND | CACHE | SECRET, false},
    {"from", KEY_FROM, BIND | CACHE, false},
    {"readonly", KEY_READ_ONLY, BIND | CACHE, true},
    {"ro", KEY_READ_ONLY, BIND | CACHE, true},
    {"readwrite", KEY_WRITABLE, BIND | CACHE, true},
    {"rw", KEY_WRITABLE, BIND | CACHE, true},
    {"id", KEY_ID, CACHE | SECRET | SSH, false},
    {"sharing", KEY_SHARING, CACHE, false},
    {"mode", KEY_MODE, CACHE | SECRET | SSH, false},
    {"uid", KEY_UID, CACHE | SECRET | SSH, false},
    {"gid", KEY_GID, CACHE | SECRET | SSH, false},
    {"required", KEY_REQUIRED, SECRET | SSH, true},
    {"env", KEY_ENV, SECRET, false},
    {"size", KEY_SIZE, TMPFS, false},
};

static void free_mount(struct dockerfile_mount *m)
{
    free(m->target);
    free(m->source);
    free(m->from);
    free(m->id);
    free(m->env);
}

/* One mount on its way. */
struct mounting {
    const struct dockerfile_view *v;
    const struct dockerfile_flag *flag;
    struct dockerfile_mount *m;
    char *key; /* of the field at hand; its '=' was overwritten */
};

static int refuse_value(const struct mounting *g, const char *value, const char *form,
                        struct err *e)
{
    return dockerfile_args_flag_fail(e, g->v, g->flag, "%s: '%.60s' is not %s", g->key, value,
                                     form);
}

static int choose(const struct mounting *g, const char *value, const char *const *words, size_t n,
                  unsigned *ret, struct err *e)
{
    char hint[DOCKERFILE_ERROR_HINT_MAX];
    autotext struct text all = {0};
    struct near near;

    near_begin(&near, value);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i], value) == 0) {
            *ret = (unsigned)i;
            return 0;
        }
        near_offer(&near, words[i]);
        text_addf(&all, "%s%s", i ? ", " : "", words[i]);
    }
    return dockerfile_args_flag_fail(e, g->v, g->flag, "%s: '%.60s' is none of %s%s", g->key, value,
                                     all.s, dockerfile_error_hint(&near, "", hint));
}

static int number(const struct mounting *g, const char *value, unsigned *ret, struct err *e)
{
    unsigned long long n;

    if (text_number(value, 4294967294ULL, &n, NULL) < 0)
        return refuse_value(g, value, "a user's or group's number", e);
    *ret = (unsigned)n;
    return 0;
}

static int octal(const struct mounting *g, const char *value, unsigned *ret, struct err *e)
{
    if (!*value || value[strspn(value, "01234567")] || strlen(value) > 6 ||
        strtoul(value, NULL, 8) > 07777)
        return refuse_value(g, value, "an octal mode such as 0755", e);
    *ret = (unsigned)strtoul(value, NULL, 8);
    return 0;
}

/* Takes `value`, whatever becomes of it. */
static int keep(char **to, char *value)
{
    free(*to);
    *to = value;
    return 0;
}

static int set_sharing(const struct mounting *g, const char *value, struct err *e)
{
    static const char *const words[] = {"shared", "private", "locked"};
    unsigned n = 0;
    int r = choose(g, value, words, ARRAY_SIZE(words), &n, e);

    g->m->sharing = (enum dockerfile_sharing)n;
    return r;
}

static int set_flag(const struct mounting *g, enum key key, const char *value, struct err *e)
{
    bool yes = !value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

    if (!yes && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
        return refuse_value(g, value, "true or false", e);
    if (key == KEY_REQUIRED)
        g->m->required = yes;
    else
        g->m->writable = (key == KEY_WRITABLE) == yes;
    return 0;
}

/* A value without variables, or with theirs. Takes it. */
static int set(const struct mounting *g, enum key key, char *value, struct err *e)
{
    autofree char *mine = value;
    struct dockerfile_mount *m = g->m;

    switch (key) {
    case KEY_TARGET: return keep(&m->target, take_ptr(&mine));
    case KEY_SOURCE: return keep(&m->source, take_ptr(&mine));
    case KEY_FROM: return keep(&m->from, take_ptr(&mine));
    case KEY_ID: return keep(&m->id, take_ptr(&mine));
    case KEY_ENV: return keep(&m->env, take_ptr(&mine));
    case KEY_SHARING: return set_sharing(g, mine, e);
    case KEY_MODE: return octal(g, mine, &m->mode, e);
    case KEY_UID: return number(g, mine, &m->uid, e);
    case KEY_GID: return number(g, mine, &m->gid, e);
    case KEY_SIZE:
        return text_size(mine, &m->size_bytes, NULL) < 0
                   ? refuse_value(g, mine, "a size such as 64m", e)
                   : 0;
    case KEY_READ_ONLY:
    case KEY_WRITABLE:
    case KEY_REQUIRED: return set_flag(g, key, mine, e);
    case KEY_TYPE: return 0;
    }
    return 0;
}

static int unknown_key(const struct mounting *g, struct err *e)
{
    char hint[DOCKERFILE_ERROR_HINT_MAX];
    struct near near;

    near_begin(&near, g->key);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i].types & 1u << g->m->type)
            near_offer(&near, keys[i].name);
    return dockerfile_args_flag_fail(e, g->v, g->flag, "a mount of type %s has no key '%.60s'%s",
                                     types[g->m->type], g->key,
                                     dockerfile_error_hint(&near, "", hint));
}

/* KEY or KEY=VALUE, where variables may stand in the value. */
static int field(struct mounting *g, char *value, struct err *e)
{
    char *meant;
    bool known;
    size_t i;
    int r;

    for (i = 0; i < ARRAY_SIZE(keys); i++)
        if (strcasecmp(keys[i].name, g->key) == 0)
            break;
    if (i == ARRAY_SIZE(keys) || !(keys[i].types & 1u << g->m->type))
        return unknown_key(g, e);
    if (!value && keys[i].flag)
        return set_flag(g, keys[i].key, NULL, e);
    if (!value || !*value)
        return dockerfile_args_flag_fail(e, g->v, g->flag, "%s needs a value", keys[i].name);
    if (keys[i].key == KEY_FROM && strchr(value, '$'))
        return dockerfile_args_flag_fail(
            e, g->v, g->flag, "from: no variables here: write FROM %.60s AS name, and from=name",
            value);
    r = dockerfile_args_value(g->v, value, g->flag->at, strlen(g->flag->name) + 2, &meant, &known,
                              e);
    if (r < 0)
        return r;
    if (known)
        return set(g, keys[i].key, meant, e);
    g->m->known = false;
    if (keys[i].key == KEY_TARGET || keys[i].key == KEY_SOURCE || keys[i].key == KEY_ID ||
        keys[i].key == KEY_ENV)
        return set(g, keys[i].key, meant, e); /* as written */
    free(meant);
    return 0;
}

/* Fields between commas; one in double quotes may have commas, and "" for a quote. Changes s. */
static char *next_field(char **s)
{
    char *begin = *s, *out = *s, *p = *s;

    if (!p)
        return NULL;
    if (*p == '"') {
        for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
            if (*p == '"')
                p++;
            *out++ = *p;
        }
        p += *p == '"';
    }
    while (*p && *p != ',')
        *out++ = *p++;
    *s = *p ? p + 1 : NULL;
    *out = 0;
    return begin;
}

/* The type decides which keys there are, wherever it stands. */
static int find_type(struct mounting *g, const char *value, struct err *e)
{
    autofree char *copy = strdup(value);
    char *rest = copy, *f;
    unsigned n = 0;
    int r = 0;

    if (!copy)
        return err_memory(e);
    while (r == 0 && (f = next_field(&rest)))
        if (strncasecmp(f, "type=", 5) == 0) {
            g->key = f;
            f[4] = 0;
            r = choose(g, f + 5, types, ARRAY_SIZE(types), &n, e);
        }
    g->key = NULL;
    g->m->type = (enum dockerfile_mount_type)n;
    return r;
}

/* ".." as a part of an id would lead out of the folder of the caches. */
static bool leads_out(const char *id)
{
    for (const char *s = id; *s; s += strcspn(s, "/"), s += *s == '/')
        if (strcspn(s, "/") == 2 && s[0] == '.' && s[1] == '.')
            return true;
    return false;
}

static char *base_name(const char *path)
{
    autofree char *clean = ignore_clean(path);
    const char *slash = clean ? strrchr(clean, '/') : NULL;

    return clean ? strdup(slash ? slash + 1 : clean) : NULL;
}

/* The id that follows from the rest; NULL in those that have none. */
static int default_id(struct dockerfile_mount *m, struct err *e)
{
    switch (m->type) {
    case DOCKERFILE_MOUNT_CACHE: m->id = ignore_clean(m->target); break;
    case DOCKERFILE_MOUNT_SECRET: m->id = base_name(m->target); break;
    case DOCKERFILE_MOUNT_SSH: m->id = strdup("default"); break;
    case DOCKERFILE_MOUNT_BIND:
    case DOCKERFILE_MOUNT_TMPFS: return 0;
    }
    return m->id ? 0 : err_memory(e);
}

/* What follows from what was said. */
static int complete(const struct mounting *g, struct err *e)
{
    struct dockerfile_mount *m = g->m;
    bool secret = m->type == DOCKERFILE_MOUNT_SECRET;
    int r;

    if (!m->target && !secret && m->type != DOCKERFILE_MOUNT_SSH)
        return dockerfile_args_flag_fail(e, g->v, g->flag, "a mount of type %s needs target=PATH",
                                         types[m->type]);
    if (secret && m->source) { /* another word for its id */
        free(m->id);
        m->id = take_ptr(&m->source);
    }
    if (secret && !m->id && !m->target)
        return dockerfile_args_flag_fail(e, g->v, g->flag, "a secret needs id=NAME or target=PATH");
    r = m->id ? 0 : default_id(m, e);
    if (r < 0)
        return r;
    if (m->type == DOCKERFILE_MOUNT_CACHE && leads_out(m->id))
        return dockerfile_args_flag_fail(e, g->v, g->flag, "id: '%.60s' has a part '..'", m->id);
    if (secret && !m->target && !m->env) {
        autofree char *name = base_name(m->id);

        m->target = name ? text_format("/run/secrets/%s", name) : NULL;
        return m->target ? 0 : err_memory(e);
    }
    return 0;
}

static int mount(const struct dockerfile_view *v, const struct dockerfile_flag *flag,
                 struct dockerfile_mount *m, struct err *e)
{
    struct mounting g = {.v = v, .flag = flag, .m = m};
    autofree char *copy = flag->value ? strdup(flag->value) : NULL;
    char *rest = copy;
    int r;

    *m = (struct dockerfile_mount){.known = true};
    if (!flag->value || !flag->value[0])
        return dockerfile_args_flag_fail(e, v, flag, "it needs keys, as in --mount=target=PATH");
    if (!copy)
        return err_memory(e);
    r = find_type(&g, copy, e);
    m->writable = m->type == DOCKERFILE_MOUNT_CACHE || m->type == DOCKERFILE_MOUNT_TMPFS;
    m->mode = m->type == DOCKERFILE_MOUNT_CACHE    ? 0755
              : m->type == DOCKERFILE_MOUNT_SECRET ? 0400
              : m->type == DOCKERFILE_MOUNT_SSH    ? 0600
                                                   : 0;
    while (r == 0 && (g.key = next_field(&rest))) {
        char *equal = strchr(g.key, '=');

        if (equal)
            *equal++ = 0;
        r = field(&g, equal, e);
    }
    return r < 0 ? r : complete(&g, e);
}

static int mounts(const struct dockerfile_view *v, struct dockerfile_run *ret, struct err *e)
{
    int r = 0;

    ret->mounts = calloc(v->i->n_flags + 1, sizeof *ret->mounts);
    if (!ret->mounts)
        return err_memory(e);
    for (size_t k = 0; k < v->i->n_flags && r == 0; k++)
        if (strcmp(v->i->flags[k].name, "mount") == 0)
            r = mount(v, &v->i->flags[k], &ret->mounts[ret->n_mounts++], e);
    return r;
}

/* ---- the other flags ---- */

static int network(const struct dockerfile_view *v, struct dockerfile_run *ret, struct err *e)
{
    static const char *const words[] = {"default", "none", "host"};
    char hint[DOCKERFILE_ERROR_HINT_MAX];
    const struct dockerfile_flag *flag;
    struct near near;
    int r = dockerfile_args_flag(v, "network", true, &flag, e);

    if (r <= 0)
        return r;
    near_begin(&near, flag->value);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcmp(flag->value, words[i]) == 0) {
            ret->network = (enum dockerfile_network)i;
            return 0;
        }
        near_offer(&near, words[i]);
    }
    return dockerfile_args_flag_fail(e, v, flag, "'%.60s' is none of default, none, host%s",
                                     flag->value, dockerfile_error_hint(&near, "", hint));
}

static int refused(const struct dockerfile_view *v, struct err *e)
{
    const struct dockerfile_flag *flag;
    int r = dockerfile_args_flag(v, "security", true, &flag, e);

    if (r < 0)
        return r;
    if (r > 0 && strcmp(flag->value, "insecure") == 0)
        return dockerfile_args_flag_fail(
            e, v, flag,
            "a step without its sandbox would have the rights of who builds, and is not run");
    if (r > 0 && strcmp(flag->value, "sandbox") != 0)
        return dockerfile_args_flag_fail(e, v, flag, "'%.60s' is not sandbox", flag->value);
    r = dockerfile_args_flag(v, "device", false, &flag, e);
    if (r > 0)
        return dockerfile_args_flag_fail(e, v, flag, "build steps get no devices of the host");
    return r;
}

/* ---- the command ---- */

/* RUN <<END and nothing else: the document is the script. */
static bool only_heredoc(const struct dockerfile_instruction *i)
{
    return i->n_heredocs == 1 && i->heredocs[0].at == i->rest_at &&
           i->heredocs[0].width == strlen(i->rest);
}

static int command(const struct dockerfile_instruction *i, struct dockerfile_run *ret,
                   struct err *e)
{
    autotext struct text t = {0};

    if (i->form == DOCKERFILE_AS_JSON)
        return 0;
    if (only_heredoc(i)) {
        char *text = dockerfile_lex_heredoc_text(&i->heredocs[0]);

        if (text && strncmp(text, "#!", 2) == 0)
            ret->script = text;
        else
            ret->shell = text;
        return text ? 0 : err_memory(e);
    }
    text_add(&t, i->rest);
    for (size_t k = 0; k < i->n_heredocs; k++)
        text_addf(&t, "\n%s%s", i->heredocs[k].text, i->heredocs[k].name);
    ret->shell = text_take(&t);
    return ret->shell ? 0 : err_memory(e);
}

int dockerfile_args_run(const struct dockerfile_view *v, struct dockerfile_run *ret, struct err *e)
{
    int r;

    *ret = (struct dockerfile_run){0};
    r = mounts(v, ret, e);
    if (r == 0)
        r = network(v, ret, e);
    if (r == 0)
        r = refused(v, e);
    if (r == 0)
        r = command(v->i, ret, e);
    if (r < 0)
        dockerfile_args_run_free(ret);
    return r;
}

void dockerfile_args_run_free(struct dockerfile_run *r)
{
    for (size_t k = 0; k < r->n_mounts; k++)
        free_mount(&r->mounts[k]);
    free(r->mounts);
    free(r->shell);
    free(r->script);
    *r = (struct dockerfile_run){0};
}
