/* run_mount - RUN --mount and scripts: what was asked becomes what run_step mounts.
 *
 * Three steps: run_mount_plan is plain data (where, in which order, is anything there twice);
 * run_mount_describe adds what counts for the step's key; run_mount_open makes and locks it all,
 * and run_mount_close undoes that. Of secrets nothing but their ids ever reaches the key. Source:
 * Dockerfile reference, "RUN --mount". */
#ifndef RCTR_RUN_MOUNT_H
#define RCTR_RUN_MOUNT_H

#include "core/build/build_secret.h"
#include "core/build/context_view.h"
#include "core/build/dockerfile_args.h"
#include "core/build/image_files.h"
#include "storage/cache_mount.h"

/* One thing to be had in the step. */
struct run_mount_item {
    const struct dockerfile_mount *m; /* borrowed; NULL: the script */
    char *target;                     /* owned: absolute; NULL: a secret that is only a variable */

    /* Found by run_mount_describe. */
    const struct image *image; /* what --mount=from= means; borrowed or `own` */
    struct image own;
    bool owned;
    struct context *context;       /* the build's, or that of --build-context; borrowed */
    struct context_view_spot spot; /* of it */

    /* Made by run_mount_open. */
    struct image_files files;
    struct context_view view;
    struct held_mount held;
    struct cache_mount cache;
    char *dir; /* owned: a temporary folder */
    char name[64];
    int dir_fd;
};

struct run_mount {
    struct run_mount_item *items; /* owned; outer places before inner ones */
    size_t n;
    const char *script; /* borrowed */

    struct volume_opt *v; /* owned: for run_step */
    size_t volume_count;
    struct strv env;                      /* NAME=VALUE that secrets and agents give; wiped */
    const struct dockerfile_mount *agent; /* that SSH_AUTH_SOCK names: the first one written */
    int tmp_fd;
};

/* Where a script is in the step; the program to be run. */
#define RUN_MOUNT_SCRIPT "/dev/pipes/"

/* `cwd`: the working folder of the step, for targets that are not absolute. -EINVAL: a place that
 * cannot be mounted on. -EEXIST: two on one place. */
int run_mount_plan(const struct dockerfile_run *run, const char *cwd, const char *script_name,
                   struct run_mount *ret, struct err *e);
/* For tests and people. */
void run_mount_print(const struct run_mount *m, struct text *to);
void run_mount_close(struct run_mount *m);

struct build;
/* What counts for the key: contents of the context's files, layers of images, places and ids. */
int run_mount_describe(struct run_mount *m, struct build *b, struct text *to, struct err *e);
/* Waits for locked caches. -ENOENT: a secret or an agent that is required is not there. */
int run_mount_open(struct run_mount *m, struct build *b, struct err *e);

#endif
