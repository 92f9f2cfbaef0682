/* build_secret - --secret and --ssh: what RUN --mount=type=secret and type=ssh may ask for.
 *
 * Only their places are kept here; what is in a secret is read when a step wants it. Source: docker
 * buildx build, "--secret" and "--ssh". */
#ifndef RCTR_BUILD_SECRET_H
#define RCTR_BUILD_SECRET_H

#include "core/base/err.h"
#include "core/base/text.h"

enum { BUILD_SECRET_MAX = 500 * 1024 };

struct build_secret {
    char *id;         /* owned */
    char *file;       /* owned; NULL: */
    char *env;        /* owned: the variable of the caller's */
    struct text kept; /* of a pipe, which can be read only once; wiped */
};
struct build_agent {
    char *id;     /* owned */
    char *socket; /* owned */
};
struct build_secrets {
    struct build_secret *v; /* owned */
    size_t n;
    struct build_agent *agents; /* owned */
    size_t agent_count;
};

/* --secret id=ID[,src=FILE|,env=NAME][,type=file|env]. Without either, the variable ID where there
 * is one, else the file ID. */
int build_secret_add(struct build_secrets *s, const char *text, struct err *e);
/* --ssh default|ID[=SOCKET]: an agent; without a path the one of $SSH_AUTH_SOCK. -ENOENT. */
int build_secret_add_agent(struct build_secrets *s, const char *text, struct err *e);
void build_secret_free(struct build_secrets *s);
#define autobuildsecrets __attribute__((cleanup(build_secret_free)))

/* NULL: there is none. */
const struct build_secret *build_secret_find(const struct build_secrets *s, const char *id);
const struct build_agent *build_secret_find_agent(const struct build_secrets *s, const char *id);

/* Its bytes, at most BUILD_SECRET_MAX. Wipe them. */
int build_secret_read(const struct build_secret *s, struct text *ret, struct err *e);
void build_secret_wipe(struct text *t);

#endif
