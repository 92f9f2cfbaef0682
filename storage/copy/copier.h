/* copier - an image from a source into a sink, its bytes as they are.
 *
 * The sink is asked first: what it has is not fetched. */
#ifndef RCTR_COPIER_H
#define RCTR_COPIER_H

#include "storage/copy/sink.h"
#include "storage/copy/source.h"

enum copier_format { COPIER_AS_IS, COPIER_OCI, COPIER_DOCKER };

enum copier_phase {
    COPIER_READ, /* these two are told again and again */
    COPIER_WRITE,
    COPIER_EXISTS,
    COPIER_MOUNTED,
    COPIER_COPIED,
    COPIER_SKIPPED, /* a foreign layer: the manifest says where it is */
    COPIER_MANIFEST,
    COPIER_RETRY, /* text is the reason */
};
struct copier_event {
    enum copier_phase phase;
    size_t item, items;          /* which layer, from 0; items 0: a manifest */
    const struct digest *digest; /* borrowed */
    long long done_bytes, bytes; /* so far, and of the whole */
    bool config;
    const char *text; /* or NULL */
};

struct copier_options {
    bool all;              /* an index with all its members; else the one of `platform` */
    bool preserve_digests; /* fail rather than change a manifest */
    enum copier_format format;
    const char *signature_policy;    /* a policy.json; NULL: the usual places */
    const struct platform *platform; /* NULL: this machine's */
    void (*progress)(void *arg, const struct copier_event *ev); /* may be NULL */
    void *arg;
};

/* *ret is the digest of the manifest or index there. -EKEYREJECTED: the signature policy refuses an
 * image; nothing of that image was read then but its manifest. */
int copier_run(struct store *s, struct source *from, struct sink *to,
               const struct copier_options *o, struct digest *ret, struct err *e);

/* One manifest (of a member of an index too) with its blobs, under its digest. *ret: type, digest
 * and size of what is there. For `manifest push`, whose members may be elsewhere. */
int copier_member(struct store *s, struct source *from, struct sink *to, const struct digest *d,
                  const struct copier_options *o, struct descriptor *ret, struct err *e);

#endif
