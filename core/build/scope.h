/* scope - what the variables of a Dockerfile are worth, at one line of one stage.
 *
 * ARGs before the first FROM are seen by FROM lines, and by stages that name them again. A stage's
 * own are seen from their line on, and by stages that stand on it. ENV wins over ARG; --build-arg
 * over an ARG's default. Proxies need no ARG, the platform's names one without a value. Source:
 * Dockerfile reference, "ARG", "Scope", "Predefined ARGs", "Automatic platform ARGs". */
#ifndef RCTR_SCOPE_H
#define RCTR_SCOPE_H

#include <jansson.h>

#include "core/base/text.h"
#include "storage/manifest.h"

struct scope_vars {
    struct strv names;  /* declared */
    struct strv values; /* one for each; meaningless where it is not set */
    bool *set;          /* owned; one for each */
};

struct scope {
    struct strv given;            /* "NAME=VALUE" of --build-arg */
    bool *used;                   /* owned; one for each of them */
    struct scope_vars predefined; /* the platform's */
    struct scope_vars global, stage;
    bool in_stage;
    bool host_proxies;    /* RUN finds this process's proxies, where nobody sets others */
    const json_t *config; /* the stage's, for its Env; borrowed; NULL: none yet */
};

/* `given`: "NAME=VALUE", or "NAME" for what this process's environment has. */
int scope_init(struct scope *s, const char *const *given, size_t n, const struct platform *target,
               const struct platform *build, const char *target_stage, struct err *e);
void scope_free(struct scope *s);

/* A line ARG NAME[=value], already expanded; `value` NULL: none. */
int scope_declare(struct scope *s, const char *name, const char *value, struct err *e);
/* Enter a stage; `parent` (may be NULL) has the variables of the one that it stands on. */
int scope_enter(struct scope *s, const struct scope_vars *parent, struct err *e);

/* For dockerfile_word: `context` is the struct. NULL: not set. */
const char *scope_get(void *context, const char *name);

/* Is there a line for it, set or not? */
bool scope_has(const struct scope *s, const char *name);
/* All names that scope_has knows, appended. */
int scope_names(const struct scope *s, struct strv *ret, struct err *e);
/* HTTP_PROXY and its like, SOURCE_DATE_EPOCH, BUILDKIT_…: --build-arg may give them without ARG. */
bool scope_needs_no_arg(const char *name);

/* What a RUN finds in its environment beside the image's Env: "NAME=VALUE", appended. Proxies that
 * no ARG declares are left out where `key` is wanted: another proxy does not make another layer. */
int scope_environment(struct scope *s, bool key, struct strv *ret, struct err *e);
/* The names of --build-arg that no ARG took; appended. */
int scope_unused(const struct scope *s, struct strv *ret, struct err *e);

int scope_vars_copy(const struct scope_vars *from, struct scope_vars *ret, struct err *e);
void scope_vars_free(struct scope_vars *v);

#endif
