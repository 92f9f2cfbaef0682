/* rctr logout: the credentials of a registry, or of all, are forgotten. */
#include <errno.h>
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/login_key.h"
#include "core/base/auto.h"
#include "storage/registry/auth_store.h"

struct logout_args {
    bool all;
    const char *authfile;
};

static const struct opt logout_opts[] OPT_TABLE = {
    OPT_FLAG('a', "all", struct logout_args, all, "Forget the credentials of all registries"),
    OPT_TEXT(0, "authfile", struct logout_args, authfile, "FILE",
             "The file with the credentials, as REGISTRY_AUTH_FILE would name it",
             .guess = GUESS_FILE),
    OPT_DONE,
};

/* They may come from a file that is not ours to write: docker's. */
static int not_ours(const struct login_key *k, const char *authfile, struct err *e)
{
    struct creds c = {0};
    int r = login_key_creds(k, authfile, &c, e);
    bool found = c.user || c.identity;

    creds_free(&c);
    if (r < 0)
        return r;
    if (!found)
        return err_set(e, ENOENT, "Not logged into %s", k->key);
    printf("Not logged into %s with current tool. Existing credentials were established via "
           "another one, or for a path above it. Please log out there.\n",
           k->key);
    return 0;
}

static int logout_one(const char *path, const char *typed, const char *authfile, struct err *e)
{
    struct login_key k;
    int r = login_key_parse(typed, &k, e);

    if (r == 0)
        r = auth_store_erase(path, k.key, e);
    if (r < 0)
        return r;
    if (r == 0)
        return not_ours(&k, authfile, e);
    printf("Removed login credentials for %s\n", k.key);
    return 0;
}

static int logout_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct logout_args *a = args;
    autofree char *path = NULL;
    int r;

    if (a->all && argc)
        return err_set(e, EINVAL, "--all takes no registry");
    r = auth_store_path(a->authfile, &path, e);
    if (r == 0 && !a->all)
        return logout_one(path, argc ? argv[0] : NULL, a->authfile, e);
    if (r == 0)
        r = auth_store_erase_all(path, e);
    if (r == 0)
        printf("Removed login credentials for all registries\n");
    return r;
}

const struct command command_logout OPT_TABLE = {
    .name = "logout",
    .operand = "[REGISTRY]",
    .summary = "Forget the credentials of a registry",
    .opts = logout_opts,
    .args_size = sizeof(struct logout_args),
    .mixed = true,
    .operands_max = 1,
    .main = logout_main,
};
