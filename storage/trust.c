#include "storage/trust.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/config.h"

static void free_requirement(struct trust_requirement *r)
{
    free(r->type);
    free(r->obstacle);
    strv_free(&r->key_files);
    strv_free(&r->keys);
    trust_identity_free(&r->identity);
}

void trust_free(struct trust *p)
{
    for (size_t i = 0; i < p->count; i++) {
        struct trust_scope *s = &p->scopes[i];

        for (size_t k = 0; k < s->count; k++)
            free_requirement(&s->requirements[k]);
        free(s->requirements);
        free(s->transport);
        free(s->scope);
    }
    free(p->scopes);
    free(p->file);
    *p = (struct trust){0};
}

bool trust_accepts_all(const struct trust *p)
{
    for (size_t i = 0; i < p->count; i++)
        for (size_t k = 0; k < p->scopes[i].count; k++)
            if (p->scopes[i].requirements[k].kind != TRUST_ACCEPT)
                return false;
    return true;
}

/* ---- the file ---- */

static int read_file(const char *path, struct trust *ret, struct err *e)
{
    autotext struct text t = {0};
    int r = file_read(AT_FDCWD, path, TRUST_FILE_MAX, &t, e);

    if (r == 0)
        r = trust_parse(t.s ? t.s : "", t.n, path, ret, e);
    if (r == 0)
        return 0;
    if (e)
        e->code = EKEYREJECTED;
    return err_wrap(e, -EKEYREJECTED,
                    "no image may come in, since the signature policy '%s' cannot be used", path);
}

/* Is there something of that name? A link that leads nowhere is: a policy was meant to be there. */
static int is_there(const char *path, struct err *e)
{
    struct stat st;

    if (lstat(path, &st) == 0)
        return 1;
    if (errno == ENOENT || errno == ENOTDIR)
        return 0;
    return err_set(e, EKEYREJECTED,
                   "no image may come in, since the signature policy '%s' cannot be looked at: %s",
                   path, strerror(errno));
}

/* The user's own place; NULL where he has no home. */
static int own_place(char **ret, struct err *e)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    autofree char *home = NULL;
    int r;

    if (config && *config) {
        *ret = text_format("%s/containers/policy.json", config);
        return *ret ? 0 : err_memory(e);
    }
    r = config_home(&home, e);
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        *ret = text_format("%s/.config/containers/policy.json", home);
    return r < 0 ? r : *ret ? 0 : err_memory(e);
}

int trust_load(const char *file, struct trust *ret, struct err *e)
{
    autofree char *own = NULL;
    const char *places[] = {NULL, "/etc/containers/policy.json"};
    int r = file ? 0 : own_place(&own, e);

    if (file || r < 0)
        return file ? read_file(file, ret, e) : r;
    places[0] = own;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        r = places[i] ? is_there(places[i], e) : 0;
        if (r != 0)
            return r < 0 ? r : read_file(places[i], ret, e);
    }
    *ret = (struct trust){0};
    return 0;
}

/* ---- scopes ---- */

static const struct trust_scope *find(const struct trust *p, const char *transport,
                                      const char *scope, size_t n)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->scopes[i].transport, transport) == 0 &&
            strncmp(p->scopes[i].scope, scope, n) == 0 && !p->scopes[i].scope[n])
            return &p->scopes[i];
    return NULL;
}

/* The text, and what it begins with, up to each '/'. */
static const struct trust_scope *find_parents(const struct trust *p, const char *transport,
                                              const char *text)
{
    const struct trust_scope *s = NULL;

    for (size_t n = strlen(text); n && !s;) {
        s = find(p, transport, text, n);
        while (n && text[--n] != '/')
            ;
    }
    return s;
}

/* "*.example.com", "*.com" of the host "x.example.com:5000". */
static const struct trust_scope *find_domain(const struct trust *p, const char *registry)
{
    const struct trust_scope *s = NULL;
    char text[REF_PART_MAX + 2];

    for (const char *dot = strchr(registry, '.'); dot && !s; dot = strchr(dot + 1, '.')) {
        int n = snprintf(text, sizeof text, "*%.*s", (int)strcspn(dot, ":"), dot);

        s = find(p, "docker", text, (size_t)n);
    }
    return s;
}

/* What counts when nothing more specific does. */
static const struct trust_scope *find_default(const struct trust *p, const char *transport)
{
    const struct trust_scope *s = find(p, transport, "", 0);

    return s ? s : &p->scopes[0];
}

const struct trust_scope *trust_find_name(const struct trust *p, const struct ref *name)
{
    const struct trust_scope *s;
    struct ref image = *name;
    char text[REF_TEXT_MAX];

    if (!p->file)
        return NULL;
    if (image.digest.hex[0])
        image.tag[0] = 0;
    for (char *c = image.registry; *c; c++) /* to the network it is one host in any case */
        *c = (char)tolower((unsigned char)*c);
    ref_format(&image, text);
    s = find(p, "docker", text, strlen(text));
    if (!s)
        s = find_parents(p, "docker", ref_format_repo(&image, text));
    if (!s)
        s = find_domain(p, image.registry);
    return s ? s : find_default(p, "docker");
}

const struct trust_scope *trust_find_path(const struct trust *p, const char *transport,
                                          const char *path, const char *image)
{
    char text[PATH_MAX + REF_TEXT_MAX + 2];
    const struct trust_scope *s = NULL;

    if (!p->file)
        return NULL;
    if (path && image && *image) {
        snprintf(text, sizeof text, "%s:%s", path, image);
        s = find(p, transport, text, strlen(text));
    }
    if (path && !s)
        s = find_parents(p, transport, path);
    return s ? s : find_default(p, transport);
}

/* ---- verdicts ---- */

int trust_refuse(const struct trust *p, const struct trust_scope *s, size_t requirement,
                 struct err *e, const char *fmt, ...)
{
    char where[REF_TEXT_MAX + 40], why[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    if (*s->scope)
        snprintf(where, sizeof where, "scope '%s' of transport %s", s->scope, s->transport);
    else if (*s->transport)
        snprintf(where, sizeof where, "the default of transport %s", s->transport);
    else
        snprintf(where, sizeof where, "the default");
    return err_set(e, EKEYREJECTED,
                   "refused by the signature policy '%s', requirement %zu (%s) of %s: %s", p->file,
                   requirement + 1, s->requirements[requirement].type, where, why);
}

/* `elsewhere`: why signatures cannot be looked at; NULL: they will be. */
static int judge(const struct trust *p, const struct trust_scope *s, const char *elsewhere,
                 struct err *e)
{
    for (size_t i = 0; s && i < s->count; i++) {
        const struct trust_requirement *q = &s->requirements[i];

        if (q->kind == TRUST_ACCEPT || (q->kind == TRUST_SIGNED && !elsewhere))
            continue;
        if (q->kind == TRUST_REJECT)
            return trust_refuse(p, s, i, e,
                                "it lets no image in; allow this one with a scope of its own");
        if (q->kind == TRUST_SIGNED)
            return trust_refuse(p, s, i, e, "it wants a signature, and %s", elsewhere);
        return trust_refuse(p, s, i, e, "it wants %s; a scope of its own can allow this image",
                            q->obstacle);
    }
    return 0;
}

int trust_admit_name(const struct trust *p, const struct ref *name, struct err *e)
{
    char text[REF_TEXT_MAX];

    return err_wrap(e, judge(p, trust_find_name(p, name), NULL, e), "'%s'", ref_format(name, text));
}

/* The path of an open file, as the kernel knows it: that which was opened, wherever its name leads
 * by now. "" for what has none (a pipe, a deleted file), or one that is too long. */
static void path_of(int fd, char *ret, size_t size)
{
    char link[40];
    struct stat st;
    ssize_t n;

    *ret = 0;
    if (fstat(fd, &st) < 0 || st.st_nlink == 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, ret, size - 1);
    ret[n > 0 && (size_t)n < size - 1 && *ret == '/' ? n : 0] = 0;
}

int trust_admit_fd(const struct trust *p, const char *transport, int fd, const char *image,
                   struct err *e)
{
    char path[PATH_MAX];
    int r;

    if (!p->file)
        return 0;
    path_of(fd, path, sizeof path);
    r = judge(p, trust_find_path(p, transport, *path ? path : NULL, image),
              "an archive or folder has none that rctr knows to read: pull the image from its "
              "registry",
              e);
    return err_wrap(e, r, "%s:%s%s%.300s", transport, *path ? path : "(a pipe)",
                    image && *image ? ":" : "", image ? image : "");
}
