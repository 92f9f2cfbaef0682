/* archive - what `rctr load` is given, taken into the store.
 *
 * A tar stream (plain, gzip, zstd; a pipe too) is read once, front to back: every file of it
 * becomes a blob under its own digest, for which of them are wanted is known only at the end. Of a
 * folder only the tables of contents are read, and blobs when they are asked for. */
#ifndef RCTR_ARCHIVE_H
#define RCTR_ARCHIVE_H

#include <stdbool.h>

#include "core/base/hash.h"
#include "core/base/text.h"
#include "storage/manifest.h"
#include "storage/store.h"

enum { ARCHIVE_FILES_MAX = 20000 };

struct archive_file {
    char *name;           /* owned; a path in the archive */
    char *target;         /* owned; of a link: the path it leads to; NULL: a file */
    struct digest digest; /* of a file: the blob */
    long long size;
};

/* Of a blob that is being taken into the store: told after each piece, and at the end. */
struct archive_step {
    const struct archive *archive; /* all borrowed */
    const char *name;              /* its path in the archive */
    const struct digest *digest;   /* as the name says it, else "" until it is whole */
    int fd;                        /* of the blob's file, which has `done` of `size` bytes */
    long long done, size;
    bool whole;
};
typedef int archive_watch(void *arg, const struct archive_step *step, struct err *e);

struct archive {
    struct store *store;                 /* borrowed */
    int folder_fd;                       /* -1: it was a stream */
    bool flat;                           /* a folder with HEX and HEX.manifest.json (dir:) */
    struct text layout, index, manifest; /* oci-layout, index.json, manifest.json; empty: none */
    struct archive_file *files;          /* owned; of a stream */
    size_t count, room;
    archive_watch *watch; /* NULL: nobody looks */
    void *arg;
};

/* fd (borrowed): a file, a pipe or an open folder. The blobs are not durable yet (one syncfs before
 * the names). -EINVAL, -EBADMSG: damaged; what was stored until then is garbage for gc_run. */
int archive_read(struct store *s, int fd, struct archive *ret, struct err *e);
/* The same, with somebody who looks on, also at what archive_blob brings later. A failure of the
 * watch is one of the reading. */
int archive_read_watched(struct store *s, int fd, archive_watch *watch, void *arg,
                         struct archive *ret, struct err *e);
void archive_free(struct archive *a);

/* The file of that path, through links. -ENOENT: "the archive has no file …". */
int archive_find(const struct archive *a, const char *path, const struct archive_file **ret,
                 struct err *e);
/* See to it that the blob is in the store. -ENOENT: neither the archive nor the store has it. */
int archive_blob(struct archive *a, const struct digest *d, struct err *e);
/* The same of what a manifest names: -EBADMSG when it has another size. */
int archive_bring(struct archive *a, const struct descriptor *d, struct err *e);

#endif
