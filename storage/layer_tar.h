/* layer_tar - the tar archive of a layer that was made here: always the same bytes from its tree.
 *
 * A layer that came as an archive keeps that archive's digest; its bytes cannot be had from the
 * files again. One that was made here (a build's step) is its tree: the archive is written when it
 * is asked for, and its digest is known from having been written once without being kept. The file
 * layers/HEX/tar-form says that this can be done, and by which rules. */
#ifndef RCTR_LAYER_TAR_H
#define RCTR_LAYER_TAR_H

#include "core/base/idmap.h"
#include "storage/layer.h"

struct layer_tar {
    struct digest diff_id;
    long long tar_bytes, disk_bytes, files;
    bool top; /* the root folder is an entry too: its mode or owner is another than below */
};

/* Write the archive without keeping it. Runs in the namespace in which the files were made. */
int layer_tar_measure(int tree_fd, bool top, struct layer_tar *ret, struct err *e);

/* dir_fd/NAME is a folder with the finished tree/, which becomes the layer as it is (a layer that
 * is there already stays, and NAME too). Durable on return but for the name (layer_settle). */
int layer_tar_adopt(struct store *s, int dir_fd, const char *name, const struct layer_tar *t,
                    struct err *e);

/* The archive, in a file without a name, read from its beginning; verified. -ENOENT: no such layer,
 * or one whose archive cannot be had from its files. */
int layer_tar_open(struct store *s, const struct digest *diff_id, int *ret_fd, off_t *ret_size,
                   struct err *e);
/* The blob of a layer: as it is stored, else the archive if that has this digest. -ENOENT. */
int layer_tar_blob(struct store *s, const struct digest *blob, int *ret_fd, off_t *ret_size,
                   struct err *e);

#endif
