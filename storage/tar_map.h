/* tar_map - where in a tar archive its files lie.
 *
 * An archive that is compressed, or no file (a pipe), becomes a plain one first: a temporary file
 * of the store without a name. */
#ifndef RCTR_TAR_MAP_H
#define RCTR_TAR_MAP_H

#include "storage/part.h"
#include "storage/store.h"

enum { TAR_MAP_MAX = 20000 };

struct tar_map_file {
    char *name;   /* owned; a path in the archive */
    char *target; /* owned; of a link: the path it leads to; NULL: a file */
    long long from, size;
};

struct tar_map {
    int fd;                 /* owned: the plain archive */
    struct tar_map_file *v; /* owned */
    size_t n, room;
};

/* fd is borrowed. -EINVAL: damaged, or too many files. */
int tar_map_open(struct store *s, int fd, struct tar_map *ret, struct err *e);
void tar_map_close(struct tar_map *m);

/* The file of that path, through links; *ret is the caller's to close. -ENOENT: "the archive has no
 * file …"; -EINVAL: it has two of that name. */
int tar_map_find(const struct tar_map *m, const char *path, struct part *ret, struct err *e);
/* The same of a small one as text; more than `max` is -EFBIG. Appended. */
int tar_map_text(const struct tar_map *m, const char *path, size_t max, struct text *ret,
                 struct err *e);

#endif
