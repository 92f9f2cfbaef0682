/* hash - SHA-256 digests as OCI writes them: "sha256:" and 64 lower-case hex digits.
 *
 * Source: OCI image-spec, descriptor.md, "Digests". OpenSSL's libcrypto is loaded at the first
 * hash_new. */
#ifndef RCTR_HASH_H
#define RCTR_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

enum { DIGEST_HEX = 64, DIGEST_TEXT_MAX = 72 };

struct digest {
    char hex[DIGEST_HEX + 1];
};

/* Strict: exactly "sha256:" + 64 of [0-9a-f]; other algorithms and grammars are -EINVAL. */
int hash_parse(const char *text, struct digest *ret, struct err *e);
/* "sha256:<hex>" into a static-size buffer; returns buf. */
const char *hash_format(const struct digest *d, char buf[DIGEST_TEXT_MAX]);
bool hash_equal(const struct digest *a, const struct digest *b);

struct hash;
int hash_new(struct hash **ret, struct err *e);
void hash_add(struct hash *h, const void *bytes, size_t n);
void hash_end(struct hash *h, struct digest *ret); /* then only hash_free or hash_reset */
void hash_reset(struct hash *h);
void hash_free(struct hash *h); /* NULL allowed */
int hash_bytes(const void *bytes, size_t n, struct digest *ret, struct err *e);
/* Load libcrypto now (before a cage or a fork). */
int hash_ready(struct err *e);

#endif
