/* build_stage - one stage of a build on its way, and its steps. Shared by the rooms of build only.
 */
#ifndef RCTR_BUILD_STAGE_H
#define RCTR_BUILD_STAGE_H

#include "core/build/build_ask.h"
#include "core/build/dockerfile_args.h"
#include "core/build/file_digest.h"
#include "core/build/graph.h"
#include "core/build/image_files.h"

struct build_stage {
    struct draft draft;
    struct scope_vars vars;           /* its ARGs, at its end */
    size_t base_layers, base_history; /* of the image that it began with */
    struct digest key;                /* of the last step */
    struct digest own_key;            /* the same in the chain of this build alone, when `salted` */
    bool salted;          /* nothing comes from the cache that this build has not put there */
    long long created_ns; /* of the last step */
    bool cmd_set;
    bool done;
};

struct build {
    const struct build_request *q;
    struct graph graph;
    struct scope scope;
    struct idmap map;
    struct build_stage *stages; /* one for each of the graph's */
    struct file_digest *digests;
    char salt[40];        /* what makes keys this build's own */
    struct strv own_keys; /* "sha256:…": records to be removed at the end */
    bool muted;           /* nothing is told: another process has told it */

    /* The stage at hand. */
    size_t index, step, steps;
    const struct dockerfile
        *file; /* whose lines are done: a trigger of an image is one of its own */
    const struct dockerfile_instruction *at;
};

/* All of a stage (build_from.c): those that it needs are done. */
int build_from_stage(struct build *b, size_t index, struct err *e);

/* One instruction but FROM: its effect on the stage at hand. */
int build_stage_do(struct build *b, const struct dockerfile *f,
                   const struct dockerfile_instruction *i, struct err *e);

/* For the steps. */
struct build_stage *build_stage_now(struct build *b);
void build_stage_tell(const struct build *b, enum build_phase phase, const char *text);
/* The same in two steps, for events that have more. */
struct build_event build_stage_event(const struct build *b, enum build_phase phase);
void build_stage_send(const struct build *b, const struct build_event *ev);

/* key = digest of the key before and `inputs`. */
int build_stage_key(struct build *b, const char *inputs, size_t n, struct err *e);
/* Take the step at hand from the cache: 1, and its layer and history are in the draft; 0: it has to
 * be done. */
int build_stage_cached(struct build *b, const char *said, struct err *e);
/* It was done: its layer (NULL: none) into the draft, the history and the cache. */
int build_stage_made(struct build *b, const char *said, const struct layer_tar *layer,
                     struct err *e);

/* The files of --build-context NAME, for COPY --from and mounts: before stages and images. NULL: no
 * such name, or it means an image, which build_stage_image knows. */
struct context *build_stage_context(const struct build *b, const char *name);
/* Does --build-context say what the name means? Then no stage of that name counts. */
bool build_stage_named(const struct build *b, const char *name);
/* The image that a name means for FROM, COPY --from and mounts. */
int build_stage_image(struct build *b, const char *name, const struct platform *platform,
                      struct image *ret, struct err *e);

/* The layers above base_layers as one (build_squash.c). */
int build_squash(struct build *b, struct build_stage *s, struct err *e);

/* RUN, and COPY or ADD (build_run.c, build_copy.c). */
int build_run_step(struct build *b, const struct dockerfile_view *v, struct err *e);
int build_copy_step(struct build *b, const struct dockerfile_view *v, struct err *e);

#endif
