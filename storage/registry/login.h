/* login - does a registry accept these credentials?
 *
 * Source: OCI distribution-spec 1.1 "Determining Support", Docker's "Token Authentication
 * Specification". */
#ifndef RCTR_LOGIN_H
#define RCTR_LOGIN_H

#include "storage/registry/creds.h"
#include "storage/registry/registry.h"

/* 0: it does, or it lets everybody in. -EACCES: it does not. `o` tells how to go there; its creds
 * are not used. */
int login_check(const char *registry, const struct creds *c, const struct registry_options *o,
                struct err *e);

#endif
