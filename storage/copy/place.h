/* place - a source or a sink, from what a user wrote.
 *
 *   NAME, docker://NAME         a registry's image
 *   oci:FOLDER[:NAME]           the folder of an OCI layout
 *   oci-archive:FILE[:NAME]     a tar of one
 *   docker-archive:FILE[:NAME]  what docker save writes
 *   dir:FOLDER                  an image's files by themselves */
#ifndef RCTR_PLACE_H
#define RCTR_PLACE_H

#include "storage/copy/sink.h"
#include "storage/copy/source.h"

/* How to speak with a registry; as pull_options and push_options. All borrowed until the end. */
struct place_options {
    int tls_verify;
    const char *creds, *authfile, *cert_dir;
    int retries;
    void (*note)(void *arg, const char *text); /* a retry and its reason; may be NULL */
    void *arg;
};

/* The store lends its tmp folder, and what blobs it has already. Registries: mirrors first, the
 * first that has the manifest. */
int place_source(struct store *s, const char *text, const struct place_options *o,
                 struct source *ret, struct err *e);
int place_sink(const char *text, const struct place_options *o, struct sink *ret, struct err *e);

#endif
