/* sink - where an image is written to: a registry, an archive, a folder.
 *
 * The order of calls: for each blob `has`, and `blob` when it has not (perhaps in another process);
 * `manifest` for the members of an index by their digests, and last of all for what gets the name;
 * then `finish`. Until that nothing is seen at the destination but blobs that no name leads to; an
 * archive is not there at all. */
#ifndef RCTR_SINK_H
#define RCTR_SINK_H

#include "storage/copy/source.h"

/* A blob arrives in one of three ways. */
enum sink_had { SINK_LACKS, SINK_HAS, SINK_MOUNTED };

struct sink_kind {
    /* An enum sink_had. `from` may be in the same registry. */
    int (*has)(void *of, const struct descriptor *d, const struct source *from, struct err *e);
    int (*blob)(void *of, const struct descriptor *d, const struct part *p, struct err *e);
    /* `d` is the digest of the bytes; `last`: it gets the name. */
    int (*manifest)(void *of, const struct text *bytes, const char *media_type,
                    const struct digest *d, bool last, struct err *e);
    int (*finish)(void *of, struct err *e);
    void (*close)(void *of);
    /* Of a network only, else NULL; as source_kind's. */
    void (*watch)(void *of, void (*moved)(void *arg, long long bytes), void *arg);
    int (*again)(void *of, void (*note)(void *arg, const char *text), void *arg, struct err *e);
};

struct sink {
    const struct sink_kind *kind;       /* NULL: closed */
    void *of;                           /* owned */
    char name[PATH_MAX + REF_TEXT_MAX]; /* for messages */
    bool serial;                        /* blobs must come one after the other, from one process */
    bool indexes;                       /* it holds indexes with all their members */
    bool oci;      /* a manifest that has to be written here is written in OCI's words */
    bool compress; /* layers that come plain out of docker's archives are to be compressed for it */
};
void sink_close(struct sink *k);
static inline void sink_auto_(struct sink *k)
{
    sink_close(k);
}
#define autosink __attribute__((cleanup(sink_auto_)))

int sink_has(struct sink *k, const struct descriptor *d, const struct source *from, struct err *e);
/* d->size bytes; their digest is verified. */
int sink_blob(struct sink *k, const struct descriptor *d, const struct part *p, struct err *e);
int sink_manifest(struct sink *k, const struct text *bytes, const char *media_type,
                  const struct digest *d, bool last, struct err *e);
void sink_watch(struct sink *k, void (*moved)(void *arg, long long bytes), void *arg);
int sink_again(struct sink *k, void (*note)(void *arg, const char *text), void *arg, struct err *e);
/* All is there and durable. */
int sink_finish(struct sink *k, struct err *e);

#endif
