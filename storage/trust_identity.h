/* trust_identity - does a signature speak of the image that is wanted?
 *
 * A signature holds a name beside the digest: that which its maker has given to the image. Without
 * a look at it, an old or another image of the same maker could be passed off as the wanted one.
 * Source: containers-policy.json(5), "signedIdentity". */
#ifndef RCTR_TRUST_IDENTITY_H
#define RCTR_TRUST_IDENTITY_H

#include <stdbool.h>

#include "core/base/jsonx.h"
#include "storage/ref.h"

enum trust_identity_kind {
    TRUST_MATCH_REPO_DIGEST_OR_EXACT, /* the preset */
    TRUST_MATCH_EXACT,
    TRUST_MATCH_REPOSITORY,
    TRUST_EXACT_REFERENCE,
    TRUST_EXACT_REPOSITORY,
    TRUST_REMAP_IDENTITY,
};

struct trust_identity {
    enum trust_identity_kind kind;
    char *value; /* owned: dockerReference, dockerRepository or prefix; else NULL */
    char *to;    /* owned: signedPrefix; else NULL */
};

/* The value of "signedIdentity"; NULL is the preset. -EINVAL. */
int trust_identity_parse(json_t *j, struct trust_identity *ret, struct err *e);
void trust_identity_free(struct trust_identity *i);

/* `wanted` is the full name by which the image was asked for, `signed_as` what the signature says.
 * -EKEYREJECTED says what does not fit. */
int trust_identity_match(const struct trust_identity *i, const struct ref *wanted,
                         const char *signed_as, struct err *e);

#endif
