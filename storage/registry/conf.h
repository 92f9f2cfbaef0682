/* conf - registries.conf: where a name leads.
 *
 * Source: containers-registries.conf(5), version 2. With no configuration at all "alpine" is
 * docker.io/library/alpine. */
#ifndef RCTR_CONF_H
#define RCTR_CONF_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "storage/ref.h"

enum { CONF_ENDPOINTS = 16, CONF_CANDIDATES = 16 };

struct conf_registry {
    char *prefix, *location; /* owned */
    bool insecure, blocked;
    struct conf_mirror {
        char *location; /* owned */
        bool insecure;
        bool digest_only, tag_only; /* pull-from-mirror */
    } * mirrors;                    /* owned */
    size_t mirror_count;
};

struct conf {
    struct strv search;               /* unqualified-search-registries */
    struct strv alias_from, alias_to; /* [aliases], side by side */
    struct conf_registry *registries; /* owned */
    size_t registry_count;
};

/* $CONTAINERS_REGISTRIES_CONF alone; else the user's containers/registries.conf or the one of /etc,
 * and then the registries.conf.d of /etc and of the user. No file is an empty configuration; one
 * that cannot be understood is a failure that names file and line. */
int conf_load(struct conf *ret, struct err *e);
void conf_free(struct conf *c);
/* Add the text of one file; what it sets replaces what was set before. `name` is for messages. */
int conf_parse(struct conf *c, const char *text, const char *name, struct err *e);

/* The full names that a short one may mean, in the order in which they are tried; a full name
 * means itself. */
int conf_candidates(const struct conf *c, const struct ref *name, struct ref *ret, size_t *ret_n,
                    struct err *e);

/* Where the bytes of a full name are: mirrors first. */
struct conf_endpoint {
    char host[REF_PART_MAX];     /* "host[:port]" */
    char repo[2 * REF_PART_MAX]; /* below /v2/ */
    bool insecure, mirror;
};
/* -EPERM: blocked. At least one endpoint otherwise. */
int conf_endpoints(const struct conf *c, const struct ref *name,
                   struct conf_endpoint ret[CONF_ENDPOINTS], size_t *ret_n, struct err *e);

#endif
