/* registry - one repository of one registry, as the distribution API gives it.
 *
 * Source: OCI distribution-spec 1.1, Docker Registry HTTP API V2. A request that fails in a way
 * that may pass is repeated here with growing pauses; 429 is waited for as told. */
#ifndef RCTR_REGISTRY_H
#define RCTR_REGISTRY_H

#include "core/base/hash.h"
#include "storage/registry/auth.h"
#include "storage/registry/conf.h"
#include "storage/registry/http.h"

enum { REGISTRY_WAIT_SECONDS = 60 }; /* of a 429, in total */

struct registry_options {
    int tls_verify; /* 1, 0, or -1: as the endpoint says */
    const char *creds, *authfile, *cert_dir;
    int retries;
    bool push;                                 /* ask for the right to write, too */
    void (*note)(void *arg, const char *text); /* a retry and its reason; may be NULL */
    void *arg;
};

struct registry {
    struct registry_options options;
    struct conf_endpoint endpoint;
    struct http *http; /* owned */
    struct url root;   /* …/v2/ */
    struct creds creds;
    struct auth_challenge challenge;
    char *authorization; /* owned: the header's value, or NULL */
    char scope[2 * REF_PART_MAX + 32];
    int waited_s; /* for 429 so far */
};

/* Find out how the registry speaks (https or, where allowed, http) and what it wants of us. */
int registry_open(const struct conf_endpoint *at, const struct registry_options *o,
                  struct registry *ret, struct err *e);
void registry_close(struct registry *r); /* half-built allowed */

/* In a child that inherited `r`: the same registry over a connection of its own, its notes to
 * `tell`. What the parent holds is not the child's, not even to close. */
int registry_again(struct registry *r, void (*tell)(void *arg, const char *text), void *arg,
                   struct err *e);

/* `reference` is a tag or "sha256:…". The body goes to *ret (appended), its digest as computed by
 * us to *ret_digest; it agrees with the server's header and with `reference`. At most
 * MANIFEST_MAX bytes. -ENOENT: "manifest unknown". */
int registry_manifest(struct registry *r, const char *reference, struct text *ret,
                      struct digest *ret_digest, struct err *e);
/* A small blob (a config), verified. */
int registry_blob(struct registry *r, const struct digest *d, size_t size, struct text *ret,
                  struct err *e);

/* One try of a request. -EAGAIN: another may do; what it needs (new credentials, a pause) has been
 * got or waited for, and *t counts it. It is for the caller to say how what was sent in vain is
 * sent again. */
struct registry_tries {
    int failed;
    bool authorized;
};
int registry_try(struct registry *r, const struct http_request *what, struct registry_tries *t,
                 struct http_answer *ret, struct err *e);
/* One request with all its repetitions; *ret is the good answer. Not for bodies of http_body. */
int registry_do(struct registry *r, const struct http_request *what, struct http_answer *ret,
                struct err *e);
/* …/v2/ and what the format makes. */
int registry_address(const struct registry *r, struct url *ret, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A large blob: a transfer in the loop, from byte `from` on. The caller looks at the answer with
 * registry_verdict. */
int registry_blob_start(struct registry *r, const struct digest *d, long long from, http_sink *sink,
                        void *arg, struct http_transfer **ret, struct err *e);
enum registry_verdict {
    REGISTRY_OK,
    REGISTRY_AGAIN,     /* after *ret_pause_ms */
    REGISTRY_AUTHORIZE, /* registry_authorize, then again */
    REGISTRY_FAIL,      /* e says why */
};
/* `attempt` counts the failures before this one. `result` and `e` are those of the transfer. */
enum registry_verdict registry_verdict(struct registry *r, const struct http_answer *a, int result,
                                       int attempt, int *ret_pause_ms, struct err *e);
/* Get credentials for a 401's challenges (a token, or Basic). -EACCES when there is nothing more
 * to try. */
int registry_authorize(struct registry *r, const char *challenges, struct err *e);

#endif
