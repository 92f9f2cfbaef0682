/* tree_later - folders whose mode and time are set when all is in them. */
#ifndef RCTR_TREE_LATER_H
#define RCTR_TREE_LATER_H

#include <sys/types.h>
#include <time.h>

#include "core/base/err.h"

struct tree_later {
    struct timespec mtime;
    mode_t mode;
    char name[]; /* below the top */
};

/* Start with {0}. */
struct tree_laters {
    struct tree_later **v; /* owned, in the order they were added */
    size_t n, room;
};

int tree_later_add(struct tree_laters *l, const char *name, struct timespec mtime, mode_t mode,
                   struct err *e);
void tree_later_free(struct tree_laters *l);

#endif
