/* refs - the names of images on disk: one small file per name, like git's refs.
 *
 *   refs/REGISTRY/REPO…/:TAG          docker.io/library/alpine:latest
 *   refs/REGISTRY/REPO…/@HEX          a name that was given by digest (name@sha256:HEX)
 *   refs/@/@HEX                       an image without a name (its last one went to another image)
 *
 * Each holds "sha256:HEX\n", the digest of what the name leads to: a stored manifest of one
 * platform, or an index (of several platforms). A name that came through an index has a second
 * line "index sha256:HEX\n", the index from which its manifest was chosen; further lines are left
 * to later versions. The parts of a repository begin with a letter or digit, so an entry (':' or
 * '@') is never mistaken for a part, and REPO may be the beginning of another REPO. Registry and
 * parts are checked here again: no name leads out of refs/. The ':' of a registry's port stands as
 * it is. */
#ifndef RCTR_REFS_H
#define RCTR_REFS_H

#include "storage/ref.h"
#include "storage/store.h"

/* What a name leads to, as its file says it. */
struct refs_target {
    struct digest digest; /* of a manifest or of an index */
    struct digest index;  /* hex[0] == 0: no second line */
};

/* -ENOENT when there is no such name. A ref with a digest is looked up by it, else by its tag. */
int refs_load(const struct store *s, const struct ref *name, struct refs_target *ret,
              struct err *e);
/* The first line alone. */
int refs_read(const struct store *s, const struct ref *name, struct digest *ret, struct err *e);
/* When it was last given: nanoseconds since 1970; -ENOENT. */
int refs_time(const struct store *s, const struct ref *name, long long *ret_ns, struct err *e);
/* Durable on return: temporary file, fsync, rename, fsync of the folders. */
int refs_save(struct store *s, const struct ref *name, const struct refs_target *target,
              struct err *e);
/* The same without a second line. */
int refs_write(struct store *s, const struct ref *name, const struct digest *manifest,
               struct err *e);
/* Remove the file and folders that become empty; -ENOENT when there is no such name. */
int refs_remove(const struct store *s, const struct ref *name, struct err *e);

/* All of them, sorted by their text; stops at a negative result of fn. A file that holds no digest
 * is left out (refs_each_damaged tells of it). */
int refs_each(const struct store *s,
              int (*fn)(void *arg, const struct ref *name, const struct digest *manifest,
                        struct err *e),
              void *arg, struct err *e);
int refs_each_target(const struct store *s,
                     int (*fn)(void *arg, const struct ref *name, const struct refs_target *target,
                               struct err *e),
                     void *arg, struct err *e);
/* Paths below refs/ that are no name or hold no digest. */
int refs_each_damaged(const struct store *s,
                      int (*fn)(void *arg, const char *path, const char *why, struct err *e),
                      void *arg, struct err *e);

/* The ref that stands for an image without a name, and the question. */
struct ref refs_unnamed(const struct digest *manifest);
static inline int refs_is_unnamed(const struct ref *r)
{
    return r->registry[0] == 0;
}

#endif
