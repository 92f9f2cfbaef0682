/* pull - an image from a registry into the store. */
#ifndef RCTR_PULL_H
#define RCTR_PULL_H

#include "storage/image.h"
#include "storage/ref.h"
#include "storage/registry/pull_event.h"
#include "storage/store.h"

enum pull_policy { PULL_MISSING, PULL_ALWAYS, PULL_NEVER, PULL_NEWER };

struct pull_options {
    struct platform platform;
    int tls_verify;               /* 1, 0, or -1: as registries.conf says (default on) */
    const char *authfile;         /* NULL: the usual places */
    const char *creds;            /* "user:password" or NULL */
    const char *cert_dir;         /* NULL: the usual places */
    const char *signature_policy; /* a policy.json; NULL: the usual places */
    int retries;                  /* default 3 */
    bool all_platforms;           /* every image of an index; its name leads to the index then */
    void (*progress)(void *arg, const struct pull_event *ev); /* may be NULL */
    void *arg;
};

int pull_policy_parse(const char *text, enum pull_policy *ret, struct err *e);
/* Fetch, verify, unpack and name it. An index on the way is kept, and the name remembers it. On
 * failure nothing is left but whole layers and blobs, which the next pull uses. -EKEYREJECTED: the
 * signature policy refuses it, and then nothing of it was fetched but its manifest and signatures.
 */
int pull_image(struct store *s, const struct ref *name, const struct pull_options *o,
               struct image *ret, struct err *e);

/* The image by the name a user typed (or a transport's, "oci-archive:FILE": then out of that),
 * under a policy: found in the store, made of the data folder's archive (localhost/NAME), or
 * pulled. `want` NULL: the store's is right whatever its platform. PULL_NEWER asks the registry,
 * which sends only what is not here, and is content with the store's image when the registry fails.
 */
int pull_ensure(struct store *s, const char *name, enum pull_policy policy,
                const struct platform *want, const struct pull_options *o, struct image *ret,
                struct err *e);

#endif
