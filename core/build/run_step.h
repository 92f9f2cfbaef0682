/* run_step - one RUN of a build: a program in a root of its own, on the same way as `run`'s, but
 * without a record and without a monitor: this process keeps its network and reads its output. */
#ifndef RCTR_RUN_STEP_H
#define RCTR_RUN_STEP_H

#include <signal.h>

#include "core/build/seal.h"
#include "core/engine/request.h"

struct run_step_job {
    struct store *store;
    const struct idmap *map;   /* the store's */
    const struct image *below; /* the layers to stand on, and the configuration: its environment,
                                  user and folder count, and the request's words come over them */
    const struct container_request *request; /* args, env, network, limits … as `run` takes them */
    const struct volume_opt *mounts;         /* RUN --mount: over the request's volumes; borrowed */
    size_t mount_count;
    const struct seal_times *times;
    const char *driver; /* of storage/rootfs; NULL: the best one */
    /* What the program writes; stream 1 or 2. NULL: it is dropped. */
    void (*output)(void *arg, int stream, const char *bytes, size_t n);
    void (*tick)(void *arg); /* some times a second while it runs; or NULL */
    void *arg;
};

struct run_step_root;

/* The words of a request that count for every step alike: a wrong one is told before anything is
 * built, and when every step comes out of the cache. */
int run_step_check(const struct store *s, const struct idmap *map,
                   const struct container_request *q, struct err *e);

/* Make the root that the step will have: layers, and an empty upper folder in the process's
 * temporary folder. Nothing is mounted yet. */
int run_step_open(const struct run_step_job *job, struct run_step_root **ret, struct err *e);
/* The signals by which a user ends a build: the caller holds them back (sigprocmask) as long as a
 * step is at work, so that nothing half-made stays. */
void run_step_signals(sigset_t *ret);
/* Run the program to its end, or until one of those signals comes (-EINTR). Returns its exit
 * status, as a shell sees it; e->status is 127 or 126 when it could not be begun. */
int run_step_go(struct run_step_root *root, struct err *e);
/* After it: something of it was killed because --memory was used up. */
bool run_step_out_of_memory(const struct run_step_root *root);
/* What was changed, as a layer. */
int run_step_seal(struct run_step_root *root, struct layer_tar *ret, struct err *e);
/* Remove what is left of it. NULL allowed. */
void run_step_close(struct run_step_root *root);

/* For what works on the files itself (COPY): the root as rootfs_plan made it. */
const struct rootfs *run_step_rootfs(const struct run_step_root *root);

#endif
