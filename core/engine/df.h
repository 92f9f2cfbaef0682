/* df - what images, containers and volumes take of the disk, and what removing would give back. */
#ifndef RCTR_DF_H
#define RCTR_DF_H

#include "storage/image_list.h"
#include "storage/record.h"
#include "storage/volume.h"

struct df_image {
    long long size, shared, unique; /* its layers; shared: those other images stand on too */
    size_t containers;              /* made from it */
};
struct df_container {
    struct record record; /* owned, settled */
    long long size;       /* what it wrote, its logs and what is known of it */
};
struct df_volume {
    char *name; /* owned */
    size_t links;
    long long size;
};

struct df_sum {
    size_t total, active;
    long long size, reclaimable; /* bytes of the disk */
};

struct df {
    struct image_list list;
    struct df_image *images; /* one for each of list.v */
    struct df_container *containers;
    size_t container_count;
    struct df_volume *volumes;
    size_t volume_count;
    struct df_sum of_images, of_containers, of_volumes;
    struct df_sum of_blobs;  /* compressed layers and manifests as they were pulled; active: those
                                that a name or a container needs */
    struct df_sum of_builds; /* steps in the build cache, layers that only they need, and the
                                folders of cache mounts; active: steps whose layer an image has */
    struct df_sum of_rest;   /* files: names, caches, events, and what killed commands have left,
                                which is reclaimable */
};

/* Looks at everything: milliseconds for what is small, seconds for containers or volumes with very
 * many files, and the first time for layers. A layer counts once, however many images stand on it.
 * The six sums together are what `du -s` says of the state folder (engine/df_disk). */
int df_load(const struct store *s, struct df *ret, struct err *e);
void df_free(struct df *d);
#define autodf __attribute__((cleanup(df_free)))

#endif
