/* auth_store - credentials put into a file, and taken out of it.
 *
 * The file is read and replaced as a whole under a lock on its folder, and is for its owner alone;
 * what it holds beside the entry stays. Where the file names a credential helper, that keeps the
 * secret. Neither a link of another user nor a folder that others can write to is trusted. */
#ifndef RCTR_AUTH_STORE_H
#define RCTR_AUTH_STORE_H

#include "storage/registry/creds.h"

enum { AUTH_STORE_LOCK_MS = 30000 };

/* `authfile`, else $REGISTRY_AUTH_FILE, else the first usual place. New. */
int auth_store_path(const char *authfile, char **ret, struct err *e);

/* `key` is a registry, or a path below one. *ret_where (new) is the file, or the helper's name. */
int auth_store_set(const char *path, const char *key, const struct creds *c, char **ret_where,
                   struct err *e);
/* 1: removed, 0: it was not there. */
int auth_store_erase(const char *path, const char *key, struct err *e);
/* Everything: the file's entries, and what its helpers keep for registries that it names. */
int auth_store_erase_all(const char *path, struct err *e);

#endif
