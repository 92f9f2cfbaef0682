/* container - what the command line asked for, merged with an image into one container. */
#ifndef RCTR_CONTAINER_H
#define RCTR_CONTAINER_H

#include "core/engine/request.h"
#include "storage/image.h"
#include "storage/record.h"
#include "storage/rootfs.h"
#include "storage/store.h"

struct container {
    struct store *store; /* borrowed */
    struct record record;
    struct spec spec;
    struct rootfs rootfs;
    char *dir; /* the container's folder, absolute */
    long long timeout_s;
};

/* Make the container: its record, its folder, its root as a plan. `image` is NULL with
 * --rootfs. Nothing runs yet. On failure nothing is left. */
int container_create(struct store *s, const struct container_request *q, const struct image *image,
                     struct container *ret, struct err *e);
/* Undo container_create, for one that was never started. */
void container_discard(struct container *c);
void container_free(struct container *c); /* memory only */

/* Start it under a monitor of its own; *ret_client as monitor_start's. Waits until the program
 * runs; on failure the container is gone. */
int container_start(struct container *c, int *ret_client, struct err *e);

#endif
