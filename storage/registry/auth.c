#include "storage/registry/auth.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/auto.h"
#include "core/base/jsonx.h"

enum { FILE_MAX = 1 << 20, KEY_MAX = 1024 };

static void wipe(char **s)
{
    if (*s)
        explicit_bzero(*s, strlen(*s));
    free(*s);
    *s = NULL;
}

void auth_free(struct auth_creds *c)
{
    wipe(&c->user);
    wipe(&c->password);
    wipe(&c->identity);
}

/* ---- base64, RFC 4648 section 4 ---- */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode(const char *s, struct text *ret)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n; i += 3) {
        unsigned char b[3] = {0};
        char out[5] = "====";

        memcpy(b, s + i, n - i < 3 ? n - i : 3);
        out[0] = letters[b[0] >> 2];
        out[1] = letters[(b[0] & 3) << 4 | b[1] >> 4];
        if (i + 1 < n)
            out[2] = letters[(b[1] & 15) << 2 | b[2] >> 6];
        if (i + 2 < n)
            out[3] = letters[b[2] & 63];
        text_add(ret, out);
    }
}

static int decode(const char *s, struct text *ret)
{
    unsigned bits = 0, have = 0;

    for (; *s && *s != '='; s++) {
        const char *at = strchr(letters, *s);

        if (!at)
            return -EINVAL;
        bits = bits << 6 | (unsigned)(at - letters);
        have += 6;
        if (have >= 8) {
            char byte = (char)(bits >> (have -= 8) & 0xff);

            if (byte == 0)
                return -EINVAL;
            text_add_n(ret, &byte, 1);
        }
    }
    return s[strspn(s, "=")] ? -EINVAL : 0;
}

/* ---- credentials ---- */

static int split_creds(const char *text, struct auth_creds *ret, struct err *e)
{
    const char *colon = strchr(text, ':');

    if (!colon || colon == text)
        return err_set(e, EINVAL, "credentials are written as user:password");
    ret->user = strndup(text, (size_t)(colon - text));
    ret->password = strdup(colon + 1);
    if (ret->user && ret->password)
        return 0;
    auth_free(ret);
    return err_memory(e);
}

static int take_entry(const json_t *entry, const char *key, struct auth_creds *ret, struct err *e)
{
    const char *packed = NULL, *identity = NULL;
    autotext struct text plain = {0};
    int r = jsonx_string(entry, "auth", &packed, e);

    if (r == 0)
        r = jsonx_string(entry, "identitytoken", &identity, e);
    if (r < 0)
        return r;
    if (packed && *packed) {
        if (decode(packed, &plain) < 0 || text_check(&plain, NULL) < 0)
            return err_set(e, EINVAL, "the entry '%s' is not valid base64", key);
        r = split_creds(plain.s, ret, e);
        explicit_bzero(plain.s, plain.n);
        if (r < 0)
            return err_wrap(e, r, "the entry '%s'", key);
    }
    if (identity && *identity) {
        ret->identity = strdup(identity);
        if (!ret->identity)
            return err_memory(e);
    }
    return 0;
}

/* Docker's old keys are addresses: "https://index.docker.io/v1/". */
static void plain_key(const char *key, char *buf, size_t size)
{
    size_t n;

    if (text_starts(key, "https://"))
        key += strlen("https://");
    else if (text_starts(key, "http://"))
        key += strlen("http://");
    n = strlen(key);
    while (n && key[n - 1] == '/')
        n--;
    if (n > 3 && (strncmp(key + n - 3, "/v1", 3) == 0 || strncmp(key + n - 3, "/v2", 3) == 0))
        n -= 3;
    snprintf(buf, size, "%.*s", n < size ? (int)n : 0, key);
    if (strcmp(buf, "index.docker.io") == 0 || strcmp(buf, "registry-1.docker.io") == 0)
        snprintf(buf, size, "docker.io");
}

static const json_t *best_entry(const json_t *auths, const char *name, const char **ret_key)
{
    const char *key;
    const json_t *best = NULL;
    char plain[KEY_MAX];
    size_t best_n = 0;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)auths, key, value)
    {
        size_t n;

        plain_key(key, plain, sizeof plain);
        n = strlen(plain);
        if (n <= best_n || strncmp(plain, name, n) != 0 || (name[n] && name[n] != '/'))
            continue;
        best = value;
        best_n = n;
        *ret_key = key;
    }
    return best;
}

/* 1: found, 0: not in this file, -ENOENT: no such file. */
static int look_into(const char *path, const char *name, struct auth_creds *ret, struct err *e)
{
    autojson json_t *j = NULL;
    const json_t *entry;
    json_t *auths = NULL;
    const char *key = NULL;
    int r = jsonx_load(AT_FDCWD, path, FILE_MAX, &j, e);

    if (r == 0)
        r = jsonx_object(j, "auths", &auths, e);
    if (r < 0)
        return r == -ENOENT ? r : err_wrap(e, r, "authentication file '%s'", path);
    entry = best_entry(auths, name, &key);
    if (!entry)
        return 0;
    r = take_entry(entry, key, ret, e);
    return r < 0 ? err_wrap(e, r, "authentication file '%s'", path) : ret->user || ret->identity;
}

static char *usual_place(unsigned i)
{
    const char *home = getenv("HOME"), *run = getenv("XDG_RUNTIME_DIR"),
               *config = getenv("XDG_CONFIG_HOME"), *docker = getenv("DOCKER_CONFIG");

    if (i == 0)
        return run && *run ? text_format("%s/containers/auth.json", run) : NULL;
    if (i == 1 && config && *config)
        return text_format("%s/containers/auth.json", config);
    if (i == 2 && docker && *docker)
        return text_format("%s/config.json", docker);
    if (!home || !*home)
        return NULL;
    return text_format(i == 1 ? "%s/.config/containers/auth.json" : "%s/.docker/config.json", home);
}

int auth_find(const char *given, const char *authfile, const char *registry, const char *repo,
              struct auth_creds *ret, struct err *e)
{
    autofree char *name = text_format("%s/%s", registry, repo);
    const char *env = getenv("REGISTRY_AUTH_FILE");
    int r;

    *ret = (struct auth_creds){0};
    if (!name)
        return err_memory(e);
    if (given)
        return split_creds(given, ret, e);
    if (!authfile && env && *env)
        authfile = env;
    if (authfile) {
        r = look_into(authfile, name, ret, e);
        if (r == -ENOENT)
            return err_set(e, ENOENT, "the authentication file '%s' does not exist", authfile);
        return r < 0 ? r : 0;
    }
    for (unsigned i = 0; i < 3; i++) {
        autofree char *path = usual_place(i);

        if (!path)
            continue;
        r = look_into(path, name, ret, e);
        if (r == 1)
            return 0;
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return 0;
}

/* ---- challenges ---- */

static const char *skip_blank(const char *s)
{
    return s + strspn(s, " \t,");
}

/* name=value or name="quoted \" value" at *at; false at the end or at anything else. */
static bool next_parameter(const char **at, char name[32], char *value, size_t size, bool *too_long)
{
    const char *s = skip_blank(*at);
    size_t n = strcspn(s, "= \t,\n"), len = 0;

    if (n == 0 || n >= 32 || s[n] != '=')
        return false;
    snprintf(name, 32, "%.*s", (int)n, s);
    s += n + 1;
    if (*s == '"') {
        for (s++; *s && *s != '"' && *s != '\n'; s++) {
            if (*s == '\\' && s[1] && s[1] != '\n')
                s++;
            if (len + 1 < size)
                value[len] = *s;
            len++;
        }
        if (*s != '"')
            return false;
        s++;
    } else {
        for (; *s && !strchr(" \t,\n", *s); s++, len++)
            if (len + 1 < size)
                value[len] = *s;
    }
    *too_long |= len >= size;
    value[len < size ? len : size - 1] = 0;
    *at = s;
    return true;
}

static int parse_bearer(const char *s, struct auth_challenge *ret, struct err *e)
{
    struct auth_challenge c = {.scheme = AUTH_BEARER};
    char name[32], value[2048];
    bool too_long = false;

    while (next_parameter(&s, name, value, sizeof value, &too_long)) {
        size_t n = strlen(value);

        if (strcasecmp(name, "realm") == 0)
            memcpy(c.realm, value, n + 1);
        else if (strcasecmp(name, "service") == 0 && !(too_long |= n >= sizeof c.service))
            memcpy(c.service, value, n + 1);
        else if (strcasecmp(name, "scope") == 0 && !(too_long |= n >= sizeof c.scope))
            memcpy(c.scope, value, n + 1);
    }
    if (too_long)
        return err_set(e, EINVAL, "the registry's challenge is too long");
    if (!c.realm[0])
        return err_set(e, EINVAL, "the registry asks for a token but does not say where to get it");
    *ret = c;
    return 0;
}

int auth_parse(const char *lines, struct auth_challenge *ret, struct err *e)
{
    *ret = (struct auth_challenge){0};
    for (const char *s = lines; s && *s; s = strchr(s, '\n'), s = s ? s + 1 : NULL) {
        s = skip_blank(s);
        if (strncasecmp(s, "Bearer ", 7) == 0)
            return parse_bearer(s + 7, ret, e);
        if (strncasecmp(s, "Basic", 5) == 0 && !isalnum((unsigned char)s[5]))
            ret->scheme = AUTH_BASIC;
    }
    return 0;
}

int auth_basic(const struct auth_creds *c, struct text *ret, struct err *e)
{
    autofree char *plain = text_format("%s:%s", c->user, c->password);

    if (!plain)
        return err_memory(e);
    text_add(ret, "Basic ");
    encode(plain, ret);
    explicit_bzero(plain, strlen(plain));
    return text_check(ret, e);
}

static void add_escaped(struct text *t, const char *s)
{
    for (; *s; s++) {
        if (isalnum((unsigned char)*s) || strchr("-._~:/,", *s))
            text_add_n(t, s, 1);
        else
            text_addf(t, "%%%02X", (unsigned char)*s);
    }
}

void auth_query(const struct auth_challenge *c, const char *scope, struct text *ret)
{
    if (c->service[0]) {
        text_add(ret, "service=");
        add_escaped(ret, c->service);
        text_add(ret, "&");
    }
    text_add(ret, "scope=");
    add_escaped(ret, scope);
}

void auth_form(const struct auth_challenge *c, const char *scope, const struct auth_creds *creds,
               struct text *ret)
{
    text_add(ret, "grant_type=refresh_token&client_id=rctr&refresh_token=");
    add_escaped(ret, creds->identity);
    text_add(ret, "&");
    auth_query(c, scope, ret);
}
