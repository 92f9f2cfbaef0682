/* env - the environment of a container's program.
 *
 * Only what is named reaches it: the image's Env, -e, --env-file, and the few that rctr sets. The
 * caller's own environment stays outside but for names that -e or --env-file ask for.
 * Source: OCI image-spec config.md "Env"; docker-run(1), podman-run(1). */
#ifndef RCTR_ENV_H
#define RCTR_ENV_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/text.h"

struct env_input {
    const struct strv *image; /* NAME=VALUE; may be NULL */
    const struct strv *files; /* --env-file, in order; may be NULL */
    const struct strv *set;   /* -e: NAME=VALUE, NAME (the caller's), NAME* (all that begin so) */
    char *const *host;        /* the caller's environment (environ) */
    bool take_all;            /* --env-host: all of it, before the image's */
    bool take_proxies;        /* --http-proxy: the same for the variables of env_proxies */
    bool drop_all;            /* --unsetenv-all: only `files` and `set` */
    const struct strv *drop;  /* --unsetenv: names that only `files` and `set` may set; or NULL */
    const char *hostname;     /* HOSTNAME, unless NULL */
    const char *home;         /* HOME, where nobody else sets it */
    bool tty;                 /* TERM=xterm, where nobody else sets it */
};

/* The variables by which programs find a proxy, NULL-terminated. */
extern const char *const env_proxies[];

#define ENV_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Later ones win: PATH, TERM, container=rctr, HOSTNAME, HOME, the caller's, the image's, files',
 * -e's. -EINVAL: a name is empty or has a space (the file and line are named). */
int env_build(const struct env_input *in, struct strv *ret, struct err *e);

#endif
