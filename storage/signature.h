/* signature - what cosign attaches to an image, read and judged.
 *
 * The signatures of the manifest sha256:HEX are the layers of another manifest, under the tag
 * sha256-HEX.sig: each layer is a small JSON document (the payload: which digest, under which name)
 * and an annotation of its descriptor is the signature over those bytes. Source: cosign's
 * specs/SIGNATURE_SPEC.md; "simple signing" is containers-signature(5)'s payload. */
#ifndef RCTR_SIGNATURE_H
#define RCTR_SIGNATURE_H

#include "core/base/hash.h"
#include "core/base/sign.h"
#include "core/base/text.h"
#include "storage/trust_identity.h"

enum {
    SIGNATURES_MAX = 64,              /* of one image */
    SIGNATURE_PAYLOAD_MAX = 64 << 10, /* bytes */
    SIGNATURE_LETTERS_MAX = 4096,     /* of the annotation */
};

struct signature {
    struct digest digest; /* of the payload */
    size_t size;
    char *letters;       /* owned: the signature in base64, NULL: it has none */
    struct text payload; /* for who fetches it */
};
struct signatures {
    struct signature *v; /* owned */
    size_t n;
};

/* The manifest of the signatures. Layers of other kinds (attestations) are left out. -EINVAL: it is
 * none, or has too many; also a payload that is too large, or a digest in another grammar. */
int signature_list_parse(const char *bytes, size_t n, struct signatures *ret, struct err *e);
void signature_list_free(struct signatures *s);

/* What a payload says. Only for bytes whose signature was found good. */
struct signature_payload {
    struct digest manifest;
    char reference[REF_TEXT_MAX];
};
/* -EINVAL: a member is missing, unknown, twice there, or of another type. */
int signature_payload_parse(const char *bytes, size_t n, struct signature_payload *ret,
                            struct err *e);

/* Has one of these keys signed that this manifest is the image `wanted`? The bytes are verified
 * before they are read. -EKEYREJECTED says why not. */
int signature_judge(const struct signature *s, struct sign_key *const *keys, size_t key_count,
                    const struct digest *manifest, const struct ref *wanted,
                    const struct trust_identity *identity, struct err *e);

#endif
