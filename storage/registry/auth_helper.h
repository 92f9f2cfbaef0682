/* auth_helper - programs that keep credentials for us: docker-credential-NAME.
 *
 * A helper is looked for on PATH, only in folders that nobody but root and the caller can write to.
 * What it is told goes through a pipe, never into its arguments; what it says and how long it takes
 * is bounded. Source: github.com/docker/docker-credential-helpers, "Development". */
#ifndef RCTR_AUTH_HELPER_H
#define RCTR_AUTH_HELPER_H

#include "storage/registry/creds.h"

enum { AUTH_HELPER_MS = 60000, AUTH_HELPER_SAID_MAX = 1 << 20, AUTH_HELPER_TOLD_MAX = 32 << 10 };

/* `name` is what a configuration says ("pass" for docker-credential-pass), `server` the registry.
 * -ENOENT: there is no such helper. */

/* 1: found, 0: the helper knows nothing of it. */
int auth_helper_get(const char *name, const char *server, int timeout_ms, struct creds *ret,
                    struct err *e);
int auth_helper_store(const char *name, const char *server, const struct creds *c, int timeout_ms,
                      struct err *e);
/* 1: forgotten, 0: it did not know it. */
int auth_helper_erase(const char *name, const char *server, int timeout_ms, struct err *e);

#endif
