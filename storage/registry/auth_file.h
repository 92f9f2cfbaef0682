/* auth_file - one file of credentials, as podman (auth.json) and docker (config.json) write it.
 *
 * "auths" maps registries, or paths below them, to credentials; "credHelpers" maps registries to
 * programs that keep them, "credsStore" names one for all others. Source: containers-auth.json(5),
 * docker's "Credential stores". */
#ifndef RCTR_AUTH_FILE_H
#define RCTR_AUTH_FILE_H

#include <jansson.h>

#include "storage/registry/creds.h"

enum { AUTH_FILE_MAX = 1 << 20, AUTH_FILE_KEY_MAX = 1024 };

/* The usual places, the one that we write first: 0 is podman's, of this login session where there
 * is one; then ~/.config/containers/auth.json; then docker's. New, or NULL where the environment
 * names no such place. */
enum { AUTH_FILE_PLACES = 3 };
char *auth_file_place(unsigned i);

/* Docker's old keys are addresses: "https://index.docker.io/v1/" is docker.io. Returns buf, "" for
 * one that is too long. */
const char *auth_file_key(const char *key, char *buf, size_t size);

/* Which credentials does it have for `name` (registry/path, or registry alone)? The longest path
 * that fits wins; helpers are asked about the registry. 1: found, 0: none. */
enum { AUTH_FILE_MISSING = 2 }; /* no such file */
int auth_file_find(const char *path, const char *name, struct creds *ret, struct err *e);

/* The helper that keeps what belongs to `name`'s registry, or NULL. Borrowed from the document. */
int auth_file_helper(const json_t *file, const char *name, const char **ret, struct err *e);
/* How helpers call the registry of `name`. Returns buf. */
const char *auth_file_server(const char *name, char *buf, size_t size);

#endif
