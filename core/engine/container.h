/* container - what the command line asked for, merged with an image into one container. */
#ifndef RCTR_CONTAINER_H
#define RCTR_CONTAINER_H

#include "core/engine/definition.h"
#include "core/engine/request.h"
#include "storage/image.h"
#include "storage/record.h"
#include "storage/rootfs.h"
#include "storage/store.h"

struct container {
    struct store *store; /* borrowed */
    struct record record;
    struct definition def; /* spec, policy, origin */
    struct rootfs rootfs;
    char *dir; /* the container's folder, absolute */
};

/* Make the container: its record (still CREATING), its folder with config.json, its root as a plan.
 * `image` is NULL with --rootfs. Nothing runs yet. On failure nothing is left. */
int container_create(struct store *s, const struct container_request *q, const struct image *image,
                     struct container *ret, struct err *e);
/* It stays as it is, state CREATED, after this process has ended. */
int container_keep(struct container *c, struct err *e);
/* Undo container_create, for one that was never started. */
void container_discard(struct container *c);

/* One that was made before, for container_start: takes `r` on success. */
int container_load(struct store *s, struct record *r, struct container *ret, struct err *e);
void container_free(struct container *c); /* memory only */

/* Start it under a monitor of its own; *ret_client as monitor_start's. Waits until the program
 * runs. On failure a container that container_create has just made is gone; any other is what it
 * was, with the reason in record.error. -EALREADY: it runs (or is paused, …) already. */
int container_start(struct container *c, int *ret_client, struct err *e);
/* Another client for a running one; *ret_client gets the output from now on. -EINVAL: it does not
 * run. */
int container_attach(const struct store *s, struct record *r, int *ret_client, struct err *e);

/* Set it up under a monitor, but hold its program back: it is INITIALIZED then. Fails as
 * container_start does. */
int container_hold(struct container *c, struct err *e);
/* Let the program of an INITIALIZED one begin. *ret_client is a client's socket, which gets the
 * output when that is wanted. */
int container_release(const struct store *s, struct record *r, bool output, int *ret_client,
                      struct err *e);

#endif
