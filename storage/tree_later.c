#include "storage/tree_later.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 64 };

int tree_later_add(struct tree_laters *l, const char *name, struct timespec mtime, mode_t mode,
                   struct err *e)
{
    size_t n = strlen(name) + 1;
    struct tree_later *one = malloc(sizeof *one + n);

    if (!one)
        return err_memory(e);
    if (l->n == l->room) {
        size_t room = l->room ? 2 * l->room : ROOM_FIRST;
        struct tree_later **v = realloc(l->v, room * sizeof *v);

        if (!v) {
            free(one);
            return err_memory(e);
        }
        l->v = v;
        l->room = room;
    }
    one->mtime = mtime;
    one->mode = mode;
    memcpy(one->name, name, n);
    l->v[l->n++] = one;
    return 0;
}

void tree_later_free(struct tree_laters *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    *l = (struct tree_laters){0};
}
