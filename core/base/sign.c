#include "core/base/sign.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/base64.h"
#include "core/base/dl.h"

static struct {
    __typeof__(d2i_PUBKEY) *d2i_PUBKEY;
    __typeof__(EVP_PKEY_free) *EVP_PKEY_free;
    __typeof__(EVP_PKEY_get_base_id) *EVP_PKEY_get_base_id;
    __typeof__(EVP_PKEY_get_group_name) *EVP_PKEY_get_group_name;
    __typeof__(EVP_MD_CTX_new) *EVP_MD_CTX_new;
    __typeof__(EVP_MD_CTX_free) *EVP_MD_CTX_free;
    __typeof__(EVP_sha256) *EVP_sha256;
    __typeof__(EVP_DigestVerifyInit) *EVP_DigestVerifyInit;
    __typeof__(EVP_DigestVerify) *EVP_DigestVerify;
    __typeof__(ERR_clear_error) *ERR_clear_error;
} crypto;

struct sign_key {
    EVP_PKEY *key;
    bool ed25519;
};

static int load_crypto(struct err *e)
{
    static const struct dl_symbol symbols[] = {
        DL(crypto, d2i_PUBKEY),           DL(crypto, EVP_PKEY_free),
        DL(crypto, EVP_PKEY_get_base_id), DL(crypto, EVP_PKEY_get_group_name),
        DL(crypto, EVP_MD_CTX_new),       DL(crypto, EVP_MD_CTX_free),
        DL(crypto, EVP_sha256),           DL(crypto, EVP_DigestVerifyInit),
        DL(crypto, EVP_DigestVerify),     DL(crypto, ERR_clear_error),
    };
    static bool loaded;
    int r;

    if (loaded)
        return 0;
    r = dl_open(SONAME_CRYPTO, symbols, ARRAY_SIZE(symbols), e);
    loaded = r == 0;
    return r;
}

/* ---- keys ---- */

/* The bytes of the one block. OpenSSL's reader is not asked for this: it takes the first of many,
 * and would ask the terminal for the password of one that is encrypted. */
static int unwrap(const char *pem, size_t n, struct text *ret, struct err *e)
{
    static const char dashes[] = "-----BEGIN ", begin[] = "-----BEGIN PUBLIC KEY-----",
                      end[] = "-----END PUBLIC KEY-----";
    const char *from = memmem(pem, n, begin, sizeof begin - 1), *to;
    autotext struct text letters = {0};

    if (!from)
        return err_set(e, EINVAL, "it holds no \"%s\"", begin);
    if ((from != pem && from[-1] != '\n') ||
        (const char *)memmem(pem, n, dashes, sizeof dashes - 1) != from ||
        memmem(from + 1, (size_t)(pem + n - from) - 1, dashes, sizeof dashes - 1))
        return err_set(e, EINVAL, "it holds more than one key, or something beside it");
    from += sizeof begin - 1;
    to = memmem(from, (size_t)(pem + n - from), end, sizeof end - 1);
    if (!to)
        return err_set(e, EINVAL, "it has no \"%s\": is it cut short?", end);
    for (const char *p = from; p < to; p++)
        if (*p != '\n' && *p != '\r')
            text_add_n(&letters, p, 1);
    if (letters.failed)
        return err_memory(e);
    return base64_decode(letters.s ? letters.s : "", letters.n, ret, e);
}

/* Is it of a kind that rctr verifies? */
static int check_kind(struct sign_key *k, struct err *e)
{
    int id = crypto.EVP_PKEY_get_base_id(k->key);
    char group[40] = "";
    size_t n = 0;

    if (id == EVP_PKEY_ED25519) {
        k->ed25519 = true;
        return 0;
    }
    if (id == EVP_PKEY_EC && crypto.EVP_PKEY_get_group_name(k->key, group, sizeof group, &n) == 1 &&
        strcmp(group, "prime256v1") == 0)
        return 0;
    return err_set(e, EINVAL,
                   "it is a key of a kind that rctr does not verify: it knows ECDSA P-256 and "
                   "ed25519");
}

int sign_key_parse(const char *pem, size_t n, struct sign_key **ret, struct err *e)
{
    autotext struct text der = {0};
    autosign struct sign_key *k = NULL;
    const unsigned char *at;
    int r = n > SIGN_KEY_MAX ? err_set(e, EINVAL, "it is larger than 64 KiB") : load_crypto(e);

    if (r == 0)
        r = unwrap(pem, n, &der, e);
    if (r < 0)
        return r;
    k = calloc(1, sizeof *k);
    if (!k)
        return err_memory(e);
    at = (const unsigned char *)der.s;
    k->key = crypto.d2i_PUBKEY(NULL, &at, (long)der.n);
    crypto.ERR_clear_error(); /* the queue is libcurl's too */
    if (!k->key || at != (const unsigned char *)der.s + der.n)
        return err_set(e, EINVAL, "what it holds is not a public key");
    r = check_kind(k, e);
    crypto.ERR_clear_error();
    if (r == 0)
        *ret = take_ptr(&k);
    return r;
}

void sign_key_free(struct sign_key *k)
{
    if (!k)
        return;
    if (k->key)
        crypto.EVP_PKEY_free(k->key);
    free(k);
}

/* ---- signatures ---- */

int sign_verify(const struct sign_key *k, const void *bytes, size_t n, const void *signature,
                size_t signature_n, struct err *e)
{
    EVP_MD_CTX *ctx = crypto.EVP_MD_CTX_new();
    int good;

    if (!ctx)
        return err_memory(e);
    good = crypto.EVP_DigestVerifyInit(ctx, NULL, k->ed25519 ? NULL : crypto.EVP_sha256(), NULL,
                                       k->key);
    if (good == 1)
        good = crypto.EVP_DigestVerify(ctx, signature, signature_n, bytes, n);
    crypto.EVP_MD_CTX_free(ctx);
    crypto.ERR_clear_error();
    return good == 1 ? 0 : err_set(e, EBADMSG, "the key has not signed it");
}
