/* dockerfile_rules - the build checks that look at one instruction of a stage.
 *
 * The walk over the file, its stages and its variables is dockerfile_check. */
#ifndef RCTR_DOCKERFILE_RULES_H
#define RCTR_DOCKERFILE_RULES_H

#include "core/build/dockerfile_args.h"
#include "core/build/dockerfile_finding.h"
#include "core/build/ignore.h"
#include "core/build/scope.h"

/* What a stage has come to; a stage that begins with another one takes this over. */
struct dockerfile_rules_stage {
    struct scope_vars vars; /* once it has ended */
    bool workdir_set, shell_set;
    const struct dockerfile_instruction *last[DOCKERFILE_KIND_COUNT]; /* CMD and the like */
};

struct dockerfile_rules {
    struct dockerfile_findings *found;
    struct ignore *ignore;                /* the context's, or NULL */
    struct dockerfile_rules_stage *stage; /* the one at hand */
};

/* `v` has the variables as they are before the instruction. Changes the stage, but for its
 * variables.
 */
void dockerfile_rules_look(struct dockerfile_rules *r, const struct dockerfile_view *v);
/* ARG and ENV: names that are those of secrets. Also before the first FROM. */
void dockerfile_rules_secrets(struct dockerfile_findings *found, const struct dockerfile_view *v);

#endif
