/* inspect_remote - what inspect says of an image that is in a registry, an archive or a folder,
 * without bringing it here. */
#ifndef RCTR_INSPECT_REMOTE_H
#define RCTR_INSPECT_REMOTE_H

#include "core/base/jsonx.h"
#include "storage/copy/place.h"

/* Does the word name a place (docker://, oci:, …)? -ENOTSUP: one that rctr does not know. */
int inspect_remote_is(const char *word, bool *ret, struct err *e);

struct inspect_remote {
    struct source source;        /* owned */
    const struct platform *want; /* borrowed; NULL: this machine's */
};
int inspect_remote_open(struct store *s, const char *word, const struct place_options *o,
                        struct inspect_remote *ret, struct err *e);
void inspect_remote_close(struct inspect_remote *p);

/* Docker's document, new. Its size is what the layers take as they lie there. */
int inspect_remote_document(struct inspect_remote *p, json_t **ret, struct err *e);
/* The bytes of the manifest (an index's, when no platform was asked for), or of the config;
 * appended. */
int inspect_remote_manifest(struct inspect_remote *p, struct text *ret, struct err *e);
int inspect_remote_config(struct inspect_remote *p, struct text *ret, struct err *e);

#endif
