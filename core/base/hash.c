#include "core/base/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/dl.h"

static struct {
    __typeof__(EVP_MD_CTX_new) *EVP_MD_CTX_new;
    __typeof__(EVP_MD_CTX_free) *EVP_MD_CTX_free;
    __typeof__(EVP_DigestInit_ex) *EVP_DigestInit_ex;
    __typeof__(EVP_DigestUpdate) *EVP_DigestUpdate;
    __typeof__(EVP_DigestFinal_ex) *EVP_DigestFinal_ex;
    __typeof__(EVP_sha256) *EVP_sha256;
} crypto;

struct hash {
    EVP_MD_CTX *ctx;
};

int hash_ready(struct err *e)
{
    static const struct dl_symbol symbols[] = {
        DL(crypto, EVP_MD_CTX_new),   DL(crypto, EVP_MD_CTX_free),    DL(crypto, EVP_DigestInit_ex),
        DL(crypto, EVP_DigestUpdate), DL(crypto, EVP_DigestFinal_ex), DL(crypto, EVP_sha256),
    };
    static bool loaded;
    int r;

    if (loaded)
        return 0;
    r = dl_open(SONAME_CRYPTO, symbols, ARRAY_SIZE(symbols), e);
    loaded = r == 0;
    return r;
}

int hash_parse(const char *text, struct digest *ret, struct err *e)
{
    static const char prefix[] = "sha256:";
    const char *hex = text + sizeof prefix - 1;

    if (strncmp(text, prefix, sizeof prefix - 1) != 0)
        return err_set(e, EINVAL,
                       "'%.80s' is not a digest that rctr knows (sha256:<64 hex digits>)", text);
    if (strlen(hex) != DIGEST_HEX || strspn(hex, "0123456789abcdef") != DIGEST_HEX)
        return err_set(e, EINVAL, "'%.80s' is not a digest: sha256: wants 64 lower-case hex digits",
                       text);
    memcpy(ret->hex, hex, sizeof ret->hex);
    return 0;
}

const char *hash_format(const struct digest *d, char buf[DIGEST_TEXT_MAX])
{
    snprintf(buf, DIGEST_TEXT_MAX, "sha256:%s", d->hex);
    return buf;
}

bool hash_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->hex, b->hex, DIGEST_HEX) == 0;
}

int hash_new(struct hash **ret, struct err *e)
{
    int r = hash_ready(e);
    struct hash *h;

    if (r < 0)
        return r;
    h = calloc(1, sizeof *h);
    if (!h)
        return err_memory(e);
    h->ctx = crypto.EVP_MD_CTX_new();
    if (!h->ctx || !crypto.EVP_DigestInit_ex(h->ctx, crypto.EVP_sha256(), NULL)) {
        hash_free(h);
        return err_set(e, EIO, "libcrypto refuses to begin a SHA-256");
    }
    *ret = h;
    return 0;
}

void hash_add(struct hash *h, const void *bytes, size_t n)
{
    crypto.EVP_DigestUpdate(h->ctx, bytes, n);
}

void hash_end(struct hash *h, struct digest *ret)
{
    unsigned char raw[32];
    unsigned n = 0;

    crypto.EVP_DigestFinal_ex(h->ctx, raw, &n);
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(ret->hex + 2 * i, 3, "%02x", raw[i]);
}

void hash_reset(struct hash *h)
{
    crypto.EVP_DigestInit_ex(h->ctx, crypto.EVP_sha256(), NULL);
}

void hash_free(struct hash *h)
{
    if (!h)
        return;
    if (h->ctx)
        crypto.EVP_MD_CTX_free(h->ctx);
    free(h);
}

int hash_bytes(const void *bytes, size_t n, struct digest *ret, struct err *e)
{
    struct hash *h = NULL;
    int r = hash_new(&h, e);

    if (r < 0)
        return r;
    hash_add(h, bytes, n);
    hash_end(h, ret);
    hash_free(h);
    return 0;
}
