/* tar_write - tar archives, entry by entry, always the same bytes for the same entries.
 *
 * ustar headers, and a pax header before them only for what they cannot say: names over 100 bytes,
 * large sizes and ids, times before 1970 or with nanoseconds, extended attributes (SCHILY.xattr.*,
 * in the order given). Owners have no names, blocks no padding beyond the end's two. Source: POSIX
 * pax "ustar Interchange Format" and "pax Interchange Format". */
#ifndef RCTR_TAR_WRITE_H
#define RCTR_TAR_WRITE_H

#include "storage/tar.h"

/* Where the bytes go; they are borrowed for the call. */
struct tar_sink {
    int (*put)(void *arg, const void *bytes, size_t n, struct err *e);
    void *arg;
};

struct tar_write;
int tar_write_new(const struct tar_sink *sink, struct tar_write **ret, struct err *e);
void tar_write_free(struct tar_write *w); /* NULL allowed; writes nothing */

/* An entry, in the words of the reader (storage/tar.h). Folders get their slash here; "" is the
 * root, "./". After a TAR_FILE exactly t->size bytes must follow. */
int tar_write_entry(struct tar_write *w, const struct tar_entry *t, struct err *e);
/* The next bytes of the file. */
int tar_write_data(struct tar_write *w, const void *bytes, size_t n, struct err *e);
/* Room for the next bytes of the file, in the writer's own buffer: *ret_n bytes at *ret, at least
 * one while some are wanted. What was put there is added by tar_write_filled. */
int tar_write_room(struct tar_write *w, void **ret, size_t *ret_n, struct err *e);
int tar_write_filled(struct tar_write *w, size_t n, struct err *e);
/* Fill up a file that turned out to be shorter with zeros. */
int tar_write_fill(struct tar_write *w, struct err *e);
/* The end of the archive; all has gone to the sink on return. */
int tar_write_end(struct tar_write *w, struct err *e);

/* The sink for a descriptor; arg is a pointer to it. */
int tar_write_to_fd(void *arg, const void *bytes, size_t n, struct err *e);

#endif
