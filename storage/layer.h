/* layer - unpacked file system changes, shared by all images.
 *
 * A layer lives at layers/HEX of its diff-id (the digest of the uncompressed tar): tree/ holds the
 * files as overlayfs lower folders want them (whiteouts as character devices 0:0, which native
 * overlay and fuse-overlayfs both read; before Linux 5.8 a user namespace may not make them and
 * they are .wh. files for fuse-overlayfs; opaque folders by user.overlay.opaque), meta.json its
 * sizes. It is unpacked in a temporary folder by a caged child inside the user's namespace,
 * verified, made durable with one syncfs, then renamed: what has the name is whole. */
#ifndef RCTR_LAYER_H
#define RCTR_LAYER_H

#include <stdbool.h>

#include "core/base/idmap.h"
#include "storage/manifest.h"
#include "storage/store.h"

bool layer_exists(const struct store *s, const struct digest *diff_id);
/* The folder of files (O_PATH|O_DIRECTORY); -ENOENT when it is not there. */
int layer_open(const struct store *s, const struct digest *diff_id, int *ret_tree_fd,
               struct err *e);

struct layer_meta {
    long long tar_bytes;  /* of the uncompressed stream */
    long long disk_bytes; /* of the files */
    long long files;
    long long owners_lost;     /* entries whose owner could not be set (single-uid map) */
    long long devices_skipped; /* device nodes are left out: a user cannot make them */
    long long xattrs_skipped;  /* extended attributes that the file system refused */
    long long dot_whiteouts;   /* whiteouts kept as .wh. files: no native overlay with this layer */
};
int layer_meta(const struct store *s, const struct digest *diff_id, struct layer_meta *ret,
               struct err *e);
/* For rooms that make layers: into the folder that will be layers/HEX. */
int layer_write_meta(int dir_fd, const struct layer_meta *m, struct err *e);

/* The process that unpacks: one child in the user's namespace for a whole pull, which forks a
 * caged worker for each layer. Started before the caller's heap grows. */
struct unpacker;
int layer_unpacker_start(struct store *s, const struct idmap *map, struct unpacker **ret,
                         struct err *e);
void layer_unpacker_stop(struct unpacker *u); /* NULL allowed; waits for its workers */

/* One layer on its way. The caller writes the *compressed* bytes of the blob into in_fd (a pipe,
 * may be made non-blocking) and closes it at the end with take_fd; done_fd becomes readable when
 * the worker has finished. A worker that fails closes the pipe: writing gives EPIPE (ignore
 * SIGPIPE), and layer_unpack_finish tells why. */
struct layer_job {
    int in_fd, done_fd;
    char tmp_name[96];
    struct digest diff_id; /* what is expected */
};
/* `compression` is what the media type says; it is not believed: the stream's magic bytes decide
 * between gzip, zstd and plain. More than `blob_bytes` is an error (< 0: unknown). */
int layer_unpack_start(struct unpacker *u, const struct digest *diff_id,
                       enum manifest_compression compression, long long blob_bytes,
                       struct layer_job *ret, struct err *e);
/* Make the names of all finished layers durable (one fsync). Before a ref names the image:
 * image_name does it. */
int layer_settle(const struct store *s, struct err *e);

/* Wait for the worker, check that the diff-id is the expected one, syncfs, rename into place.
 * When another process was faster, its layer stays and this one is removed. The caller has
 * verified the blob's own digest before this. Ends the job either way. */
int layer_unpack_finish(struct store *s, struct unpacker *u, struct layer_job *job,
                        struct layer_meta *ret, struct err *e);
void layer_unpack_abandon(struct store *s, struct unpacker *u, struct layer_job *job);

/* The same in two steps, for several layers with one sync between: wait for the worker and check
 * that the contents are job->diff_id (which may have become known meanwhile); then, when the caller
 * has made the file system durable, the name. The job goes on until it has its name, or is
 * abandoned. */
int layer_unpack_verify(struct store *s, struct layer_job *job, struct err *e);
int layer_unpack_place(struct store *s, struct layer_job *job, struct err *e);

/* The tree of a layer with owners for the map `to` (--userns keep-id, nomap), when it was unpacked
 * for `from`: the tree itself when they are the same, else a copy, made once in layers/HEX/tree@KEY
 * and kept. *ret_path (may be NULL) is new: where it is. */
int layer_open_mapped(struct store *s, const struct digest *diff_id, const struct idmap *from,
                      const struct idmap *to, int *ret_tree_fd, char **ret_path, struct err *e);

/* Remove layers/HEX (rename to tmp, then unlink in the namespace). */
int layer_remove(struct store *s, const struct digest *diff_id, struct err *e);

#endif
