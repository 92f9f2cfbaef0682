/* upload - one blob into a repository.
 *
 * Source: OCI distribution-spec "Pushing Blobs". Where an upload goes on is for the registry to say
 * (Location); credentials go there only when it is the registry itself. */
#ifndef RCTR_UPLOAD_H
#define RCTR_UPLOAD_H

#include <stdbool.h>

#include "storage/registry/registry.h"

/* 1: the repository has it, 0: it has not. */
int upload_exists(struct registry *r, const struct digest *d, struct err *e);
/* The same of many at once, which costs hardly more than one where the registry is far. ret[i] is 1
 * or 0, or -1: ask upload_exists, which can log in, try again, and say what is wrong. */
void upload_look(struct registry *r, const struct digest *list, size_t n, signed char *ret);
/* Ask the registry to take it over from another repository of its own. 1: it did, 0: it did not. */
int upload_mount(struct registry *r, const struct digest *d, const char *from_repo, struct err *e);

/* `size` bytes of `fd` (from its beginning) whose digest is `d`; in one request, or in pieces where
 * the registry wants no larger ones. `p` (may be NULL) is told how far it is, again and again;
 * after a failed attempt from the beginning. */
struct upload_progress {
    void (*sent)(void *arg, long long bytes);
    void *arg;
};
int upload_file(struct registry *r, const struct digest *d, int fd, long long size,
                const struct upload_progress *p, struct err *e);
/* The same of `size` bytes from `from` on: a part of an archive. */
int upload_part(struct registry *r, const struct digest *d, int fd, long long from, long long size,
                const struct upload_progress *p, struct err *e);

/* What `fill` gives (as http_body's), sent while it is being made; then `end` is asked for its
 * digest. -EAGAIN: the registry would not take it so, or the connection was lost: what was made is
 * to be sent as a file. */
struct upload_stream {
    ssize_t (*fill)(void *arg, char *to, size_t n, struct err *e);
    int (*end)(void *arg, struct digest *ret, struct err *e);
    void *arg;
};
int upload_stream(struct registry *r, const struct upload_stream *s, struct err *e);

/* The manifest under a tag or its digest; its bytes as they are. */
int upload_manifest(struct registry *r, const char *reference, const char *media_type,
                    const char *bytes, size_t n, struct err *e);

#endif
