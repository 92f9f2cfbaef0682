#include "storage/signature.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/base/base64.h"
#include "core/base/jsonx.h"

static const char payload_type[] = "application/vnd.dev.cosign.simplesigning.v1+json";
static const char annotation[] = "dev.cosignproject.cosign/signature";
static const char critical_type[] = "cosign container image signature";

/* ---- the manifest of the signatures ---- */

static int read_letters(const json_t *layer, struct signature *ret, struct err *e)
{
    json_t *annotations = NULL;
    const char *s = NULL;
    int r = jsonx_object(layer, "annotations", &annotations, e);

    if (r == 0 && annotations)
        r = jsonx_string(annotations, annotation, &s, e);
    if (r < 0 || !s)
        return r;
    if (strlen(s) > SIGNATURE_LETTERS_MAX)
        return err_set(e, EINVAL, "\"%s\" has %zu letters, more than %d", annotation, strlen(s),
                       SIGNATURE_LETTERS_MAX);
    ret->letters = strdup(s);
    return ret->letters ? 0 : err_memory(e);
}

/* 1: it is a signature; 0: it is something else. */
static int read_layer(const json_t *layer, struct signature *ret, struct err *e)
{
    const char *type = NULL, *digest = NULL;
    json_int_t size = -1;
    int r = json_is_object(layer) ? 0 : err_set(e, EINVAL, "it is not an object");

    if (r == 0)
        r = jsonx_string(layer, "mediaType", &type, e);
    if (r < 0 || !type || strcmp(type, payload_type) != 0)
        return r;
    r = jsonx_string(layer, "digest", &digest, e);
    if (r == 0)
        r = hash_parse(digest ? digest : "", &ret->digest, e);
    if (r == 0)
        r = jsonx_integer(layer, "size", &size, e);
    if (r == 0 && (size < 1 || size > SIGNATURE_PAYLOAD_MAX))
        r = err_set(e, EINVAL, "its size is not from 1 to %d bytes", SIGNATURE_PAYLOAD_MAX);
    if (r == 0)
        r = read_letters(layer, ret, e);
    ret->size = (size_t)size;
    return r < 0 ? r : 1;
}

static int read_layers(const json_t *j, struct signatures *ret, struct err *e)
{
    json_t *layers = NULL, *layer;
    json_int_t version = 0;
    size_t i;
    int r = json_is_object(j) ? 0 : err_set(e, EINVAL, "it is not an object");

    if (r == 0)
        r = jsonx_integer(j, "schemaVersion", &version, e);
    if (r == 0)
        r = jsonx_array(j, "layers", &layers, e);
    if (r == 0 && (version != 2 || !layers || json_object_get(j, "manifests")))
        r = err_set(e, EINVAL, "it is not an image manifest");
    if (r < 0)
        return r;
    ret->v = calloc(SIGNATURES_MAX, sizeof *ret->v);
    if (!ret->v)
        return err_memory(e);
    json_array_foreach(layers, i, layer)
    {
        struct signature s = {0};

        r = err_wrap(e, read_layer(layer, &s, e), "layer %zu", i + 1);
        if (r == 1 && ret->n == SIGNATURES_MAX)
            r = err_set(e, EINVAL, "it has more than %d signatures", SIGNATURES_MAX);
        if (r == 1)
            ret->v[ret->n++] = s;
        else
            free(s.letters);
        if (r < 0)
            return r;
    }
    return 0;
}

int signature_list_parse(const char *bytes, size_t n, struct signatures *ret, struct err *e)
{
    struct signatures s = {0};
    autojson json_t *j = NULL;
    int r = jsonx_parse(bytes, n, &j, e);

    if (r == 0)
        r = read_layers(j, &s, e);
    if (r < 0) {
        signature_list_free(&s);
        return r;
    }
    *ret = s;
    return 0;
}

void signature_list_free(struct signatures *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->v[i].letters);
        text_free(&s->v[i].payload);
    }
    free(s->v);
    *s = (struct signatures){0};
}

/* ---- the payload ---- */

/* An object with these members and no other. */
static int exactly(const json_t *o, const char *name, const char *const *members, struct err *e)
{
    size_t n = 0;

    if (!json_is_object(o))
        return err_set(e, EINVAL, "\"%s\" is not an object", name);
    for (; members[n]; n++)
        if (!json_object_get(o, members[n]))
            return err_set(e, EINVAL, "\"%s\" has no \"%s\"", name, members[n]);
    if (json_object_size(o) != n)
        return err_set(e, EINVAL, "\"%s\" has members that are not known", name);
    return 0;
}

static int read_critical(const json_t *critical, struct signature_payload *ret, struct err *e)
{
    static const char *const members[] = {"type", "image", "identity", NULL},
                             *const of_image[] = {"docker-manifest-digest", NULL},
                             *const of_identity[] = {"docker-reference", NULL};
    const json_t *image = json_object_get(critical, "image"),
                 *identity = json_object_get(critical, "identity");
    const char *type = NULL, *digest = NULL;
    int r = exactly(critical, "critical", members, e);

    if (r == 0)
        r = exactly(image, "image", of_image, e);
    if (r == 0)
        r = exactly(identity, "identity", of_identity, e);
    if (r == 0)
        r = jsonx_string(critical, "type", &type, e);
    if (r == 0 && (!type || strcmp(type, critical_type) != 0))
        r = err_set(e, EINVAL, "its type is '%.80s', not '%s'", type ? type : "", critical_type);
    if (r == 0)
        r = jsonx_string(image, of_image[0], &digest, e);
    if (r == 0)
        r = hash_parse(digest ? digest : "", &ret->manifest, e);
    if (r == 0)
        r = jsonx_copy(identity, of_identity[0], ret->reference, sizeof ret->reference, e);
    return r;
}

int signature_payload_parse(const char *bytes, size_t n, struct signature_payload *ret,
                            struct err *e)
{
    static const char *const members[] = {"critical", "optional", NULL};
    struct signature_payload payload = {0};
    autojson json_t *j = NULL;
    const json_t *optional;
    int r = jsonx_parse(bytes, n, &j, e);

    if (r == 0)
        r = exactly(j, "the payload", members, e);
    optional = json_object_get(j, "optional"); /* cosign writes null when it has nothing to say */
    if (r == 0 && !json_is_null(optional) && !json_is_object(optional))
        r = err_set(e, EINVAL, "\"optional\" is not an object");
    if (r == 0)
        r = read_critical(json_object_get(j, "critical"), &payload, e);
    if (r == 0)
        *ret = payload;
    return r;
}

/* ---- the judgement ---- */

static int verify(const struct signature *s, struct sign_key *const *keys, size_t key_count,
                  struct err *e)
{
    autotext struct text raw = {0};
    int r;

    if (!s->letters)
        return err_set(e, EKEYREJECTED, "it lacks the annotation \"%s\"", annotation);
    r = base64_decode(s->letters, strlen(s->letters), &raw, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < key_count; i++)
        if (sign_verify(keys[i], s->payload.s, s->payload.n, raw.s, raw.n, NULL) == 0)
            return 0;
    return err_set(e, EKEYREJECTED, "%s has made it",
                   key_count == 1 ? "another key" : "none of the keys");
}

int signature_judge(const struct signature *s, struct sign_key *const *keys, size_t key_count,
                    const struct digest *manifest, const struct ref *wanted,
                    const struct trust_identity *identity, struct err *e)
{
    struct signature_payload payload;
    int r = verify(s, keys, key_count, e);

    if (r == 0)
        r = signature_payload_parse(s->payload.s, s->payload.n, &payload, e);
    if (r == 0 && !hash_equal(&payload.manifest, manifest))
        r = err_set(e, EKEYREJECTED, "it is for another image, sha256:%.12s", payload.manifest.hex);
    if (r == 0)
        r = trust_identity_match(identity, wanted, payload.reference, e);
    if (r < 0 && e)
        e->code = EKEYREJECTED;
    return r < 0 ? -EKEYREJECTED : 0;
}
