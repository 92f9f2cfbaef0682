#include "cmd/login_key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "storage/registry/auth.h"
#include "storage/registry/auth_file.h"
#include "storage/registry/conf.h"

static int default_registry(char *buf, size_t size, struct err *e)
{
    struct conf conf = {0};
    int r = conf_load(&conf, e);

    if (r == 0)
        snprintf(buf, size, "%s", conf.search.n ? conf.search.v[0] : "docker.io");
    conf_free(&conf);
    return r;
}

/* What is left is held to the grammar of an image's name: "localhost/x" is a registry and a path,
 * "quay" is a registry too, although an image's name could not begin so. */
static int check(struct login_key *k, struct err *e)
{
    autofree char *image = text_format("%s/%s", k->registry, *k->path ? k->path : "x");
    struct ref ref = {0};
    int r = image ? ref_parse(image, &ref, e) : err_memory(e);

    if (r < 0)
        return err_wrap(e, r, "registry '%s'", k->key);
    if (strchr(k->path, ':') || strchr(k->path, '@'))
        return err_set(e, EINVAL, "'%s' has a tag or a digest: log in to a registry or to a path",
                       k->key);
    return 0;
}

int login_key_parse(const char *typed, struct login_key *ret, struct err *e)
{
    char buf[sizeof ret->key];
    size_t n;
    int r;

    *ret = (struct login_key){0};
    if (!typed) {
        r = default_registry(buf, sizeof buf, e);
        if (r < 0)
            return r;
        typed = buf;
    }
    auth_file_key(typed, ret->key, sizeof ret->key);
    n = strcspn(ret->key, "/");
    if (n == 0 || n >= sizeof ret->registry)
        return err_set(e, EINVAL, "'%.100s' is not the name of a registry", typed);
    snprintf(ret->registry, sizeof ret->registry, "%.*s", (int)n, ret->key);
    ret->path = ret->key + n + (ret->key[n] == '/');
    return check(ret, e);
}

int login_key_creds(const struct login_key *k, const char *authfile, struct creds *ret,
                    struct err *e)
{
    const char *env = getenv("REGISTRY_AUTH_FILE");

    if (!authfile && env && *env)
        authfile = env;
    *ret = (struct creds){0};
    if (authfile && access(authfile, F_OK) < 0 && errno == ENOENT)
        return 0;
    return auth_find(NULL, authfile, k->registry, k->path, ret, e);
}
