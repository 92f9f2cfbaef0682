/* auth - who we are to a registry: credentials, and what the server challenges us for.
 *
 * Credentials come from --creds or from an auth.json as podman and docker write it; the most
 * specific path wins (registry/team/tool, then registry/team, then registry). Sources:
 * containers-auth.json(5), RFC 7235, distribution's "Token Authentication Specification". */
#ifndef RCTR_AUTH_H
#define RCTR_AUTH_H

#include <stdbool.h>

#include "storage/registry/creds.h"

/* `given` is "user:password" or NULL; `authfile` NULL: $REGISTRY_AUTH_FILE, else
 * $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json, ~/.docker/config.json. No
 * entry is success with NULLs; a file that was named and is missing, or that cannot be
 * understood, is a failure. */
int auth_find(const char *given, const char *authfile, const char *registry, const char *repo,
              struct creds *ret, struct err *e);

enum auth_scheme { AUTH_NONE, AUTH_BASIC, AUTH_BEARER };
struct auth_challenge {
    enum auth_scheme scheme;
    char realm[2048], service[512], scope[1024];
};
/* The WWW-Authenticate values, a line each: Bearer is preferred to Basic. AUTH_NONE when no known
 * scheme is there. -EINVAL: a Bearer challenge without a realm, or one that is too long. */
int auth_parse(const char *lines, struct auth_challenge *ret, struct err *e);

/* "Basic …" appended. */
int auth_basic(const struct creds *c, struct text *ret, struct err *e);
/* The query of a token request: "service=…&scope=…", percent-encoded; appended. `scope` "" is
 * left out: who logs in asks for nothing yet. */
void auth_query(const struct auth_challenge *c, const char *scope, struct text *ret);
/* The form of an OAuth 2 request with the identity token; appended. */
void auth_form(const struct auth_challenge *c, const char *scope, const struct creds *creds,
               struct text *ret);

#endif
