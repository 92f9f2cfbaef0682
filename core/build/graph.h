/* graph - the stages of a Dockerfile, what each stands on, and which of them are needed. */
#ifndef RCTR_GRAPH_H
#define RCTR_GRAPH_H

#include "core/build/dockerfile.h"
#include "core/build/scope.h"

struct graph_stage {
    const struct dockerfile_stage *stage; /* borrowed */
    char *base;                           /* owned: FROM's image, its variables replaced */
    int base_stage;                       /* or the stage that it stands on; else -1 */
    char *platform;                       /* owned: of --platform, replaced; NULL: none given */
    size_t *needs; /* owned: other stages, base_stage among them; each once */
    size_t need_count;
    bool needed; /* by the target */
};

struct graph {
    struct graph_stage *stages; /* owned; in the order of the file */
    size_t n, target;
    size_t *order; /* owned: the needed ones, each after those that it needs */
    size_t order_count;
};

/* `target`: a stage's name or number; NULL: the last one. `all`: stages are needed that it does
 * not need. `scope` has the ARGs before the first
 * FROM. -ENOENT: no such stage; -ELOOP: stages that need each other. */
int graph_make(const struct dockerfile *f, struct scope *scope, const char *target, bool all,
               struct graph *ret, struct err *e);
void graph_free(struct graph *g);

/* The stage that COPY --from or a mount's from= means, or -ENOENT: it is an image or a context.
 * Names are those of all stages, numbers those of earlier ones. */
int graph_find(const struct dockerfile *f, size_t stage, const char *name);

/* As text: a line a stage. */
void graph_print(const struct graph *g, struct text *to);

#endif
