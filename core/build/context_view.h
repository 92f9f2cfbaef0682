/* context_view - a part of the build context as a step's mount shows it: without what its ignore
 * file leaves out, and with nothing that is written into it coming back.
 *
 * Three ways (decision 0020): the folder itself, read-only, where nothing below it is left out;
 * else an overlay of it, with a whiteout for each entry that is left out; else, where there are no
 * overlays, and for a single file that may be written, a copy. */
#ifndef RCTR_CONTEXT_VIEW_H
#define RCTR_CONTEXT_VIEW_H

#include "core/base/idmap.h"
#include "core/build/context.h"
#include "core/build/file_digest.h"
#include "core/build/held_mount.h"
#include "storage/store.h"

/* What a source word stands for. */
struct context_view_spot {
    char *host;  /* owned: its path on the host, all links resolved */
    char *below; /* owned: below the context's root; "" is the root */
    bool folder;
};
/* -ENOENT: it is not there, or left out; -EXDEV: it is outside, also through links. */
int context_view_find(struct context *c, const char *source, struct context_view_spot *ret,
                      struct err *e);
void context_view_spot_free(struct context_view_spot *s);

/* All that is seen there, as text (copy_list_describe). */
int context_view_describe(struct context *c, const struct context_view_spot *s,
                          struct file_digest *digests, struct text *to, struct err *e);

/* Below `dir_fd`, an empty folder: a whiteout for every entry of the spot that is left out, or is a
 * socket, FIFO or device of the host, and the folders that these are in. 0: there are none. -EPERM
 * and others: the file system has no whiteouts. */
int context_view_hide(struct context *c, const struct context_view_spot *s, int dir_fd,
                      struct err *e);

struct context_view {
    char *source;            /* owned: for volume_opt */
    bool loose;              /* as volume_opt's */
    struct held_mount mount; /* where loose */
};
/* `dir_fd`, `dir`: an empty folder of the step's own, on the store's file system; it is removed by
 * the caller, after context_view_close. */
int context_view_open(struct store *s, const struct idmap *map, struct context *c,
                      const struct context_view_spot *spot, bool writable, int dir_fd,
                      const char *dir, struct context_view *ret, struct err *e);
void context_view_close(struct context_view *v);

#endif
