/* outfile - a file that a user has named for our output: it takes its name when it is whole.
 *
 * What was there before stays until then, and nothing is left of a writer that fails or is killed:
 * the new file has no name at all while it is written, where the file system knows such files
 * (O_TMPFILE). What is no ordinary file (a device, a FIFO) is written to as it is. */
#ifndef RCTR_OUTFILE_H
#define RCTR_OUTFILE_H

#include <stdbool.h>

#include "core/base/err.h"

struct outfile {
    int fd;          /* for writing (and reading, when it is an ordinary file); -1: none */
    int folder_fd;   /* where it will be; -1: it is written as it is */
    char *name;      /* owned; in that folder */
    char beside[64]; /* the name it has meanwhile; "": none */
    bool replaces;   /* there was a file before */
};
#define OUTFILE_NONE \
    (struct outfile) \
    { \
        .fd = -1, .folder_fd = -1 \
    }

/* A link is followed; the mode of a file that is there already is kept. */
int outfile_begin(const char *path, struct outfile *ret, struct err *e);
/* The same in an open folder; what has the name is replaced, whatever it is. */
int outfile_begin_at(int folder_fd, const char *name, struct outfile *ret, struct err *e);
/* In its place; `durable`: and safe from a power cut. */
int outfile_end(struct outfile *f, bool durable, struct err *e);
void outfile_close(struct outfile *f); /* without an end nothing is left; at any time */

static inline void outfile_auto_(struct outfile *f)
{
    outfile_close(f);
}
#define autooutfile __attribute__((cleanup(outfile_auto_)))

#endif
