/* part - a blob as a part of an open file: a temporary one, a file of a folder, a piece of an
 * archive. */
#ifndef RCTR_PART_H
#define RCTR_PART_H

#include <stdbool.h>

#include "core/base/hash.h"
#include "core/base/text.h"

struct part {
    int fd; /* owned; -1: none */
    long long from, size;
};
#define PART_NONE \
    (struct part) \
    { \
        .fd = -1 \
    }
void part_close(struct part *p);
static inline void part_auto_(struct part *p)
{
    part_close(p);
}
#define autopart __attribute__((cleanup(part_auto_)))

/* The regular file `name` of a folder as a whole; a link is none. -ENOENT. */
int part_open(int folder_fd, const char *name, struct part *ret, struct err *e);
int part_hash(const struct part *p, struct digest *ret, struct err *e);
/* Do the bytes have that digest and size (>= 0)? -EBADMSG. */
int part_verify(const struct part *p, const struct digest *d, long long size, struct err *e);
/* Is the file `name` of the folder this blob, whole? */
bool part_is(int folder_fd, const char *name, const struct digest *d, long long size);
/* The bytes as the file `name` of the folder: complete, or not there. Not durable yet. */
int part_put(const struct part *p, int folder_fd, const char *name, struct err *e);
/* The next bytes from offset `at` of the part, at most n. 0 is its end; -EBADMSG: the file became
 * shorter. */
long part_read(const struct part *p, long long at, void *buf, unsigned long n, struct err *e);

/* All of a small one, appended; more than `max` bytes is -EFBIG. */
int part_text(const struct part *p, size_t max, struct text *ret, struct err *e);

#endif
