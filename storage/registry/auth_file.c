#include "storage/registry/auth_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/jsonx.h"
#include "storage/registry/auth_helper.h"

char *auth_file_place(unsigned i)
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

const char *auth_file_key(const char *key, char *buf, size_t size)
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
    return buf;
}

const char *auth_file_server(const char *name, char *buf, size_t size)
{
    snprintf(buf, size, "%.*s", (int)strcspn(name, "/"), name);
    if (strcmp(buf, "docker.io") == 0)
        snprintf(buf, size, "https://index.docker.io/v1/"); /* under which docker keeps it */
    return buf;
}

/* The entry of the longest key that is `name` or a path above it. NULL: none. */
static const json_t *best_entry(const json_t *auths, const char *name, const char **ret_key)
{
    const char *key;
    const json_t *best = NULL;
    char plain[AUTH_FILE_KEY_MAX];
    size_t best_n = 0;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)auths, key, value)
    {
        size_t n = strlen(auth_file_key(key, plain, sizeof plain));

        if (n <= best_n || strncmp(plain, name, n) != 0 || (name[n] && name[n] != '/'))
            continue;
        best = value;
        best_n = n;
        *ret_key = key;
    }
    return best;
}

/* 1: found, 0: an entry that only says that a helper has them. */
static int take_entry(const json_t *entry, const char *key, struct creds *ret, struct err *e)
{
    const char *packed = NULL, *identity = NULL;
    int r = 0;

    if (!json_is_object(entry) && !json_is_null(entry))
        r = err_set(e, EINVAL, "it is no JSON object");
    if (r == 0)
        r = jsonx_string(entry, "auth", &packed, e);
    if (r == 0)
        r = jsonx_string(entry, "identitytoken", &identity, e);
    if (r == 0 && packed && *packed)
        r = creds_decode(packed, ret, e);
    if (r < 0)
        return err_wrap(e, r, "the entry '%s'", key);
    if (identity && *identity) {
        ret->identity = strdup(identity);
        if (!ret->identity)
            return err_memory(e);
    }
    return ret->user || ret->identity;
}

/* Of "credHelpers" alone. */
static int own_helper(const json_t *file, const char *name, const char **ret, struct err *e)
{
    size_t n = strcspn(name, "/");
    char plain[AUTH_FILE_KEY_MAX];
    json_t *helpers = NULL, *value;
    const char *key;
    int r = jsonx_object(file, "credHelpers", &helpers, e);

    *ret = NULL;
    json_object_foreach(helpers, key, value)
    {
        auth_file_key(key, plain, sizeof plain);
        if (strlen(plain) == n && strncmp(plain, name, n) == 0)
            r = jsonx_string(helpers, key, ret, e);
    }
    if (r == 0 && *ret && !**ret)
        *ret = NULL;
    return r;
}

int auth_file_helper(const json_t *file, const char *name, const char **ret, struct err *e)
{
    int r = own_helper(file, name, ret, e);

    if (r == 0 && !*ret)
        r = jsonx_string(file, "credsStore", ret, e);
    if (r == 0 && *ret && !**ret)
        *ret = NULL;
    return r;
}

static int ask_helper(const char *helper, const char *name, struct creds *ret, struct err *e)
{
    char server[AUTH_FILE_KEY_MAX];

    auth_file_server(name, server, sizeof server);
    return auth_helper_get(helper, server, AUTH_HELPER_MS, ret, e);
}

/* Paths below the registry, then the registry's own helper, then its entry, then the helper for
 * all. docker writes an empty entry for what it has given to a helper: without one, a helper for
 * all that is not installed is no reason to fail. */
static int find_in(const json_t *file, const char *name, struct creds *ret, struct err *e)
{
    const json_t *entry;
    json_t *auths = NULL;
    const char *key = "", *helper = NULL;
    char plain[AUTH_FILE_KEY_MAX];
    struct err why = {0};
    int r = jsonx_object(file, "auths", &auths, e);

    if (r < 0)
        return r;
    entry = best_entry(auths, name, &key);
    if (entry && strchr(auth_file_key(key, plain, sizeof plain), '/')) {
        r = take_entry(entry, key, ret, e);
        if (r != 0)
            return r;
    }
    r = own_helper(file, name, &helper, e);
    if (r == 0 && helper)
        r = ask_helper(helper, name, ret, e);
    if (r == 0 && entry)
        r = take_entry(entry, key, ret, e);
    if (r != 0 || helper)
        return r;
    r = jsonx_string(file, "credsStore", &helper, e);
    if (r < 0 || !helper || !*helper)
        return r;
    r = ask_helper(helper, name, ret, &why);
    if (r == -ENOENT && !entry)
        return 0;
    if (r < 0 && e)
        *e = why;
    return r;
}

int auth_file_find(const char *path, const char *name, struct creds *ret, struct err *e)
{
    autojson json_t *j = NULL;
    int r = jsonx_load(AT_FDCWD, path, AUTH_FILE_MAX, &j, e);

    if (r == -ENOENT)
        return AUTH_FILE_MISSING;
    if (r == 0)
        r = json_is_object(j) ? find_in(j, name, ret, e)
                              : err_set(e, EINVAL, "it is no JSON object");
    return err_wrap(e, r, "authentication file '%s'", path);
}
