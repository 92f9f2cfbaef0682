/* df_disk - the disk blocks of everything in the state folder, by what they belong to.
 *
 * The sum of all parts is what `du -s` says of the folder. */
#ifndef RCTR_DF_DISK_H
#define RCTR_DF_DISK_H

#include "core/base/text.h"
#include "storage/store.h"

/* Folders of layers/, containers/ or volumes/, and what each takes with all below it. */
struct df_disk_list {
    struct strv names; /* sorted */
    long long *bytes;  /* owned */
};

struct df_disk {
    struct df_disk_list layers, containers, volumes;
    long long builds;   /* the records of the build cache and its mounts */
    long long rest;     /* all that is none of those and no blob: names, cache, events, tmp/ … */
    long long leftover; /* a part of it: in tmp/, of commands that are dead */
    size_t rest_files, leftovers;
};

/* Layers do not change, so what one takes is noted in layers/HEX/usage.json once it was counted.
 * Everything else is walked, in the user's namespace where needed. */
int df_disk_load(const struct store *s, struct df_disk *ret, struct err *e);
void df_disk_free(struct df_disk *d);
/* What one takes; 0 when it is not there. */
long long df_disk_of(const struct df_disk_list *l, const char *name);
long long df_disk_sum(const struct df_disk_list *l);

#endif
