/* login_key - the registry that login and logout are asked about. */
#ifndef RCTR_LOGIN_KEY_H
#define RCTR_LOGIN_KEY_H

#include "core/base/err.h"
#include "storage/ref.h"
#include "storage/registry/creds.h"

struct login_key {
    char key[2 * REF_PART_MAX]; /* "registry" or "registry/path": the entry's name */
    char registry[REF_PART_MAX];
    const char *path; /* behind the registry, "" when there is none; points into key */
};
/* `typed` NULL: the first of registries.conf's unqualified-search-registries, else docker.io. */
int login_key_parse(const char *typed, struct login_key *ret, struct err *e);

/* -ENOENT for a file that was named by --authfile or REGISTRY_AUTH_FILE and is not there is no
 * failure here: nobody has logged in yet. */

int login_key_creds(const struct login_key *k, const char *authfile, struct creds *ret,
                    struct err *e);

#endif
