/* push_layer - one layer of a push, in whatever process; and what a push is told. */
#ifndef RCTR_PUSH_LAYER_H
#define RCTR_PUSH_LAYER_H

#include "storage/deflate.h"
#include "storage/manifest.h"
#include "storage/registry/registry.h"
#include "storage/store.h"

enum push_phase {
    PUSH_EXISTS,
    PUSH_MOUNTED,
    PUSH_SENDING, /* again and again */
    PUSH_SENT,
    PUSH_CONFIG,
    PUSH_MANIFEST,
    PUSH_RETRY
};
struct push_event {
    enum push_phase phase;
    size_t layer, layer_count;   /* which layer; layer_count 0: the image itself */
    const struct digest *digest; /* borrowed; NULL with PUSH_RETRY */
    /* While a layer is compressed and sent, of the plain one; else of what is sent. */
    long long done_bytes, total_bytes;
    const char *text; /* of a retry: its reason */
};

/* In whose words the manifest is: as it is, OCI's, docker's. */
enum push_format { PUSH_AS_IS, PUSH_OCI, PUSH_DOCKER };

struct push_options {
    int tls_verify; /* as pull_options */
    const char *creds, *authfile, *cert_dir;
    int retries;
    enum push_format manifest;
    enum deflate_kind format; /* of layers that are not compressed */
    int level;                /* DEFLATE_LEVEL_FAST, or one that deflate_check_level allows */
    bool all_anew;            /* also of layers that are compressed in another way */
    void (*progress)(void *arg, const struct push_event *ev); /* may be NULL */
    void *arg;
};

/* What became of a layer: a plain struct that a pipe carries. */
struct push_layer {
    size_t index;
    int result;
    enum push_phase phase;
    enum manifest_compression compression;
    struct digest digest; /* as it is in the registry */
    long long size;
    long long done; /* with PUSH_SENDING: so far */
    struct err why;
};

/* Is the compressed form of this layer known (and stored)? Else it has to be made. Fills `ret`. */
bool push_layer_known(struct store *s, const struct descriptor *d, const struct push_options *o,
                      struct push_layer *ret);
/* Send it; fills ret. The registry was found not to have it. `progress` (may be NULL) is told how
 * far it is. */
struct upload_progress;
int push_layer_send(struct store *s, struct registry *r, const struct descriptor *d,
                    const struct push_options *o, const struct upload_progress *progress,
                    struct push_layer *ret, struct err *e);

#endif
