/* source - where an image is read from without the store's images: a registry, an archive, a
 * folder.
 *
 * A source is opened by the room of its kind (storage/copy/place does it from what a user wrote)
 * and gives documents and blobs whose digests and sizes have been verified. A blob comes as a part
 * of an open file, so that it can be sent again: an archive's file itself, or a temporary one of
 * the store that has no name any more. */
#ifndef RCTR_SOURCE_H
#define RCTR_SOURCE_H

#include <limits.h>
#include <stdbool.h>

#include "storage/manifest.h"
#include "storage/part.h"
#include "storage/ref.h"
#include "storage/store.h"
#include "storage/trust.h"

/* What a kind of source does; of is the room's own. The digest of what is given agrees with the one
 * that was asked for. */
struct source_kind {
    int (*manifest)(void *of, const struct digest *d, struct text *ret, struct digest *ret_digest,
                    struct err *e);
    int (*blob)(void *of, const struct descriptor *d, struct part *ret, struct err *e);
    void (*close)(void *of);
    /* May the image with this manifest be taken, as the signature policy has it? NULL: nobody can
     * say, so not where there is a policy. */
    int (*admit)(void *of, const struct trust *t, const struct digest *d, struct err *e);
    /* Of a network only, else NULL. `watch`: tell how far the blob is that is being read; fn NULL:
     * no more. `again`: a forked process opens a connection of its own, whose retries it notes. */
    void (*watch)(void *of, void (*moved)(void *arg, long long bytes), void *arg);
    int (*again)(void *of, void (*note)(void *arg, const char *text), void *arg, struct err *e);
};

struct source {
    const struct source_kind *kind;     /* NULL: closed */
    void *of;                           /* owned */
    char name[PATH_MAX + REF_TEXT_MAX]; /* for messages: "docker://quay.io/x/y:1", "dir:/srv/x" */
    struct ref ref; /* a registry's, in full; registry[0] == 0: of another kind */
    char host[REF_PART_MAX], repo[2 * REF_PART_MAX]; /* of the registry that answers; or "" */
    /* docker's archives have no manifest: it was written here, of layers as they lie there, and its
     * digest means nothing to anybody else */
    bool made;
};
void source_close(struct source *s);
static inline void source_auto_(struct source *s)
{
    source_close(s);
}
#define autosource __attribute__((cleanup(source_auto_)))

/* The manifest or index with this digest; NULL: what the source's name leads to. Appended to *ret.
 * -ENOENT: there is none. */
int source_manifest(struct source *s, const struct digest *d, struct text *ret,
                    struct digest *ret_digest, struct err *e);
/* The same of a member of an index, which announces its size: -EBADMSG when it has another. */
int source_member(struct source *s, const struct digest *d, long long size, struct text *ret,
                  struct digest *ret_digest, struct err *e);
/* Asked before any blob of an image is read. -EKEYREJECTED: the policy refuses it. */
int source_admit(struct source *s, const struct trust *t, const struct digest *d, struct err *e);
/* A blob by its digest and (when >= 0) its size. -ENOENT: the source has it not. */
int source_blob(struct source *s, const struct descriptor *d, struct part *ret, struct err *e);
/* See source_kind; nothing where there is no network. */
void source_watch(struct source *s, void (*moved)(void *arg, long long bytes), void *arg);
int source_again(struct source *s, void (*note)(void *arg, const char *text), void *arg,
                 struct err *e);
/* The same of a small one: a config. */
int source_text(struct source *s, const struct descriptor *d, struct text *ret, struct err *e);

/* The manifest for a platform (NULL: this machine's), down through indexes; *ret_index (may be
 * NULL) is the digest of the first one, "" when there was none. */
int source_image(struct source *s, const struct platform *want, struct text *ret,
                 struct digest *ret_digest, struct digest *ret_index, struct err *e);

#endif
