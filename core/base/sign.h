/* sign - public keys, and whether a signature is theirs.
 *
 * ECDSA on P-256 over SHA-256 (the signature in DER) and ed25519: what cosign makes. OpenSSL's
 * libcrypto is loaded with the first key. */
#ifndef RCTR_SIGN_H
#define RCTR_SIGN_H

#include <stddef.h>

#include "core/base/err.h"

enum { SIGN_KEY_MAX = 64 << 10 };

struct sign_key;
/* A PEM text with exactly one block, "PUBLIC KEY" (RFC 7468, SubjectPublicKeyInfo). *ret is new.
 * -EINVAL: not so, or a key of another kind. */
int sign_key_parse(const char *pem, size_t n, struct sign_key **ret, struct err *e);
void sign_key_free(struct sign_key *k); /* NULL allowed */

/* 0: this key has signed exactly these bytes. -EBADMSG: it has not. */
int sign_verify(const struct sign_key *k, const void *bytes, size_t n, const void *signature,
                size_t signature_n, struct err *e);

static inline void sign_auto_(struct sign_key **k)
{
    sign_key_free(*k);
}
#define autosign __attribute__((cleanup(sign_auto_)))

#endif
