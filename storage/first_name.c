#include "storage/first_name.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct first {
    dev_t dev;
    ino_t ino;
    char name[];
};

static int compare(const void *pa, const void *pb)
{
    const struct first *a = pa, *b = pb;

    if (a->ino != b->ino)
        return a->ino < b->ino ? -1 : 1;
    return a->dev < b->dev ? -1 : a->dev > b->dev;
}

int first_name_find(void **names, const struct stat *st, const char *folder, const char *name,
                    const char **ret, struct err *e)
{
    size_t n = strlen(folder) + strlen(name) + 1;
    struct first *f = malloc(sizeof *f + n), **found;

    if (!f)
        return err_memory(e);
    f->dev = st->st_dev;
    f->ino = st->st_ino;
    snprintf(f->name, n, "%s%s", folder, name);
    found = tsearch(f, names, compare);
    if (!found) {
        free(f);
        return err_memory(e);
    }
    *ret = NULL;
    if (*found != f) {
        *ret = (*found)->name;
        free(f);
    }
    return 0;
}

void first_name_free(void *names)
{
    tdestroy(names, free);
}
