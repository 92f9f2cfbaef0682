/* registry_args - how a command speaks with a registry: the options that commands share. */
#ifndef RCTR_REGISTRY_ARGS_H
#define RCTR_REGISTRY_ARGS_H

#include "core/base/opt.h"
#include "storage/ref.h"

/* To be embedded in a command's arguments. */
struct registry_args {
    const char *authfile, *cert_dir, *creds, *tls_verify;
    long long retry;
};

/* The rows, for a struct T with a member W of struct registry_args. */
/* clang-format off */
#define REGISTRY_AUTHFILE(T, W) \
    OPT_TEXT(0, "authfile", T, W.authfile, "FILE", \
             "Read credentials from FILE, as REGISTRY_AUTH_FILE would", .guess = GUESS_FILE)
#define REGISTRY_CERT_DIR(T, W) \
    OPT_TEXT(0, "cert-dir", T, W.cert_dir, "DIR", \
             "Trust the authorities (*.crt) and use the certificate (*.cert, *.key) in DIR", \
             .guess = GUESS_FOLDER)
#define REGISTRY_CREDS(T, W) \
    OPT_TEXT(0, "creds", T, W.creds, "USER:PASSWORD", "Log in to the registry with these")
#define REGISTRY_RETRY(T, W) \
    OPT_INT(0, "retry", T, W.retry, "N", "Try a request that fails N times more", .preset = "3")
#define REGISTRY_TLS_VERIFY(T, W) \
    OPT_TEXT(0, "tls-verify", T, W.tls_verify, "true|false", \
             "Demand https and a valid certificate (true unless registries.conf says otherwise)", \
             .implied = "true")
/* clang-format on */

/* The value of --tls-verify, NULL when it was not given: 1, 0 or -1. */
int registry_args_tls_verify(const char *value, int *ret, struct err *e);
/* What has to be understood of them. -EINVAL names the option. */
int registry_args_read(const struct registry_args *a, int *ret_tls_verify, int *ret_retries,
                       struct err *e);
/* A copy of --creds that lasts as long as the process (borrowed; NULL: none was given); the word
 * itself is hidden, since every user of the host may look at our arguments. */
int registry_args_creds(const struct registry_args *a, const char **ret, struct err *e);
/* The same of the word by itself, for a command with two of them. */
int registry_args_creds_copy(const char *creds, const char **ret, struct err *e);

/* Where a push goes: the destination `to` ("docker://" is what it is anyway), else under the name
 * that the image has ("": none). -EINVAL: it has none, or a local one. */
int registry_args_destination(const char *name, const char *to, struct ref *ret, struct err *e);

#endif
