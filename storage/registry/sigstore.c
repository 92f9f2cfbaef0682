#include "storage/registry/sigstore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/signature.h"

/* ---- from the registry ---- */

/* No such tag: no signatures, which is no failure of its own. */
static int fetch(struct registry *r, const struct digest *manifest, struct signatures *ret,
                 struct err *e)
{
    autotext struct text list = {0};
    struct err why = {0};
    struct digest digest;
    char tag[DIGEST_HEX + 16];
    int n;

    snprintf(tag, sizeof tag, "sha256-%s.sig", manifest->hex);
    n = registry_manifest(r, tag, &list, &digest, &why);
    if (n == -ENOENT)
        return 0;
    if (n == 0)
        n = err_wrap(&why, signature_list_parse(list.s, list.n, ret, &why), "tag %s", tag);
    for (size_t i = 0; n == 0 && i < ret->n; i++)
        n = registry_blob(r, &ret->v[i].digest, ret->v[i].size, &ret->v[i].payload, &why);
    if (n < 0 && e)
        *e = why;
    return err_wrap(e, n, "the signatures of the image");
}

/* ---- keys ---- */

struct keys {
    struct sign_key **v; /* owned */
    size_t n;
};

static void free_keys(struct keys *k)
{
    for (size_t i = 0; i < k->n; i++)
        sign_key_free(k->v[i]);
    free(k->v);
}
#define autokeys __attribute__((cleanup(free_keys)))

static int load_keys(const struct trust_requirement *q, struct keys *ret, struct err *e)
{
    int r = 0;

    ret->v = calloc(q->keys.n + q->key_files.n, sizeof(struct sign_key *));
    if (!ret->v)
        return err_memory(e);
    for (size_t i = 0; r == 0 && i < q->keys.n; i++, ret->n += r == 0)
        r = err_wrap(e, sign_key_parse(q->keys.v[i], strlen(q->keys.v[i]), &ret->v[ret->n], e),
                     "key %zu of its data", i + 1);
    for (size_t i = 0; r == 0 && i < q->key_files.n; i++, ret->n += r == 0) {
        autotext struct text t = {0};

        r = file_read(AT_FDCWD, q->key_files.v[i], SIGN_KEY_MAX, &t, e);
        if (r == 0)
            r = err_wrap(e, sign_key_parse(t.s ? t.s : "", t.n, &ret->v[ret->n], e), "'%s'",
                         q->key_files.v[i]);
    }
    return err_wrap(e, r, "its key cannot be used");
}

/* ---- the verdict ---- */

/* One good signature will do. */
static int examine(const struct trust_requirement *q, const struct signatures *s,
                   const struct digest *manifest, const struct ref *name, struct text *ret_why,
                   struct err *e)
{
    autokeys struct keys keys = {0};
    int r = load_keys(q, &keys, e);

    for (size_t i = 0; r == 0 && i < s->n; i++) {
        struct err why;

        if (signature_judge(&s->v[i], keys.v, keys.n, manifest, name, &q->identity, &why) == 0)
            return 1;
        text_addf(ret_why, "%ssignature %zu: %s", i ? "; " : "", i + 1, why.text);
    }
    return r;
}

static bool wants_signatures(const struct trust_scope *s)
{
    for (size_t i = 0; s && i < s->count; i++)
        if (s->requirements[i].kind == TRUST_SIGNED)
            return true;
    return false;
}

static int examine_all(const struct trust *p, const struct trust_scope *scope,
                       const struct signatures *found, const struct digest *manifest,
                       const struct ref *name, struct err *e)
{
    for (size_t i = 0; i < scope->count; i++) {
        autotext struct text why = {0};
        struct err key = {0};
        int r;

        if (scope->requirements[i].kind != TRUST_SIGNED)
            continue;
        r = examine(&scope->requirements[i], found, manifest, name, &why, &key);
        if (r < 0)
            return trust_refuse(p, scope, i, e, "%s", key.text);
        if (r == 0 && found->n == 0)
            return trust_refuse(p, scope, i, e,
                                "the registry has no signature of it (tag sha256-%s.sig): have it "
                                "signed with the key, or allow it with a scope of its own",
                                manifest->hex);
        if (r == 0)
            return trust_refuse(p, scope, i, e, "none of %zu signature%s is good: %s", found->n,
                                found->n == 1 ? "" : "s", why.s ? why.s : "");
    }
    return 0;
}

int sigstore_admit(struct registry *r, const struct trust *p, const struct ref *name,
                   const struct digest *manifest, struct err *e)
{
    const struct trust_scope *scope = trust_find_name(p, name);
    struct signatures found = {0};
    char text[REF_TEXT_MAX];
    int n = trust_admit_name(p, name, e);

    if (n < 0 || !wants_signatures(scope))
        return n;
    n = fetch(r, manifest, &found, e);
    if (n == 0)
        n = examine_all(p, scope, &found, manifest, name, e);
    signature_list_free(&found);
    return err_wrap(e, n, "'%s' (sha256:%.12s)", ref_format(name, text), manifest->hex);
}
