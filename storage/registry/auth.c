#include "storage/registry/auth.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/auto.h"
#include "storage/registry/auth_file.h"

int auth_find(const char *given, const char *authfile, const char *registry, const char *repo,
              struct creds *ret, struct err *e)
{
    autofree char *name = text_format("%s%s%s", registry, *repo ? "/" : "", repo);
    const char *env = getenv("REGISTRY_AUTH_FILE");
    int r;

    *ret = (struct creds){0};
    if (!name)
        return err_memory(e);
    if (given)
        return creds_parse(given, ret, e);
    if (!authfile && env && *env)
        authfile = env;
    if (authfile) {
        r = auth_file_find(authfile, name, ret, e);
        if (r == AUTH_FILE_MISSING)
            return err_set(e, ENOENT, "the authentication file '%s' does not exist", authfile);
        return r < 0 ? r : 0;
    }
    for (unsigned i = 0; i < AUTH_FILE_PLACES; i++) {
        autofree char *path = auth_file_place(i);

        r = path ? auth_file_find(path, name, ret, e) : AUTH_FILE_MISSING;
        if (r == 1)
            return 0;
        if (r < 0)
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

int auth_basic(const struct creds *c, struct text *ret, struct err *e)
{
    text_add(ret, "Basic ");
    return creds_encode(c, ret, e);
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
    }
    if (*scope) {
        text_add(ret, c->service[0] ? "&scope=" : "scope=");
        add_escaped(ret, scope);
    }
}

void auth_form(const struct auth_challenge *c, const char *scope, const struct creds *creds,
               struct text *ret)
{
    text_add(ret, "grant_type=refresh_token&client_id=rctr&refresh_token=");
    add_escaped(ret, creds->identity);
    text_add(ret, "&");
    auth_query(c, scope, ret);
}
