/* diff - what a container changed in its image's files.
 *
 * Compares a tree with the layers below it: the upper folder of an overlay (where whiteouts say
 * what was removed), or a whole root (driver copy). Runs in the container's user namespace. What
 * rctr itself puts there to mount on (an empty /etc/hosts, /dev, /proc …) is no change. */
#ifndef RCTR_DIFF_H
#define RCTR_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

/* An attribute of files and folders that a build step's start made only to mount on: while they are
 * empty they are no change either. */
#define DIFF_PLACE_MARK "user.rctr.place"

struct diff_sides {
    int tree_fd;          /* the upper folder, or the whole root */
    bool whole;           /* it is the whole root */
    bool dotted;          /* files .wh.NAME in it are whiteouts (fuse-overlayfs) */
    const int *lower_fds; /* the layers' trees, top first */
    size_t lower_count;
};

enum diff_kind { DIFF_CHANGED = 'C', DIFF_ADDED = 'A', DIFF_REMOVED = 'D' };

struct diff_item {
    enum diff_kind kind;
    char *path; /* owned; "/etc/passwd" */
};

struct diff_list {
    struct diff_item *v; /* owned; each folder before what is in it, names sorted */
    size_t n;
};

/* A folder is changed when its mode or owner is, or something in it was added, changed or removed;
 * of a new folder all that is in it is named too, of a removed one only itself. */
int diff_make(const struct diff_sides *sides, struct diff_list *ret, struct err *e);
/* Are mode or owner of the root folder itself other ones than below? It is no item of the list. */
bool diff_root_changed(const struct diff_sides *s);
void diff_free(struct diff_list *l);
static inline void diff_auto_(struct diff_list *l)
{
    diff_free(l);
}
#define autodiff __attribute__((cleanup(diff_auto_)))

/* The item of a path ("/etc/passwd"), or NULL; for many look-ups in one list. */
struct diff_index;
int diff_index_new(const struct diff_list *l, struct diff_index **ret, struct err *e);
const struct diff_item *diff_index_find(const struct diff_index *x, const char *path);
void diff_index_free(struct diff_index *x); /* NULL allowed */

/* The list as bytes ("C/etc\0A/etc/x\0…") for a pipe, and back. */
struct text;
int diff_format(const struct diff_list *l, struct text *ret, struct err *e);
int diff_parse(const char *bytes, size_t n, struct diff_list *ret, struct err *e);

#endif
